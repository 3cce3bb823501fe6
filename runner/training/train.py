"""Training and test of one run."""

import time
from pathlib import Path

from lightning import Trainer, seed_everything

from data.datamodule import DataModule
from data.inspection.bad_files import BadFiles
from experiments.spec.run import RunConfig
from lightning_modules.module import TaskModule
from models.frozen import frozen_parameters
from models.model import Recomputes
from runner.machine.batch_sizes import BatchSplit
from runner.machine.memory_errors import is_out_of_memory, release_memory
from runner.machine.resources import Resources
from runner.machine.signals import StopRequest
from runner.store.data_record import check_data_record, save_data_record
from runner.store.provenance import provenance
from runner.store.run_directory import RunDirectory
from runner.store.shown_clips import decoded_clips, write_clips
from runner.store.store import RunStore
from runner.training.batch_split import FittingBatches, RestartNeeded
from runner.training.checkpointing import Checkpointing, resumable
from runner.training.curves import CurveLogger, Curves
from runner.training.kept_weights import BestWeights, Divergence
from runner.training.progress import ProgressFile, ProgressLines
from runner.training.results import (
    PredictionFiles,
    Test,
    parent_sessions,
    save_started_from,
    save_test_results,
    save_training_record,
)
from runner.training.sessions import DeviceClock, TrainingProvenance
from runner.training.trainer import NO_CHECKPOINT, make_trainer
from runner.weights.weights import (
    existing_weights,
    load_weights,
    read_weights,
    save_weights,
    saved_digest,
    start_weights,
)


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
    datamodule = data_module(
        run,
        resources,
        root=resources.root(run.data),
        split=batches.split,
        test_batch=batches.test_batch,
        bad_files=bad_files,
    )
    module = run.build()
    if isinstance(module.model, Recomputes):
        module.model.recompute(resources.recompute)
    saves_best = run.optim is not None and run.optim.keep == "best"
    started, code = time.time(), provenance()  # of the modules in memory: files can change during a training
    clock, trained_with = DeviceClock(), TrainingProvenance(code)
    prediction_files = PredictionFiles(run.data, directory.result_files(run.eval_id))
    trainer = make_trainer(
        run,
        resources,
        accumulation=batches.split.accumulation,
        folder=directory.path,
        logger=CurveLogger(directory.tensorboard, name="", version="", default_hp_metric=False),
        callbacks=[
            prediction_files,
            batches,
            Divergence(),
            ProgressLines(run.data.dataset.unit),
            *([BestWeights(directory.best_weights, *run.objective.selection)] if saves_best else []),
            Checkpointing(directory.checkpoint, request, validations_select_weights=saves_best),
            ProgressFile(directory.progress_file),
            Curves(run.data.dataset.unit),
            clock,
            trained_with,
        ],
    )
    if trains:
        fit(run, store, directory, module, datamodule, trainer, clock, trained_with, batches)
    if trainer.is_global_zero and directory.weights.exists():  # also of a process that was killed before it did this
        for path in directory.checkpoint.parent.glob("*.ckpt*"):  # damaged ones, too
            path.unlink()
    weights = existing_weights(run, store)
    data = datamodule.fingerprint() if trainer.is_global_zero else None
    if data is not None and weights.trained_here:
        check_data_record(directory, data, run.data.dataset)
    starts = load_weights(module.model, run, store, weights)
    prediction_files.folder = directory.result_files(run.eval_id, released=weights.released is not None)
    trainer.test(module, datamodule, ckpt_path=NO_CHECKPOINT, verbose=False, weights_only=True)
    if data is not None:
        if run.optim is None:
            save_started_from(directory, starts)
        seconds, test = time.time() - started, Test.of(module.scores, datamodule, data)
        if (clips := decoded_clips(run.data, run.evaluation, datamodule.test_list)) is not None:
            write_clips(directory.shown_clips(run.eval_id, released=weights.released is not None), clips)
        save_test_results(
            run,
            directory,
            test,
            trainer,
            code,
            data=data,
            seconds=seconds,
            parents=parent_sessions(run, store),
            released=weights.released,
            categories=run.data.dataset.categories(datamodule.root),
        )


def data_module(
    run: RunConfig,
    resources: Resources,
    *,
    root: Path,
    split: BatchSplit,
    test_batch: int,
    bad_files: BadFiles | None = None,
) -> DataModule:
    """Data module of a run.

    Args:
        root: root directory of the data set.
        test_batch: test views per device and step.
        bad_files: items that count as unreadable without being opened.
    """
    return DataModule(
        run.data,
        run.evaluation,
        root=root,
        seed=run.seed,
        batch_size=split.micro_batch,
        test_batch_size=test_batch,
        num_workers=resources.num_workers(run.data),
        allow_bad=resources.allow_bad,
        accumulate=split.accumulation,
        rest_multiple=run.optim.rest_multiple if run.optim is not None else None,
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
    trained_with: TrainingProvenance,
    batches: FittingBatches,
) -> None:
    """Train to the end, from the last checkpoint if there is one, and save the weights.

    A damaged checkpoint is moved aside, and the training goes on from the one before it, or from its beginning.

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
    trainer.fit(module, datamodule, ckpt_path=resume or NO_CHECKPOINT, weights_only=True)
    replaced = datamodule.num_replaced()
    if trainer.is_global_zero:
        if run.optim.keep == "last":
            save_weights(module.model, directory.best_weights)
        weights = saved_digest(directory.best_weights)
        save_training_record(
            directory,
            trained_with.sessions,
            device_seconds=clock.seconds,
            replaced=replaced,
            weights=weights,
            splits=batches.splits,
        )
        directory.best_weights.replace(directory.weights)
    trainer.strategy.barrier()
