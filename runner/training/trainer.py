"""The only function that creates a Trainer."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from lightning import Callback, Trainer
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import AdvancedProfiler, PyTorchProfiler, SimpleProfiler

from experiments.spec.run import RunConfig
from lightning_modules.optim import OptimConfig
from runner.machine.request import ProfilerName
from runner.machine.resources import Resources

# Lightning's name of its own last checkpoint, of which runs have none. Without a name it would take, under SLURM, a
# checkpoint that a requeued job of any run has left in the folder.
NO_CHECKPOINT = "last"
PROFILERS: dict[ProfilerName, type[SimpleProfiler | AdvancedProfiler | PyTorchProfiler]] = {
    "simple": SimpleProfiler,
    "advanced": AdvancedProfiler,
    "pytorch": PyTorchProfiler,
}


def make_trainer(
    run: RunConfig,
    resources: Resources,
    *,
    logger: Logger | None = None,
    callbacks: Sequence[Callback] = (),
    folder: Path | None = None,
    fast_dev_run: bool = False,
    profiler: ProfilerName | None = None,
) -> Trainer:
    """Trainer of a run on CUDA devices, or else on the CPU: no other device was tested. Only GPUs use mixed precision.

    `FittingBatches` among the callbacks of a training sets what depends on the split of its batches.

    Args:
        folder: folder for what Lightning itself writes, the files of a profiler among them.
    """
    quiet_lightning()
    optim = run.optim
    trainer = Trainer(
        accelerator="cuda" if torch.cuda.is_available() else "cpu",
        devices=resources.num_devices // resources.nodes,
        num_nodes=resources.nodes,
        strategy="ddp" if resources.num_devices > 1 else "auto",
        precision=optim.precision if optim is not None and torch.cuda.is_available() else "32-true",
        num_sanity_val_steps=0,
        deterministic="warn",
        use_distributed_sampler=False,
        default_root_dir=folder,
        plugins=slurm_environment(),
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        logger=logger or False,
        callbacks=list(callbacks),
        fast_dev_run=fast_dev_run,
        profiler=PROFILERS[profiler](folder and folder / "profile", profiler) if profiler is not None else None,
        **(schedule_arguments(optim) if optim is not None else {}),
    )
    if trainer.world_size != resources.num_devices:
        raise ValueError(
            f"{trainer.world_size} of {resources.num_devices} processes would train (--nodes times --devices): start "
            f"one a device, with srun --nodes=NODES --ntasks-per-node=DEVICES, or with torchrun"
        )
    # With deterministic algorithms, torch fills new memory by default. Our code never reads uninitialised memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    return trainer


def slurm_environment() -> SLURMEnvironment | None:
    """Processes of srun, without Lightning's own requeue of the job. torchrun comes before it."""
    found = SLURMEnvironment.detect() and not TorchElasticEnvironment.detect()
    return SLURMEnvironment(auto_requeue=False) if found else None


def schedule_arguments(optim: OptimConfig) -> dict:
    """Trainer arguments for the length and the gradient clipping of a recipe, and for its validations in epochs."""
    clipping = {"gradient_clip_val": optim.clip_norm} if optim.clip_norm is not None else {}
    if optim.steps is None:
        epochs = optim.length
        every = min(optim.validate_every, epochs) // optim.validation_parts
        return {"max_epochs": epochs, "check_val_every_n_epoch": every, **clipping}
    return {"max_steps": optim.steps, "check_val_every_n_epoch": None, **clipping}


def quiet_lightning() -> None:
    """Suppress Lightning's advertisements, and warnings that are wrong for small runs."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for advice in (
        "does not have many workers", "smaller than the logging interval", "LeafSpec", "have no state_dict",
        "command is available on your system but is not used", "no last checkpoint available",
    ):  # fmt: skip
        warnings.filterwarnings("ignore", f".*{advice}.*")
