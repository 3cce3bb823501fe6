"""Training and test of one run, as a command.

`reproduce run` starts one process per run: `python -m experiments.runner.train`. Users and cluster launchers can start it
too. Exit codes: 0 done, 1 failed, 3 data or environment unusable, 75 another process executes the run, 76 out of memory on
one of several devices (a new process goes on with a smaller batch), 128 + n signal n.
"""

import argparse
import contextlib
import sys
import time
import traceback
from pathlib import Path

import torch
from lightning import Trainer, seed_everything

from data.bad_files import BadFiles
from data.datamodule import DataModule
from data.errors import DataError
from experiments.runner.arguments import add_eval_only, add_resources
from experiments.runner.batch_split import FittingBatches, RestartNeeded, TooLittleMemoryError
from experiments.runner.callbacks import BestWeights, Checkpointing, DeviceClock, Stopped, StopRequest
from experiments.runner.combined_scores import combine, part_tests
from experiments.runner.curves import CurveLogger, Curves
from experiments.runner.data_record import check_data_record, save_data_record
from experiments.runner.files import StoreError, write_atomically
from experiments.runner.messages import one_line
from experiments.runner.process import CLAIMED_ELSEWHERE, ERROR_PREFIX, OUT_OF_MEMORY
from experiments.runner.progress import ProgressFile, ProgressLines
from experiments.runner.resources import BatchSplit, Resources
from experiments.runner.results import (
    Test,
    rescore,
    save_started_from,
    save_test_results,
    save_training_record,
    saved_test,
)
from experiments.runner.resume import resumable
from experiments.runner.run_directory import RunDirectory
from experiments.runner.saved_items import SavedItems
from experiments.runner.shown_clips import decoded_clips, write_clips
from experiments.runner.step_memory import is_out_of_memory, release_memory
from experiments.runner.store import RunStore
from experiments.runner.trainer import make_trainer
from experiments.runner.weights import (
    existing_weights,
    load_weights,
    read_weights,
    save_weights,
    saved_digest,
    start_weights,
    weights_of,
)
from experiments.spec.catalog import load
from experiments.spec.run import RunConfig
from experiments.spec.scales import SCALES
from lightning_modules.module import TaskModule
from models.frozen import frozen_parameters
from models.model import Recomputes


def train_and_test(
    run: RunConfig, store: RunStore, resources: Resources, request: StopRequest, *, eval_only: bool = False
) -> None:
    """Train a run, or resume its training from the checkpoint, and test it. Trained runs are only tested.

    If memory is exhausted, it goes on from the last checkpoint with smaller batches.

    Args:
        eval_only: test without training, with the run's own weights or else with imported released ones.

    Raises:
        StoreError, DataError, TooLittleMemoryError, ValueError: with a message of one line for the user.
        Stopped: after a signal. The checkpoint has been written.
        RestartNeeded: if memory of one of several devices is exhausted.
    """
    directory = store.run(run.train_id)
    directory.save_config(run.description)
    while True:
        trains = run.optim is not None and not eval_only and not directory.weights.exists()
        batches = FittingBatches(run, resources, directory.batch_split, trains=trains)
        try:
            return train_and_test_with(batches, run, store, resources, request, trains=trains)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        # Not in the handler of the error, which refers to the tensors of the step.
        batches.halve()
        if resources.num_devices > 1:
            raise RestartNeeded
        release_memory()


def train_and_test_with(
    batches: FittingBatches,
    run: RunConfig,
    store: RunStore,
    resources: Resources,
    request: StopRequest,
    *,
    trains: bool,
) -> None:
    """Train and test a run with batches of these sizes.

    Raises:
        RuntimeError: if memory is exhausted. Other errors are those of `train_and_test`.
    """
    directory = store.run(run.train_id)
    directory.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    seed_everything(run.seed, verbose=False)
    bad_files = BadFiles.read(store.bad_files(run.data.dataset.name))
    datamodule = data_module(run, resources, root=resources.root(run.data), split=batches.split, bad_files=bad_files)
    datamodule.test_batch_size = batches.test_batch
    module = run.build()
    if isinstance(module.model, Recomputes):
        module.model.recompute(resources.recompute)
    saves_best = run.optim is not None and run.optim.keep == "best"
    clock = DeviceClock()
    saved_items = SavedItems(run, directory) if run.objective.saves_items else None
    trainer = make_trainer(
        run,
        resources,
        accumulation=batches.split.accumulation,
        logger=CurveLogger(directory.tensorboard, name="", version="", default_hp_metric=False),
        callbacks=[
            *([saved_items] if saved_items is not None else []),
            batches,
            ProgressLines(run.data.dataset.unit),
            *([BestWeights(directory.best_weights, *run.objective.selection)] if saves_best else []),
            Checkpointing(directory.checkpoint, request, validations_select_weights=saves_best),
            ProgressFile(directory.progress_file),
            Curves(run.data.dataset.unit),
            clock,
        ],
    )
    started = time.time()
    if trains:
        fit(run, store, directory, module, datamodule, trainer, clock, batches)
    weights = existing_weights(run, store)
    data = datamodule.fingerprint() if trainer.is_global_zero else None
    if data is not None and weights.trained_here:
        check_data_record(directory, data, run.data.dataset)
    starts = load_weights(module.model, run, store, weights)
    if saved_items is not None:
        saved_items.prepare(module, datamodule, released=weights.released is not None)
    trainer.test(module, datamodule, verbose=False, weights_only=True)
    if data is not None:
        if run.optim is None:
            save_started_from(directory, starts)
        seconds, test = time.time() - started, Test.of(module.scores, datamodule, data)
        save_test_results(
            run,
            directory,
            test,
            trainer,
            data=data,
            seconds=seconds,
            released=weights.released,
            categories=run.data.dataset.categories(datamodule.root),
        )
        if saved_items is not None:
            saved_items.remove()
        if (clips := decoded_clips(run.data, run.evaluation, datamodule.test_list)) is not None:
            write_clips(directory.shown_clips(run.eval_id, released=weights.released is not None), clips)


