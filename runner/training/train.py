"""Course of a run: from its request to the records of its training and its test."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from lightning import seed_everything
from msgspec import convert
from msgspec.structs import asdict

from data.datamodule import DataModule, Loading
from data.decoded_files import DecodedFiles
from data.fingerprint import DataFingerprint
from experiments.spec.run import RunConfig
from models.tensors import frozen_parameters
from runner.machine.files import read_record, write_record
from runner.machine.first_process import FirstProcess, listed
from runner.machine.request import Request
from runner.machine.resources import BatchSplit, Resources
from runner.machine.signals import StopRequest
from runner.measure.device_time import measured_reading
from runner.measure.training_step import is_out_of_memory
from runner.store.data_record import check_data_record, data_of_result, save_data_record
from runner.store.picture_files import answered_clips, write_pictures
from runner.store.provenance import provenance
from runner.store.records import (
    Provenance,
    ReleasedStart,
    ReleasedStarts,
    TestRecord,
    TrainingRecord,
    read_training,
    write_test,
)
from runner.store.saved_scores import SavedScores, by_class_name, save_scores, scored
from runner.store.store import RunStore
from runner.training.checkpointing import Checkpointing, accumulation_of, resumable
from runner.training.curves import CurveLogger, Curves
from runner.training.kept_weights import BestWeights, Divergence
from runner.training.micro_batch import FittingBatches, TooLittleMemoryError
from runner.training.processes import DeviceClock, EndTogether, TrainingProvenance
from runner.training.progress import Progress
from runner.training.results import PredictionFiles, check_complete, decoded_clips, parent_sessions
from runner.training.trainer import NO_CHECKPOINT, make_trainer
from runner.weights.weights import (
    Weights,
    existing_weights,
    load_weights,
    read_weights,
    save_weights,
    saved_digest,
    start_weights,
)


def train_and_test(request: Request, store: RunStore, stop: StopRequest, first: FirstProcess) -> None:
    """Train a run, or resume its training from the checkpoint, and test it. Trained runs are only tested."""
    store.run(request.run.train_id).save_config(request.run.description)
    execution = Execution(request, store, stop, first)
    stage = "training"
    try:
        if execution.trains:
            execution.fit()
        stage = "test"
        execution.test()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise TooLittleMemoryError(execution.batches.remedies(stage)) from None


class Execution:
    """Training and test of a run in this process. The training goes on from the last checkpoint, if there is one."""

    def __init__(self, request: Request, store: RunStore, stop: StopRequest, first: FirstProcess) -> None:
        self.first = first
        self.run, self.store, self.fast_dev_run = request.run, store, request.fast_dev_run
        run, resources = request.run, request.resources
        self.directory = directory = store.run(run.train_id)
        self.trains = run.optim is not None and not request.eval_only and not first.found(directory.weights.exists)
        self.resumed = None
        if self.trains:
            renames = resources.rank == 0
            self.resumed = listed(first.found(lambda: resumable(directory.checkpoint, renames=renames)))
        self.batches = FittingBatches(run, resources, trains=self.trains, accumulation=accumulation_of(self.resumed))
        directory.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        seed_everything(run.seed, verbose=False)
        decoded = DecodedFiles(*store.decoded_files(run.data.dataset.name))
        root = resources.root(run.data)
        if (reading := measured_reading(run, store, root, resources)) is not None:
            resources = replace(resources, workers=reading.workers)
        self.datamodule = data_module(run, resources, root=root, split=self.batches.split, decoded=decoded)
        self.module = run.build()
        self.module.model.recompute(resources.recompute)
        self.compiled = resources.compile
        if self.compiled:
            # In place, so that the names of tensors stay; with the draws of dropout of a model that is not compiled.
            self.module.model.compile(options={"fallback_random": True})
        self.started, self.code = time.time(), provenance()  # of modules in memory: files can change during a training
        self.clock, self.trained_with = DeviceClock(), TrainingProvenance(self.code)
        self.prediction_files = PredictionFiles(run.data, directory.predictions(run.eval_id))
        self.saves_best = run.optim is not None and run.optim.keep == "best"
        unit = run.data.dataset.unit
        curves = CurveLogger(directory.tensorboard, name="", version="", default_hp_metric=False)
        self.trainer = make_trainer(
            run,
            resources,
            folder=directory.path,
            logger=None if request.fast_dev_run else curves,
            fast_dev_run=request.fast_dev_run,
            profiler=request.profiler,
            callbacks=[
                self.prediction_files,
                self.batches,
                Divergence(),
                Progress(unit, directory.progress_file),
                *([BestWeights(directory.kept_weights, *run.objective.selection)] if self.saves_best else []),
                Checkpointing(directory.checkpoint, stop, validations_select_weights=self.saves_best),
                Curves(unit),
                self.clock,
                self.trained_with,
                EndTogether(),
            ],
        )

    def fit(self) -> None:
        """Train to the end, and save the weights."""
        run, store, directory, model = self.run, self.store, self.directory, self.module.model
        is_first = self.trainer.is_global_zero
        if self.resumed is None:
            released = start_weights(model, run, store)
            if is_first:
                write_record(directory.started_from, ReleasedStarts(tuple(released)))
                data, names = self.datamodule.fingerprint(), self.datamodule.list_of("train").class_names
                save_data_record(run, store, data, self.datamodule.root, names)
        else:
            if directory.kept_weights.exists():
                read_weights(directory.kept_weights)  # before the rest of the training, not after it
            if any(True for _ in frozen_parameters(model)):
                start_weights(model, run, store)  # checkpoints contain no frozen weights
            if is_first:
                data, root = self.datamodule.fingerprint(), self.datamodule.root
                check_data_record(directory, data, root, run.data.dataset, goes_on=True)
        self.trainer.fit(self.module, self.datamodule, ckpt_path=self.resumed or NO_CHECKPOINT, weights_only=True)
        replaced = self.datamodule.num_replaced()
        if is_first:
            if not self.saves_best:
                save_weights(model, directory.kept_weights, run)
            starts = read_record(directory.started_from, ReleasedStarts)
            fields = {
                "device_hours": self.clock.seconds / 3600,
                "waiting_share": self.clock.waiting_share,
                "replaced_in_training": replaced,
                "device_jitter": self.datamodule.jitters,
                "compiled": self.compiled,
                "weights_digest": saved_digest(directory.kept_weights),
                "batch_splits": self.batches.splits,
                "started_from": starts.released if starts is not None else (),
                "sessions": self.trained_with.sessions,
            }
            write_record(directory.training, convert(fields, TrainingRecord))
            directory.kept_weights.replace(directory.weights)
        self.trainer.strategy.barrier()

    def test(self) -> None:
        """Test the run with its own weights, or else with imported released ones."""
        run, store, directory = self.run, self.store, self.directory
        trainer, datamodule = self.trainer, self.datamodule
        # Also after a training in another process, which was killed before it did this. Damaged ones go, too.
        if trainer.is_global_zero and directory.weights.exists():
            for path in directory.checkpoint.parent.glob("*.ckpt*"):
                path.unlink()
        weights = self.first.found(lambda: existing_weights(run, store))
        listed(weights.path)
        data = datamodule.fingerprint() if trainer.is_global_zero else None
        if data is not None and weights.trained_here:
            check_data_record(directory, data, datamodule.root, run.data.dataset, goes_on=False)
        starts = load_weights(self.module.model, run, store, weights)
        self.prediction_files.folder = weights.directory(run, store).predictions(run.eval_id)
        trainer.test(self.module, datamodule, ckpt_path=NO_CHECKPOINT, verbose=False, weights_only=True)
        if data is not None and not self.fast_dev_run:
            self.save_test(weights, starts, data)

    def save_test(self, weights: Weights, starts: list[ReleasedStart], data: DataFingerprint) -> None:
        """Write a few clips, the scores, then the result, each file atomically.

        Args:
            starts: released weights of parents that a run without training was tested with.
            data: fingerprint of the data before the test.
        """
        run, datamodule, released, seconds = self.run, self.datamodule, weights.released, time.time() - self.started
        tested = weights.directory(run, self.store)
        items, allowed = datamodule.list_of("test"), datamodule.unreadable_in("test").allowed
        test = SavedScores(self.module.scores, items.ids, items.class_names, data.annotations, allowed)
        clips = decoded_clips(run.data, run.evaluation, items)
        answered = answered_clips(run, test, [*clips], np.stack([*clips.values()])) if clips else None
        if answered is not None:
            write_pictures(tested.pictures(answered.folder, run.eval_id), answered)
        check_complete(run, test)
        session = convert(self.code, Provenance)
        training = read_training(tested.training) if released is None else None
        trained = training or TrainingRecord(device_hours=0.0, replaced_in_training=0, started_from=tuple(starts))
        parents = parent_sessions(run, self.store) if released is None else []
        categories = run.data.dataset.categories(datamodule.root)
        by_number = {kind: dict(enumerate(of_kind)) for kind, of_kind in categories.items()}
        record = TestRecord(
            **scored(run, test),
            data=data_of_result(tested, data, trained_here=training is not None),
            precision=str(self.trainer.precision),
            devices=self.trainer.world_size,
            seconds=round(seconds, 1),
            **asdict(session),
            training=trained.sessions if any(one != session for one in trained.sessions) else (),
            parents=tuple(parents) if any(one != session for one in parents) else (),
            predictions_sha256=save_scores(tested.scores(run.eval_id), run, test),
            categories=by_class_name(by_number, run.data.targets, test.class_names),
            replaced_in_training=trained.replaced_in_training,
            device_hours=training.device_hours if training is not None else None,
            waiting_share=trained.waiting_share,
            device_jitter=trained.device_jitter,
            compiled=trained.compiled or self.compiled,
            started_from=trained.started_from,
            weights_digest=released.weights_digest if released is not None else trained.weights_digest,
            batch_splits=trained.batch_splits,
            released_weights=released.released_file if released is not None else None,
        )
        write_test(tested.metrics(run.eval_id), record)


def data_module(
    run: RunConfig, resources: Resources, *, root: Path, split: BatchSplit, decoded: DecodedFiles | None = None
) -> DataModule:
    return DataModule(
        Loading(
            data=run.data,
            evaluation=run.evaluation,
            root=root,
            seed=run.seed,
            batch_size=split.micro_batch,
            test_batch_size=resources.test_batch(run),
            num_workers=resources.num_workers(run.data),
            allow_bad=resources.allow_bad,
            accumulate=split.accumulation,
            device_jitter=resources.device_jitter,
            rest_multiple=run.optim.rest_multiple if run.optim is not None else None,
            decoded=decoded,
            validation_items=run.optim.validation_items if run.optim is not None else None,
            validation_parts=run.optim.validation_parts if run.optim is not None else 1,
        )
    )
