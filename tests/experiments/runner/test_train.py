"""A training from its start to its metrics: its length, the weights it keeps, kills and stops, and its exit codes."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pytest
import torch
from lightning import Trainer
from torch import Tensor

from data.datamodule import DataModule
from data.errors import DataError
from experiments.motionformer.base import K400
from experiments.runner import train
from experiments.runner.callbacks import DeviceClock, Stopped, StopRequest
from experiments.runner.files import StoreError
from experiments.runner.resources import Resources
from experiments.runner.store import RunStore
from experiments.runner.train import fit
from experiments.spec.metrics import TOP1
from experiments.spec.run import Parent, RunConfig
from experiments.spec.table import Column, Table, row
from lightning_modules.module import TaskModule
from lightning_modules.optim import OptimConfig
from tests.experiments.runner.points import POINTS, Unheard, Workshop

# The best validation of both is the last but one.
EPOCHS = replace(POINTS, optim=OptimConfig(epochs=6, batch_size=4, lr=0.3, validate_every=1, keep="best"))
STEPS = replace(POINTS, optim=OptimConfig(epochs=None, steps=22, batch_size=4, lr=0.3, validate_every=3, keep="best"))


def of_steps(**changes: object) -> RunConfig:
    assert STEPS.optim is not None
    return replace(STEPS, optim=replace(STEPS.optim, **changes))  # type: ignore[arg-type]


LAST = of_steps(keep="last")
SCORED = ("top1", "top5", "videos", "classes")


class Whole(NamedTuple):
    """A run that was never interrupted."""

    weights: dict[str, Tensor]
    metrics: dict
    validated_after: list[int]
    num_steps: int


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[RunConfig, Whole]:
    """The runs that others are compared with."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        workshop = Workshop(RunStore(tmp_path_factory.mktemp("whole") / "runs"), patch)
        for run in (EPOCHS, STEPS, LAST):
            metrics = workshop.bring(run)
            found[run] = Whole(workshop.weights(run), metrics, workshop.validated_after.copy(), len(workshop.steps))
            workshop.other_place(run.train_id)
    return found


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(tensor.equal(theirs[name]) for name, tensor in ours.items())


def test_a_recipe_in_epochs_trains_and_validates_by_epochs(workshop: Workshop) -> None:
    optim = OptimConfig(epochs=5, batch_size=4, lr=0.1, validate_every=2)
    workshop.bring(replace(POINTS, optim=optim))
    assert workshop.steps == list(range(25))
    assert workshop.validated_after == [10, 20]


def test_a_recipe_shorter_than_its_validations_are_apart_validates_at_its_end(workshop: Workshop) -> None:
    workshop.bring(replace(POINTS, optim=OptimConfig(epochs=2, batch_size=4, lr=0.1)))
    assert workshop.validated_after == [10]
    workshop.other_place("steps")
    workshop.bring(of_steps(steps=4, validate_every=5))
    assert (workshop.steps, workshop.validated_after) == ([0, 1, 2, 3], [4])


@pytest.mark.parametrize("steps", [3, 5, 7, 22])
def test_a_recipe_in_steps_trains_exactly_so_many_and_validates_by_steps(workshop: Workshop, steps: int) -> None:
    workshop.bring(of_steps(steps=steps))
    assert workshop.steps == list(range(steps))
    assert workshop.validated_after == list(range(3, steps + 1, 3))
    assert workshop.trainers[0].global_step == steps


def test_steps_are_those_of_the_optimiser_however_many_batches_they_take(workshop: Workshop) -> None:
    workshop.resources = replace(workshop.resources, micro_batch=2)
    workshop.bring(of_steps(steps=7))
    assert workshop.steps == [step for step in range(7) for _ in range(2)]
    assert workshop.validated_after == [3, 6]


