"""Processes of a training, which can be resumed with other code and on other machines, and their device time."""

import math
import signal
import time
from collections.abc import Sequence

from lightning import Callback, LightningModule, Trainer

from data.loaders import Loader
from runner.store.records import UNKNOWN


class TrainingProvenance(Callback):
    """Distinct provenance of all processes of a training, in its order."""

    def __init__(self, provenance: dict[str, object]) -> None:
        self.sessions = [provenance]

    def state_dict(self) -> dict[str, list[dict[str, object]]]:
        return {"sessions": self.sessions}

    def load_state_dict(self, state_dict: dict[str, list[dict[str, object]]]) -> None:
        earlier, current = state_dict["sessions"], self.sessions[-1]
        self.sessions = earlier if current in earlier else [*earlier, current]

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict) -> None:
        """Name the processes before the checkpoint of an earlier version, which does not contain them, as unknown."""
        if self.state_key not in checkpoint["callbacks"]:
            self.load_state_dict({"sessions": [UNKNOWN]})


class DeviceClock(Callback):
    """Device seconds of a training, validations included. They add up over stops and changes of the device count.

    `waited`: device seconds for which the first process waited for data; NaN after a checkpoint of an earlier version.
    """

    def __init__(self) -> None:
        self.seconds = self.waited = 0.0
        self.devices = 0
        self.loaders: Sequence[Loader] = ()
        self.counted = 0.0  # seconds that this process has waited until the last update
        self.updated_at = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.devices, self.updated_at = trainer.world_size, time.monotonic()
        self.loaders = trainer.datamodule.loaders  # type: ignore[attr-defined]

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.update()
        self.devices = 0

    def update(self) -> None:
        now = time.monotonic()
        self.seconds += self.devices * (now - self.updated_at)
        self.updated_at = now
        waited = sum(loader.seconds_waited for loader in self.loaders)
        self.waited += self.devices * (waited - self.counted)
        self.counted = waited

    @property
    def waiting_share(self) -> float | None:
        """Share of the time for which data were awaited; None if it is unknown."""
        return None if math.isnan(self.waited) else self.waited / max(self.seconds, 1e-9)

    def state_dict(self) -> dict[str, float]:
        self.update()
        return {"device_seconds": self.seconds, "waited_seconds": self.waited}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self.seconds, self.waited = state_dict["device_seconds"], state_dict.get("waited_seconds", math.nan)


class EndTogether(Callback):
    """Ends the other processes of a training if one of several fails: they may wait for it.

    Lightning's teardown would itself wait for collectives that the others no longer join, until NCCL ends this process
    before it names the reason.
    """

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if trainer.world_size == 1:
            return
        if trainer.is_global_zero and trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(signal.SIGKILL)
        for logger in trainer.loggers:
            logger.finalize("failed")  # as Lightning does after this hook
        raise exception