def data_module(
    run: RunConfig, resources: Resources, *, root: Path, split: BatchSplit, bad_files: BadFiles | None = None
) -> DataModule:
    """Data module of a run.

    Args:
        root: root directory of the data set.
        bad_files: items that count as unreadable without being opened.
    """
    return DataModule(
        run.data,
        run.evaluation,
        root=root,
        seed=run.seed,
        batch_size=split.micro_batch,
        test_batch_size=resources.test_batch(run.data.test_size(run.evaluation), run.evaluation.crops),
        num_workers=resources.num_workers(run.data),
        allow_bad=resources.allow_bad,
        accumulate=split.accumulation,
        bad_files=bad_files,
        validation_items=run.optim.validation_items if run.optim is not None else None,
        validation_parts=run.optim.validation_parts if run.optim is not None else 1,
    )


def fit(
    run: RunConfig,
    store: RunStore,
    directory: RunDirectory,
    module: TaskModule,
    datamodule: DataModule,
    trainer: Trainer,
    clock: DeviceClock,
    batches: FittingBatches,
) -> None:
    """Train to the end, from the last checkpoint if there is one, and save the weights.

    A damaged checkpoint is moved aside, and the training starts again from its beginning.

    Raises:
        StoreError: if the best weights of a resumed training are damaged.
        DataError: if the data are not those at the start of the training.
    """
    assert run.optim is not None
    resume = resumable(directory.checkpoint, renames=trainer.is_global_zero)
    if resume is not None and directory.best_weights.exists():
        read_weights(directory.best_weights)  # before the rest of the training, not after it
    if resume is None:
        released = start_weights(module.model, run, store)
        if trainer.is_global_zero:
            save_started_from(directory, released)
            data, names = datamodule.fingerprint(), datamodule.train_list.class_names
            save_data_record(run, store, data, datamodule.root, names)
    elif any(True for _ in frozen_parameters(module.model)):
        start_weights(module.model, run, store)  # checkpoints contain no frozen weights
    if trainer.is_global_zero and resume is not None:
        check_data_record(directory, datamodule.fingerprint(), run.data.dataset)
    trainer.fit(module, datamodule, ckpt_path=resume, weights_only=True)
    replaced = datamodule.num_replaced()
    if trainer.is_global_zero:
        if run.optim.keep == "last":
            save_weights(module.model, directory.best_weights)
        weights = saved_digest(directory.best_weights)
        save_training_record(
            directory, device_seconds=clock.seconds, replaced=replaced, weights=weights, splits=batches.splits
        )
        directory.best_weights.replace(directory.weights)
        directory.checkpoint.unlink(missing_ok=True)  # the training is finished
    trainer.strategy.barrier()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Arguments of a process: the run of a cell, and the resources of the machine."""
    parser = argparse.ArgumentParser(prog="python -m experiments.runner.train", description="Train and test one run.")
    parser.add_argument("table")
    parser.add_argument("cell", help="row and column, e.g. trajectory.k400; .start for its parent run")
    add_eval_only(parser)
    parser.add_argument("--scale", choices=sorted(SCALES), default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", dest="overrides", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    add_resources(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Train and test the run of a cell; returns the exit code."""
    options = parse(arguments)
    store = RunStore(options.runs, compare_scores=True)
    request = StopRequest()
    directory: RunDirectory | None = None
    memory_failures = 0
    try:
        resources = Resources.of(options)
        if resources.threads is not None:
            torch.set_num_threads(resources.threads)
        run = load(options.table).run_of(options.cell, SCALES[options.scale], options.overrides, options.seed)
        directory = store.run(run.train_id)
        memory_failures = directory.memory_failures
        tests_only = options.eval_only or run.optim is None
        weights = weights_of(run, store) if tests_only else None
        released = weights is not None and weights.released is not None
        if resources.rank > 0:
            # The process of rank 0 waits for this one only if it trains or tests.
            scored = saved_test(run, store, released=released) is not None or part_tests(run, store) is not None
            if not directory.tested(run, tests_only) and not scored:
                train_and_test(run, store, resources, request, eval_only=options.eval_only)
            return 0
        with directory.claim() as claimed:
            if not claimed:
                return CLAIMED_ELSEWHERE
            directory.failure.unlink(missing_ok=True)
            scored = directory.tested(run, tests_only) or rescore(run, store, released=released) or combine(run, store)
            if not scored:
                train_and_test(run, store, resources, request, eval_only=options.eval_only)
    except Stopped as stopped:
        print("stopped; the same command goes on from the checkpoint", flush=True)
        return 128 + stopped.signal_number
    except RestartNeeded:
        print("the same command goes on with the smaller batch", flush=True)
        return OUT_OF_MEMORY
    except (DataError, StoreError, TooLittleMemoryError) as error:
        return _fail(directory, str(error), 3)
    except ValueError as error:
        return _fail(directory, str(error), 1)
    except Exception as error:
        traceback.print_exc()
        if directory is not None and directory.memory_failures > memory_failures:
            return OUT_OF_MEMORY  # of another process of the run, with which this one had lost the connection
        return _fail(directory, f"{type(error).__name__}: {error}".strip(": "), 1)
    return 0


def _fail(directory: RunDirectory | None, reason: str, code: int) -> int:
    reason = one_line(reason)
    print(f"{ERROR_PREFIX}{reason}", file=sys.stderr)
    if directory is not None:
        with contextlib.suppress(StoreError):
            write_atomically(directory.failure, reason + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