@pytest.mark.parametrize("run", [EPOCHS, STEPS], ids=["epochs", "steps"])
def test_the_weights_of_the_best_validation_are_kept_and_tested(run: RunConfig, workshop: Workshop) -> None:
    metrics = workshop.bring(run)
    values = [validation.value for validation in workshop.validations]
    best = values.index(max(values))
    assert best == len(values) - 2
    assert same(workshop.weights(run), workshop.validations[best].weights)
    assert not same(workshop.weights(run), workshop.validations[-1].weights)
    directory = workshop.store.run(run.train_id)
    assert not directory.best_weights.exists() and not directory.checkpoint.exists()
    model = run.build().model.eval()
    model.load_state_dict(workshop.weights(run))
    videos = run.data.dataset.build(Path(), "test")
    views = run.data.test_items(videos, run.evaluation)
    outputs = torch.stack([torch.stack([model(*views.inputs(i, v))[0] for v in range(2)]) for i in range(len(videos))])
    right = outputs.softmax(-1).sum(1).argmax(-1) == torch.tensor([videos.label(i) for i in range(len(videos))])
    assert metrics["top1"] == pytest.approx(100 * right.float().mean().item())


def test_of_a_recipe_that_keeps_the_last_weights_the_last_are_kept(workshop: Workshop) -> None:
    workshop.bring(of_steps(keep="last"))
    last = workshop.weights(of_steps(keep="last"))
    workshop.other_place("best")
    workshop.bring(STEPS)
    assert not any(same(last, validation.weights) for validation in workshop.validations)  # it went on for a step


KILLS = [
    (EPOCHS, "step", 8),
    (EPOCHS, "step", 27),  # after the best validation
    (EPOCHS, "validation batch 1", 5),  # in the middle of the best
    (EPOCHS, "checkpoint", 9),  # the best weights are written, and not yet the checkpoint that knows of them
    (STEPS, "step", 1),
    (STEPS, "step", 8),  # between two validations
    (STEPS, "step", 20),  # after the best validation
    (STEPS, "validation batch 0", 2),  # the first after the end of an epoch
    (STEPS, "validation batch 1", 6),  # in the middle of the best
    (STEPS, "checkpoint", 6),
    (LAST, "step", 7),  # after the end of an epoch
    (LAST, "step", 22),
    (LAST, "validation batch 1", 2),
]
NAMES = {id(EPOCHS): "epochs", id(STEPS): "steps", id(LAST): "last"}


@pytest.mark.parametrize(("run", "event", "time"), KILLS, ids=lambda part: NAMES.get(id(part), str(part)))
def test_a_killed_run_keeps_the_weights_that_it_had_kept_if_it_had_never_been_killed(
    run: RunConfig, event: str, time: int, workshop: Workshop, whole: dict[RunConfig, Whole]
) -> None:
    workshop.bring_and_kill(run, event, time)
    assert not workshop.store.run(run.train_id).weights.exists()
    metrics = workshop.bring(run)
    assert same(workshop.weights(run), whole[run].weights)
    assert set(workshop.validated_after) <= set(whole[run].validated_after)
    assert (
        set(workshop.steps) == set(range(whole[run].num_steps))
        and workshop.trainers[-1].global_step == max(workshop.steps) + 1
    )
    assert {name: metrics[name] for name in SCORED} == {name: whole[run].metrics[name] for name in SCORED}


@pytest.mark.parametrize(("event", "time"), [("step", 8), ("step", 24), ("validation batch 0", 2)])
def test_a_killed_run_of_batches_in_parts_goes_on_with_whole_steps(workshop: Workshop, event: str, time: int) -> None:
    workshop.resources = replace(workshop.resources, micro_batch=2)
    run = of_steps(steps=13)
    workshop.bring(run)
    weights = workshop.weights(run)
    workshop.other_place("killed")
    workshop.bring_and_kill(run, event, time)
    workshop.bring(run)
    assert same(workshop.weights(run), weights)
    assert workshop.steps[-2:] == [12, 12]


class StopsAfter(Unheard):
    """Asks for the end once so many steps are taken."""

    def __init__(self, workshop: Workshop, steps: int) -> None:
        super().__init__()
        self.workshop = workshop
        self.steps = steps

    @property
    def pending(self) -> int | None:
        """SIGTERM from then on."""
        return signal.SIGTERM if len(self.workshop.steps) >= self.steps else None


