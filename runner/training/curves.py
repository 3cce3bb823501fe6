"""Training curves: what TensorBoard shows of a training besides its losses and metrics, and how often.

Names are groups and quantities. TensorBoard sorts the groups: `train`, `val`, then `workload`.
"""

import time
from collections.abc import Mapping

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # type: ignore[attr-defined]  # generated at import
from torch import Tensor

from interface.batches import Batch

NUM_POINTS = 100  # least number of points of a training curve, if the training has as many steps
MOST_STEPS_PER_POINT = 50
GIB = 2**30
GPU_MEMORY, WAITING = "workload/gpu_memory_gib", "workload/waiting_for_data_percent"  # names of curves


class CurveLogger(TensorBoardLogger):
    """TensorBoard logger of curves, without Lightning's curve of the epoch and the single points of a test.

    `latest`: value of the last point of each curve.
    """

    latest: Mapping[str, float] = {}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics of trainings and validations."""
        curves = {name: value for name, value in metrics.items() if name != "epoch" and not name.startswith("test/")}
        self.latest = {**self.latest, **curves}
        super().log_metrics(curves, step)

    def restart(self, step: int) -> None:
        """Remove the points from a step on, which a killed process has logged after its last checkpoint."""
        event = Event(session_log=SessionLog(status=SessionLog.SessionStatus.Value("START")))
        self.experiment.file_writer.add_event(event, step)  # `purge_step` of SummaryWriter is for its constructor only


class Curves(Callback):
    """Logs the norm of the gradients, the speed, the share of time spent waiting for data, and the GPU memory.

    Everything is computed at logging steps only. The time of validations does not count. `unit`: noun for the items.
    """

    def __init__(self, unit: str) -> None:
        self.speed = f"workload/{unit.replace(' ', '_')}_per_second"
        self.interval = 1  # steps between two points
        self.num_items = 0
        self.seconds = self.waited = 0.0  # since the last point; until the last point
        self.resumed_at = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the interval of the points, and continue the curves of a resumed training.

        The peak of the memory does not include earlier trials of micro-batches.
        """
        self.interval = steps_per_point(int(trainer.estimated_stepping_batches))
        trainer.log_every_n_steps = self.interval  # pyright: ignore[reportAttributeAccessIssue]
        if trainer.is_global_zero and isinstance(trainer.logger, CurveLogger):
            trainer.logger.restart(trainer.global_step)
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.resumed_at = time.monotonic()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seconds += time.monotonic() - self.resumed_at

    on_train_epoch_end = on_validation_start

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.resumed_at = time.monotonic()

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if (trainer.global_step + 1) % self.interval == 0:
            # A fused optimiser removes the scale of mixed precision itself, after this.
            is_scaled = trainer.scaler is not None and optimizer.param_groups[0]["fused"]
            scale = trainer.scaler.get_scale() if is_scaled else 1.0  # pyright: ignore[reportOptionalMemberAccess]
            pl_module.log("train/gradient_norm", gradient_norm(pl_module) / scale)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        """Count the items, and log speed, waiting and the peak of the GPU memory since the last point."""
        self.num_items += len(batch.targets) * trainer.world_size
        if (batch_idx + 1) % trainer.accumulate_grad_batches or trainer.global_step % self.interval:
            return
        now = time.monotonic()
        seconds = max(self.seconds + now - self.resumed_at, 1e-9)
        waited = trainer.datamodule.train_loader.seconds_waited  # type: ignore[attr-defined]
        pl_module.log(self.speed, self.num_items / seconds)
        pl_module.log(WAITING, 100 * (waited - self.waited) / seconds)
        if pl_module.device.type == "cuda":
            pl_module.log(GPU_MEMORY, torch.cuda.max_memory_allocated(pl_module.device) / GIB)
            torch.cuda.reset_peak_memory_stats(pl_module.device)
        self.num_items, self.seconds, self.waited, self.resumed_at = 0, 0.0, waited, now


def steps_per_point(num_steps: int) -> int:
    return max(1, min(MOST_STEPS_PER_POINT, num_steps // NUM_POINTS))


def gradient_norm(module: LightningModule) -> Tensor:
    return torch.nn.utils.get_total_norm([p.grad for p in module.parameters() if p.grad is not None])
