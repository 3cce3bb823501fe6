"""Trains and tests one run in a process of its own: the only place where a Trainer is made.

`python -m experiments.train` is started by `reproduce run`, once a run; started by hand or by a cluster's launcher it
works alike. Exit codes: 0 done, 1 failed, 3 data or environment not usable, 75 another process works on the run.
"""

import argparse
import contextlib
import logging
import sys
import time
import traceback
import warnings
import zipfile
from pathlib import Path

import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from data.datamodule import VideoDataModule
from data.errors import DataError
from experiments.callbacks import Checkpointing, DeviceClock, ProgressFile, Stopped, StopRequest
from experiments.catalog import load
from experiments.options import add_resources
from experiments.resources import Resources
from experiments.results import keep_start, keep_test, keep_training
from experiments.run import RunConfig
from experiments.scales import SCALES
from experiments.store import (
    CLAIMED_ELSEWHERE,
    SAID,
    RunDirectory,
    RunStore,
    StoreError,
    replacing,
    write_atomically,
)
from lightning_modules.classifier import VideoClassifier
from models.pretrained import copy_matching, initialise
from models.trunk import VideoViT

VALIDATE_EVERY = 5  # epochs, as the authors; for the curves only


def train_and_test(
    run: RunConfig, store: RunStore, resources: Resources, request: StopRequest, *, eval_only: bool = False
) -> None:
    """Bring a run to its metrics: train it, or go on from its checkpoint, or only test it.

    Args:
        eval_only: test with the run's own weights or, where there are none, with imported released ones.

    Raises:
        StoreError, DataError, ValueError: one line for the user.
        Stopped: after a signal, with the checkpoint written.
    """
    directory = store.run(run.train_id)
    directory.hold_config(training_description(run))
    directory.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    seed_everything(run.seed, verbose=False)
    num_devices = resources.num_devices
    split = resources.split(run.optim.batch_size, run.data, num_devices)
    datamodule = VideoDataModule(
        run.data,
        run.evaluation,
        root=resources.root(run.data),
        seed=run.seed,
        batch_size=split.micro_batch,
        test_batch_size=resources.test_batch(run.data, run.evaluation.crops),
        num_workers=resources.num_workers(run.data),
        allow_bad=resources.allow_bad,
        accumulate=split.accumulation,
    )
    module = run.build()
    if isinstance(module.model, VideoViT):
        module.model.recompute_attention(resources.recompute)
    clock = DeviceClock()
    trainer = make_trainer(run, directory, resources, split.accumulation, request, clock)
    started = time.time()
    released = None
    if not directory.weights.exists() and eval_only:
        released = directory.released_weights()
        if released is None:
            raise ValueError(
                f"run {run.train_id} has no weights to test: train it without --eval-only, or take in released ones "
                f"with `reproduce import-weights FILE --as TABLE:ROW`"
            )
    elif not directory.weights.exists():
        fit(run, store, directory, module, datamodule, trainer, clock)
    weights = directory.weights if released is None else directory.released
    module.model.load_state_dict(trained_weights(weights))
    trainer.test(module, datamodule, verbose=False, weights_only=True)
    if trainer.is_global_zero:
        keep_test(
            run,
            directory,
            module.scores,
            datamodule,
            precision=str(trainer.precision),
            devices=trainer.world_size,
            seconds=time.time() - started,
            released=released,
        )


def training_description(run: RunConfig) -> dict[str, object]:
    """What a run directory's config.json holds: all that decides the weights."""
    parts = {name: part for name, part in run.describe().items() if name != "evaluation"}
    return parts if run.start_from is None else {**parts, "start_from": training_description(run.start_from)}