@pytest.mark.parametrize(
    ("run", "steps"),
    [
        (EPOCHS, 2),
        (EPOCHS, 25),  # before the best validation
        (EPOCHS, 30),
        (STEPS, 2),
        (STEPS, 5),  # at the end of an epoch
        (STEPS, 18),  # before the best validation
        (STEPS, 22),
        (LAST, 5),
        (LAST, 6),  # before a validation
        (LAST, 15),  # at the end of an epoch, before a validation
        (LAST, 22),
    ],
    ids=lambda part: NAMES.get(id(part), str(part)),
)
def test_a_stopped_run_goes_on_where_it_was(
    run: RunConfig, steps: int, workshop: Workshop, whole: dict[RunConfig, Whole]
) -> None:
    with pytest.raises(Stopped):
        workshop.bring(run, request=StopsAfter(workshop, steps))
    assert len(workshop.steps) == steps
    assert workshop.store.run(run.train_id).checkpoint.exists()
    workshop.bring(run)
    assert workshop.steps == list(range(whole[run].num_steps))  # no step is taken twice
    assert same(workshop.weights(run), whole[run].weights)


def test_a_run_that_lost_its_finish_is_finished_from_its_last_checkpoint(workshop: Workshop) -> None:
    workshop.bring(EPOCHS)
    weights = workshop.weights(EPOCHS)
    workshop.other_place("again")
    directory = workshop.store.run(EPOCHS.train_id)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(train, "keep_training", lambda *_, **__: (_ for _ in ()).throw(StoreError("full")))
        workshop.bring(EPOCHS)
    assert directory.checkpoint.exists() and not directory.weights.exists()
    workshop.steps.clear()
    workshop.bring(EPOCHS)
    assert workshop.steps == [] and same(workshop.weights(EPOCHS), weights)


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_gradients_are_clipped_as_the_recipe_says(workshop: Workshop, clip_norm: float | None) -> None:
    norms: list[float] = []
    plain = torch.nn.utils.clip_grad_norm_

    def noted(parameters: object, max_norm: float, *more: object, **options: object) -> Tensor:
        norms.append(max_norm)
        return plain(parameters, max_norm, *more, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.utils, "clip_grad_norm_", noted)
        workshop.bring(of_steps(steps=3, clip_norm=clip_norm))
    assert norms == ([] if clip_norm is None else [clip_norm] * 3)


def test_a_run_that_trains_nothing_is_only_tested_with_the_weights_of_its_parent(workshop: Workshop) -> None:
    tested = replace(POINTS, optim=None, parents=(Parent(run=POINTS),))
    with pytest.raises(ValueError, match=f"run {tested.train_id} has no weights: train it with"):
        workshop.bring(tested)
    metrics = workshop.bring(POINTS)
    workshop.steps.clear()
    again = workshop.bring(tested)
    assert workshop.steps == []
    assert {name: again[name] for name in ("top1", "top5", "classes")} == {
        name: metrics[name] for name in ("top1", "top5", "classes")
    }
    assert "device_hours" not in again and again["replaced_in_training"] == 0
    directory = workshop.store.run(tested.train_id)
    assert not directory.weights.exists() and not directory.training.exists()


def test_a_run_without_training_and_parents_is_tested_with_its_first_weights(workshop: Workshop) -> None:
    untrained = replace(POINTS, optim=None)
    metrics = workshop.bring(untrained)
    assert workshop.steps == [] and metrics["videos"]["evaluated"] == 90


def test_a_run_that_trains_nothing_needs_no_training_data(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(POINTS.data.dataset)
    build = kind.build

    def only_tests(dataset: object, root: Path, split: str) -> object:
        if split == "train":
            raise train.DataError("there is no training split")
        return build(dataset, root, split)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "build", only_tests)
    monkeypatch.setattr(DataModule, "fingerprint", "0123")
    assert workshop.bring(replace(POINTS, optim=None))["videos"]["evaluated"] == 90


