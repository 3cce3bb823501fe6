"""The LightningModule of a run: a model, a task and a training recipe."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.plain_data import encoded
from lightning_modules.optim import OptimConfig
from lightning_modules.task import Place, Task
from models.model import Model
from models.saved_weights import FROZEN, RUN
from models.tensors import frozen_fingerprint, frozen_parameters


class TaskModule(LightningModule):
    """Training and testing of a model on a task.

    Args:
        model: maps the inputs of a batch to outputs (B, all classes of all kinds of label).
        optim: training recipe; None without training.
        seed: seed, together with the step number, of all randomness inside model and task (drop path, mixup).
        run: config of the run that builds it, which its checkpoints contain.
    """

    def __init__(
        self, model: Model, task: Task, optim: OptimConfig | None, protocol: EvalConfig, seed: int, run: object = None
    ) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.optim = optim
        self.protocol = protocol
        self.seed = seed
        self.run = run
        self.scores = task.new_scores(protocol)
        self.step_seed = seed

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.model(*inputs)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Optimiser and schedule of the recipe. The schedule is updated at every step."""
        assert self.optim is not None
        optimizer, schedule = self.optim.build(self.model, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed each step by its number, so that a resumed run draws the same values as an uninterrupted one."""
        step = self.current_epoch * int(self.trainer.num_training_batches) + batch_idx
        self.step_seed = hash((self.seed, step, self.global_rank)) % 2**63
        torch.manual_seed(self.step_seed)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.step_seed)
        place = Place(self.seed, self.current_epoch, batch.start)
        inputs, targets = self.task.prepare(batch.inputs, batch.targets, generator, place)
        outputs = self(*inputs)
        loss = self.task.loss(outputs, targets)
        self.log("train/loss", loss, on_step=True, on_epoch=False)
        self._log_curves("train", self.task.curves(outputs, batch.targets))
        rate = float(max(self.lr_schedulers().get_last_lr()))  # type: ignore[union-attr]
        self.log("train/lr", torch.full((), rate, device=self.device))  # a number would be copied, which waits for it
        replaced = batch.unreadable.float().sum()
        self.log(
            "train/replaced_items",
            replaced,
            reduce_fx="sum",
            on_step=False,
            on_epoch=True,
            sync_dist=True,
            logger=False,
        )
        return loss * batch.weight

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Log the loss and the metrics of one unaugmented view per item."""
        outputs, size = self(*(part.flatten(0, 1) for part in batch.inputs)), len(batch.targets)
        self.log("val/loss", self.task.validation_loss(outputs, batch.targets), sync_dist=True, batch_size=size)
        self._log_curves("val", self.task.curves(outputs, batch.targets), sync_dist=True, batch_size=size)

    def _log_curves(self, stage: str, curves: Mapping[str, Tensor], **options: bool | int) -> None:
        for name, value in curves.items():
            self.log(f"{stage}/{name}", 100 * value, **options)  # type: ignore[arg-type]

    def on_test_epoch_start(self) -> None:
        self.scores = self.task.new_scores(self.protocol)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.scores.test(self.model, batch)

    def on_test_epoch_end(self) -> None:
        if self.trainer.world_size > 1:
            states: list[object] = [None] * self.trainer.world_size
            torch.distributed.all_gather_object(states, self.scores.state())
            self.scores = self.task.new_scores(self.protocol)
            for state in states:
                self.scores.merge(state)
        metrics = self.scores.result().metrics
        self.log_dict({f"test/{name}": value for name, value in metrics.items()}, sync_dist=True)  # equal on all ranks

    @classmethod
    def load_from_checkpoint(  # pyright: ignore[reportIncompatibleMethodOverride]: nothing else is to be named
        cls, checkpoint_path: str | Path, map_location: torch.device | str | None = None
    ) -> Self:
        """Module of a checkpoint, or of the weights (.safetensors) of a run, from the file alone.

        Frozen weights, which neither contains, come from the files of initial weights, or from the other runs in the
        folder of the runs.

        Raises:
            ValueError: for a file without a config, of another version, or whose frozen weights are not there.
        """
        from lightning_modules.from_checkpoint import loaded  # here: a training needs it not

        module = loaded(Path(checkpoint_path))
        assert isinstance(module, cls)
        return module if map_location is None else module.to(map_location)

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        checkpoint[RUN] = encoded(self.run)
        state = checkpoint["state_dict"]
        assert isinstance(state, dict)
        frozen = {f"model.{name}" for name, _ in frozen_parameters(self.model)}
        if frozen:
            checkpoint["state_dict"] = {name: tensor for name, tensor in state.items() if name not in frozen}
            checkpoint[FROZEN] = self.frozen_fingerprint

    def on_load_checkpoint(self, checkpoint: dict[str, object]) -> None:
        """Add the frozen weights, which must equal those at the time of saving."""
        if checkpoint.get(FROZEN) != self.frozen_fingerprint:
            raise ValueError(
                f"the frozen weights ({self.frozen_fingerprint}) are not those of the checkpoint "
                f"({checkpoint.get(FROZEN)}): get the weights that were used then, or train again from the start"
            )
        state = checkpoint["state_dict"]
        assert isinstance(state, dict)
        state.update({f"model.{name}": parameter for name, parameter in frozen_parameters(self.model)})

    @cached_property
    def frozen_fingerprint(self) -> str | None:
        return frozen_fingerprint(self.model)