def quiet_lightning() -> None:
    """Silence Lightning's advertisements, and advice that does not fit small runs."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for advice in ("does not have many workers", "smaller than the logging interval", "LeafSpec", "have no state_dict"):
        warnings.filterwarnings("ignore", f".*{advice}.*")


def make_trainer(
    run: RunConfig,
    directory: RunDirectory,
    resources: Resources,
    accumulation: int,
    request: StopRequest,
    clock: DeviceClock,
) -> Trainer:
    """The Trainer of a run."""
    quiet_lightning()
    on_gpu = torch.cuda.is_available()
    trainer = Trainer(
        accelerator="auto",
        devices=resources.num_devices // resources.nodes,
        num_nodes=resources.nodes,
        strategy="ddp" if resources.num_devices > 1 else "auto",
        precision=run.optim.precision if on_gpu else "32-true",  # mixed precision is a matter of GPUs
        max_epochs=run.optim.epochs,
        accumulate_grad_batches=accumulation,
        check_val_every_n_epoch=min(VALIDATE_EVERY, run.optim.epochs),
        num_sanity_val_steps=0,
        deterministic="warn",
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        logger=TensorBoardLogger(directory.tensorboard, name="", version="", default_hp_metric=False),
        log_every_n_steps=10,
        callbacks=[
            Checkpointing(directory.checkpoint, request),
            ProgressFile(directory.path / "progress.json"),
            clock,
        ],
    )
    # Deterministic algorithms would fill all new memory first; nothing here reads it before writing it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]
    return trainer


def fit(
    run: RunConfig,
    store: RunStore,
    directory: RunDirectory,
    module: VideoClassifier,
    datamodule: VideoDataModule,
    trainer: Trainer,
    clock: DeviceClock,
) -> None:
    """Train to the end, from the last checkpoint where there is one, and keep the weights."""
    resume = directory.checkpoint if directory.checkpoint.exists() else None
    if resume is None:
        started_from = start_weights(run, store, module)
        if trainer.is_global_zero:
            keep_start(directory, started_from)
    elif not zipfile.is_zipfile(resume):
        raise StoreError(f"{resume} is cut short or damaged; remove it to train this run from its start")
    trainer.fit(module, datamodule, ckpt_path=resume, weights_only=True)
    replaced = datamodule.num_replaced()
    if trainer.is_global_zero:
        keep_training(directory, device_seconds=clock.seconds, replaced=replaced)
        with replacing(directory.weights) as partial:
            save_file(module.model.state_dict(), partial)
        directory.checkpoint.unlink(missing_ok=True)  # finished: there is nothing to resume
    trainer.strategy.barrier()


def trained_weights(path: Path) -> dict[str, Tensor]:
    """The weights that a finished training kept.

    Raises:
        StoreError: when the file is damaged.
    """
    try:
        return load_file(path)
    except SafetensorError:
        again = (
            "take it in again with `reproduce import-weights`" if path.stem == "released" else "train this run again"
        )
        raise StoreError(f"{path} is cut short or damaged; remove it and {again}") from None


def start_weights(run: RunConfig, store: RunStore, module: VideoClassifier) -> dict | None:
    """Give a fresh model the weights it starts from; returns what is known of those that were released.

    Raises:
        ValueError: when they are not at hand, saying how to get them.
    """
    model = module.model
    assert isinstance(model, VideoViT)
    if run.start_from is not None:
        start = store.run(run.start_from.train_id)
        trained = start.weights.exists()
        source = start.weights if trained else start.released
        if not source.exists():
            raise ValueError(
                f"this run starts from run {run.start_from.train_id}, which is not trained; "
                f"`reproduce plan` names its table row, `reproduce run` trains it first"
            )
        print(copy_matching(model, trained_weights(source)))
        return None if trained else start.released_weights()
    if run.model.init is not None:
        print(initialise(model, run.model))
    return None


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The arguments that name one cell's run and the machine's resources."""
    parser = argparse.ArgumentParser(prog="python -m experiments.train", description="Train and test one run.")
    parser.add_argument("table")
    parser.add_argument("cell", help="row and column, e.g. trajectory.k400; .start is the run that it starts from")
    parser.add_argument("--eval-only", action="store_true", help="test weights that are there; train nothing")
    parser.add_argument("--scale", choices=sorted(SCALES), default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", dest="overrides", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    add_resources(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Train and test the run of one cell; returns the exit code."""
    options = parse(arguments)
    store = RunStore(options.runs)
    request = StopRequest()
    directory: RunDirectory | None = None
    try:
        resources = Resources.of(options)
        if resources.threads is not None:
            torch.set_num_threads(resources.threads)
        run = load(options.table).run_of(options.cell, SCALES[options.scale], options.overrides, options.seed)
        directory = store.run(run.train_id)
        if resources.rank > 0:
            train_and_test(run, store, resources, request, eval_only=options.eval_only)
            return 0
        with directory.claim() as mine:
            if not mine:
                return CLAIMED_ELSEWHERE
            directory.failure.unlink(missing_ok=True)
            if not directory.tested(run.eval_id, options.eval_only):
                train_and_test(run, store, resources, request, eval_only=options.eval_only)
    except Stopped as stopped:
        return 128 + stopped.signal_number
    except (DataError, StoreError) as error:
        return _fail(directory, str(error), 3)
    except ValueError as error:
        return _fail(directory, str(error), 1)
    except Exception as error:
        traceback.print_exc()
        return _fail(directory, f"{type(error).__name__}: {error}".strip(": "), 1)
    return 0


def _fail(directory: RunDirectory | None, reason: str, code: int) -> int:
    print(f"{SAID}{reason}", file=sys.stderr)
    if directory is not None:
        with contextlib.suppress(StoreError):
            write_atomically(directory.failure, reason + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