def test_a_finished_run_is_tested_by_another_protocol_without_another_training(workshop: Workshop) -> None:
    workshop.bring(POINTS)
    other = replace(POINTS, evaluation=replace(POINTS.evaluation, views=3))
    workshop.steps.clear()
    metrics = workshop.bring(other)
    assert workshop.steps == [] and metrics["views"] == 3
    assert metrics["device_hours"] > 0


def test_a_test_alone_trains_nothing(workshop: Workshop) -> None:
    with pytest.raises(ValueError, match="has no weights: train it with `reproduce run`, or take in released ones"):
        workshop.bring(POINTS, eval_only=True)
    assert workshop.steps == [] and not workshop.store.run(POINTS.train_id).checkpoint.exists()
    workshop.bring(POINTS)
    workshop.store.run(POINTS.train_id).metrics(POINTS.eval_id).unlink()
    workshop.steps.clear()
    assert workshop.bring(POINTS, eval_only=True)["videos"]["evaluated"] == 90
    assert workshop.steps == []


def test_a_directory_of_another_run_is_left_alone(workshop: Workshop) -> None:
    directory = workshop.store.run(POINTS.train_id)
    directory.hold_config({"seed": 99})
    with pytest.raises(StoreError, match="describes another run than its name says"):
        workshop.bring(POINTS)
    assert not directory.checkpoint.parent.exists()


def test_the_scores_of_a_test_are_kept_beside_its_metrics(workshop: Workshop) -> None:
    metrics = workshop.bring(POINTS)
    with np.load(workshop.store.run(POINTS.train_id).predictions(POINTS.eval_id)) as kept:
        assert kept["scores"].shape == (90, 2, 4)
        right = kept["scores"].sum(1).argmax(-1) == kept["labels"]
    assert metrics["top1"] == pytest.approx(100 * right.mean())


def test_a_damaged_checkpoint_is_named_before_it_is_resumed_from(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    directory = store.run("abc")
    directory.checkpoint.parent.mkdir(parents=True)
    directory.checkpoint.write_text("junk")
    module, datamodule, trainer = cast(TaskModule, None), cast(DataModule, None), cast(Trainer, None)
    with pytest.raises(StoreError, match=r"last\.ckpt is cut short or damaged; remove it"):
        fit(K400, store, directory, module, datamodule, trainer, DeviceClock())


TABLE = Table(
    name="made/points",
    caption="Points",
    source="",
    labels=("Model",),
    columns=(Column(key="top1", header="Top-1", metric=TOP1, base=POINTS),),
    rows=(row("ours", ("Ours",), paper=()), row("wide", ("Wide",), base=replace(POINTS, seed=0), paper=())),
    tiny=(),
)


@pytest.fixture
def command(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The arguments of a process that trains the made-up table's row."""
    monkeypatch.setattr(train, "load", lambda name: {"made/points": TABLE}[name])
    monkeypatch.setattr(train, "StopRequest", Unheard)
    threads = torch.get_num_threads()
    yield ["made/points", "ours.top1", "--scale", "paper", "--runs", str(workshop.store.root),
           "--data", f"points={workshop.store.root}", "--devices", "1", "--threads", "1"]  # fmt: skip
    torch.set_num_threads(threads)


def test_a_process_brings_a_cell_to_its_metrics_once(workshop: Workshop, command: list[str]) -> None:
    directory = workshop.store.run(POINTS.train_id)
    directory.path.mkdir(parents=True)
    directory.failure.write_text("an older failure\n")
    assert train.main(command) == 0
    assert directory.state(POINTS.eval_id) == "done" and not directory.failure.exists()
    stamp = directory.metrics(POINTS.eval_id).stat().st_mtime_ns
    workshop.steps.clear()
    assert train.main(command) == 0
    assert workshop.steps == [] and directory.metrics(POINTS.eval_id).stat().st_mtime_ns == stamp


def test_overrides_seed_and_parents_name_other_runs(workshop: Workshop, command: list[str]) -> None:
    assert train.main([*command, "--seed", "3", "-o", "optim.epochs=1"]) == 0
    assert POINTS.optim is not None
    run = replace(POINTS, optim=replace(POINTS.optim, epochs=1), seed=3)
    assert workshop.store.run(run.train_id).state(run.eval_id) == "done"


def test_a_process_that_finds_its_run_claimed_does_nothing(workshop: Workshop, command: list[str]) -> None:
    with workshop.store.run(POINTS.train_id).claim() as mine:
        assert mine
        assert train.main(command) == 75
    assert workshop.steps == []


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (DataError("the data are gone"), 3, "the data are gone"),
        (StoreError("the disk is full"), 3, "the disk is full"),
        (ValueError("it cannot be"), 1, "it cannot be"),
        (ZeroDivisionError("a bug"), 1, "ZeroDivisionError: a bug"),
        (RuntimeError(), 1, "RuntimeError"),
    ],
)
def test_a_process_that_fails_says_why_in_its_last_line_and_in_a_file(
    workshop: Workshop,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    reason: str,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(train, "train_and_test", fails)
    assert train.main(command) == code
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"error: {reason}"
    assert ("Traceback" in said) == (type(error) in (ZeroDivisionError, RuntimeError))
    directory = workshop.store.run(POINTS.train_id)
    assert directory.failure.read_text() == reason + "\n"
    assert directory.state(POINTS.eval_id) == "failed"


def test_a_process_that_is_stopped_ends_as_by_the_signal(
    command: list[str], workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "StopRequest", lambda: StopsAfter(workshop, 3))
    assert train.main(command) == 128 + signal.SIGTERM
    directory = workshop.store.run(POINTS.train_id)
    assert directory.state(POINTS.eval_id) == "interrupted" and not directory.failure.exists()


def test_wrong_words_have_no_directory_to_fail_in(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main([*command[:1], "ours.none", *command[2:]]) == 1
    assert capsys.readouterr().err == "error: table 'made/points' has no run 'ours.none'; name one as row.column\n"


def test_a_further_process_of_a_run_neither_claims_nor_rescores(
    workshop: Workshop, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    calls: list[str] = []
    monkeypatch.setattr(train, "train_and_test", lambda run, *_, **__: calls.append(run.train_id))
    with workshop.store.run(POINTS.train_id).claim():  # by the first process
        assert train.main(command) == 0
    assert calls == [POINTS.train_id]


def test_a_further_process_does_not_wait_for_a_first_one_that_has_nothing_to_compute(
    workshop: Workshop, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train.main(command) == 0
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(train, "train_and_test", lambda *_, **__: pytest.fail("it would wait for the first process"))
    assert train.main(command) == 0  # tested
    assert train.main([*command, "-o", "evaluation.views=1"]) == 0  # within the saved scores
    assert len(list(workshop.store.run(POINTS.train_id).path.glob("metrics/*"))) == 1


def test_metrics_with_fewer_views_are_made_from_kept_scores_without_a_model(
    workshop: Workshop, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train.main(command) == 0
    monkeypatch.setattr(train, "train_and_test", lambda *_, **__: pytest.fail("a model was built"))
    assert train.main([*command, "-o", "evaluation.views=1"]) == 0
    fewer = replace(POINTS.evaluation, views=1)
    metrics = json.loads(
        workshop.store.run(POINTS.train_id).metrics(replace(POINTS, evaluation=fewer).eval_id).read_text()
    )
    assert (metrics["views"], metrics["rescored_from"]) == (1, POINTS.eval_id)


def test_recomputation_is_asked_of_models_that_can(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(type(POINTS.build().model), "recompute", lambda _, on: asked.append(on), raising=False)
    workshop.resources = Resources(data=workshop.resources.data, devices=1, recompute=True)
    workshop.bring(replace(POINTS, optim=None))
    assert asked == [True]


def test_a_stop_request_is_taken_from_the_signals_of_the_system() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        request = StopRequest()
        assert request.pending is None
        signal.raise_signal(signal.SIGTERM)
        assert request.pending == signal.SIGTERM
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)  # a second one ends at once
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
