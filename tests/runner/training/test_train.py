"""A training from its start to its metrics: its length, the weights it keeps, kills and stops, and its exit codes."""

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from data.errors import MissingAnnotationError
from experiments.spec.edits import apply, optim
from experiments.spec.run import Parent, RunConfig
from interface.batches import Batch
from lightning_modules.module import TaskModule
from lightning_modules.optim import OptimConfig
from runner.machine.files import StoreError
from runner.machine.messages import NOTE_PREFIX
from runner.machine.signals import Stopped
from runner.store.store import RunStore
from runner.training import train
from runner.training.curves import WAITING
from runner.weights.weights import save_weights
from tests.runner.points import POINTS, REST, RunHarness, StopsAfter
from tests.runner.tower_weights import FROZEN_TOWER, same

# The best validation of both is the last but one.
EPOCHS = replace(POINTS, optim=OptimConfig(epochs=6, batch_size=4, lr=0.3, validate_every=1, keep="best"))
STEPS = replace(POINTS, optim=OptimConfig(epochs=None, steps=22, batch_size=4, lr=0.3, validate_every=3, keep="best"))


def of_epochs(**changes: object) -> RunConfig:
    return apply(EPOCHS, optim(**changes))


def of_steps(**changes: object) -> RunConfig:
    return apply(STEPS, optim(**changes))


LAST = of_steps(keep="last")
ACCUMULATED = of_steps(steps=13)
MICRO_BATCHES = {ACCUMULATED: 2}
SCORED = ("top1", "top5", "videos", "classes")
TIMED = ("workload/points_per_second", WAITING)


class Whole(NamedTuple):
    """A run that was never interrupted."""

    weights: dict[str, Tensor]
    metrics: dict
    validated_after: list[int]
    num_steps: int
    curves: dict[str, list[tuple[int, float]]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[RunConfig, Whole]:
    """The runs that others are compared with."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        harness = RunHarness(RunStore(tmp_path_factory.mktemp("whole") / "runs"), patch)
        for run in (EPOCHS, REST, STEPS, LAST, ACCUMULATED):
            harness.resources = replace(harness.resources, micro_batch=MICRO_BATCHES.get(run))
            metrics, weights, steps = harness.execute(run), harness.weights(run), len(set(harness.steps))
            found[run] = Whole(weights, metrics, harness.validated_after.copy(), steps, harness.curves(run))
            harness.use_new_store(run.train_id)
    return found


@pytest.mark.parametrize(
    ("run", "steps", "validated_after"),
    [
        (of_epochs(epochs=5, validate_every=2), 25, [10, 20]),
        (of_epochs(epochs=5, validate_every=2, keep="last"), 25, [5, 10, 15, 20, 25]),  # they select no weights
        (of_epochs(epochs=2, validate_every=5), 10, [10]),  # shorter than the interval
        (of_steps(steps=4, validate_every=5), 4, [4]),
        *((of_steps(steps=steps), steps, list(range(3, steps + 1, 3))) for steps in (3, 5, 7, 22)),
    ],
)
def test_a_recipe_trains_and_validates_by_epochs_or_by_steps(
    run: RunConfig, steps: int, validated_after: list[int], harness: RunHarness
) -> None:
    harness.execute(run)
    assert (harness.steps, harness.validated_after) == (list(range(steps)), validated_after)
    assert harness.trainers[0].global_step == steps


def test_steps_are_optimiser_steps_under_gradient_accumulation(harness: RunHarness) -> None:
    harness.resources = replace(harness.resources, micro_batch=2)
    harness.execute(of_steps(steps=7))
    assert harness.steps == [step for step in range(7) for _ in range(2)]
    assert harness.validated_after == [3, 6]


@pytest.mark.parametrize("run", [EPOCHS, STEPS], ids=["epochs", "steps"])
def test_the_weights_of_the_best_validation_are_saved_and_tested(run: RunConfig, harness: RunHarness) -> None:
    metrics = harness.execute(run)
    values = [validation.value for validation in harness.validations]
    best = values.index(max(values))
    assert best == len(values) - 2
    assert same(harness.weights(run), harness.validations[best].weights)
    assert not same(harness.weights(run), harness.validations[-1].weights)
    directory = harness.store.run(run.train_id)
    assert not directory.kept_weights.exists() and not directory.checkpoint.exists()
    model = run.build().model.eval()
    model.load_state_dict(harness.weights(run))
    videos = run.data.dataset.build(Path(), "test")
    views = run.data.test_items(videos, run.evaluation)
    outputs = torch.stack(
        [torch.stack([model(*view)[0] for view in views.inputs(i, range(2))]) for i in range(len(videos))]
    )
    right = outputs.softmax(-1).sum(1).argmax(-1) == torch.tensor([videos.label(i) for i in range(len(videos))])
    assert metrics["top1"] == pytest.approx(100 * right.float().mean().item())


def test_a_recipe_that_keeps_the_last_weights_saves_them(harness: RunHarness, whole: dict[RunConfig, Whole]) -> None:
    harness.execute(STEPS)
    last = whole[LAST].weights
    assert not any(same(last, validation.weights) for validation in harness.validations)  # it went on for a step


KILLS = [
    (EPOCHS, "step", 8),
    (EPOCHS, "step", 27),  # after the best validation
    (EPOCHS, "validation batch 1", 5),  # in the middle of the best
    (EPOCHS, "checkpoint", 9),  # the best weights are written, and not yet the checkpoint that knows of them
    (REST, "step", 6),  # before the rest of an epoch
    (REST, "step", 7),  # after it
    (STEPS, "step", 1),
    (STEPS, "step", 8),  # between two validations
    (STEPS, "step", 20),  # after the best validation
    (STEPS, "validation batch 0", 2),  # the first after the end of an epoch
    (STEPS, "validation batch 1", 6),  # in the middle of the best
    (STEPS, "checkpoint", 6),
    (LAST, "step", 7),  # after the end of an epoch
    (LAST, "step", 22),
    (LAST, "validation batch 1", 2),
    (ACCUMULATED, "step", 8),  # within a step
    (ACCUMULATED, "step", 24),
    (ACCUMULATED, "validation batch 0", 2),
]
NAMES = {id(EPOCHS): "epochs", id(REST): "rest", id(STEPS): "steps", id(LAST): "last", id(ACCUMULATED): "accumulated"}


@pytest.mark.parametrize(("run", "event", "time"), KILLS, ids=lambda part: NAMES.get(id(part), str(part)))
def test_a_killed_and_resumed_run_saves_weights_and_curves_of_an_uninterrupted_run(
    run: RunConfig, event: str, time: int, harness: RunHarness, whole: dict[RunConfig, Whole]
) -> None:
    harness.resources = replace(harness.resources, micro_batch=MICRO_BATCHES.get(run))
    harness.execute_and_kill(run, event, time)
    assert not harness.store.run(run.train_id).weights.exists()
    metrics, expected = harness.execute(run), whole[run]
    assert same(harness.weights(run), expected.weights)
    assert set(harness.validated_after) <= set(expected.validated_after)
    assert set(harness.steps) == set(range(expected.num_steps))
    assert harness.trainers[-1].global_step == expected.num_steps
    assert {name: metrics[name] for name in SCORED} == {name: expected.metrics[name] for name in SCORED}
    if run is not LAST:  # killed in a validation that is not repeated
        curves = harness.curves(run)
        assert curves.keys() == expected.curves.keys()
        for name, points in expected.curves.items():
            if name in TIMED:
                assert [step for step, _ in curves[name]] == [step for step, _ in points], name
            else:
                assert curves[name] == points, name


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
def test_a_stopped_run_resumes_without_repeating_a_step(
    run: RunConfig, steps: int, harness: RunHarness, whole: dict[RunConfig, Whole]
) -> None:
    with pytest.raises(Stopped):
        harness.execute(run, request=StopsAfter(harness, steps))
    assert len(harness.steps) == steps
    assert harness.store.run(run.train_id).checkpoint.exists()
    harness.execute(run)
    assert harness.steps == list(range(whole[run].num_steps))  # no step is taken twice
    assert same(harness.weights(run), whole[run].weights)


def test_a_trained_run_whose_results_were_not_written_resumes_from_its_checkpoint(
    harness: RunHarness, whole: dict[RunConfig, Whole]
) -> None:
    directory = harness.store.run(EPOCHS.train_id)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(train, "saved_digest", lambda _: (_ for _ in ()).throw(StoreError("full")))
        harness.execute(EPOCHS)
    assert directory.checkpoint.exists() and not directory.weights.exists()
    harness.steps.clear()
    harness.execute(EPOCHS)
    assert harness.steps == [] and same(harness.weights(EPOCHS), whole[EPOCHS].weights)


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_gradients_are_clipped_to_the_norm_of_the_recipe(harness: RunHarness, clip_norm: float | None) -> None:
    norms: list[float] = []
    plain = torch.nn.utils.clip_grad_norm_

    def noted(parameters: object, max_norm: float, *more: object, **options: object) -> Tensor:
        norms.append(max_norm)
        return plain(parameters, max_norm, *more, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.utils, "clip_grad_norm_", noted)
        harness.execute(of_steps(steps=3, clip_norm=clip_norm))
    assert norms == ([] if clip_norm is None else [clip_norm] * 3)


def test_checkpoints_of_a_finished_training_that_a_kill_has_left_are_removed(harness: RunHarness) -> None:
    directory = harness.store.run(POINTS.train_id)
    save_weights(POINTS.build().model, directory.weights)
    for name in ("last.ckpt", "previous.ckpt"):
        directory.checkpoint.with_name(name).touch()
    harness.execute(POINTS)
    assert [path.name for path in directory.checkpoint.parent.iterdir()] == ["weights.safetensors"]


def test_a_run_without_training_is_tested_with_the_weights_of_its_parent_and_needs_no_training_data(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(POINTS.data.dataset)
    build = kind.build

    def only_tests(dataset: object, root: Path, split: str) -> object:
        if split == "train":
            raise MissingAnnotationError("there is no training split")
        return build(dataset, root, split)  # type: ignore[arg-type]

    tested = replace(POINTS, optim=None, parents=(Parent(run=POINTS),))
    with pytest.raises(ValueError, match=f"run {POINTS.train_id} has no weights: train it with"):
        harness.execute(tested)
    metrics = harness.execute(POINTS)
    harness.steps.clear()
    monkeypatch.setattr(kind, "build", only_tests)
    again = harness.execute(tested)
    assert harness.steps == []
    assert {name: again[name] for name in ("top1", "top5", "classes")} == {
        name: metrics[name] for name in ("top1", "top5", "classes")
    }
    assert "device_hours" not in again and again["replaced_in_training"] == 0
    directory = harness.store.run(tested.train_id)
    assert not directory.weights.exists() and not directory.training.exists()


@pytest.mark.usefixtures("photos")
def test_a_run_without_training_and_parents_is_tested_with_its_initial_weights(harness: RunHarness) -> None:
    metrics = harness.execute(replace(FROZEN_TOWER, optim=None))
    assert harness.steps == [] and metrics["videos"]["evaluated"] == 90


def test_eval_only_does_not_train(harness: RunHarness) -> None:
    with pytest.raises(ValueError, match="has no weights: train it with `reproduce run`, or test released ones"):
        harness.execute(POINTS, eval_only=True)
    assert harness.steps == [] and not harness.store.run(POINTS.train_id).checkpoint.exists()
    harness.execute(POINTS)
    harness.store.run(POINTS.train_id).metrics(POINTS.eval_id).unlink()
    harness.steps.clear()
    harness.resources = replace(harness.resources, micro_batch=3)  # does not divide the training batch
    assert harness.execute(POINTS, eval_only=True)["videos"]["evaluated"] == 90
    assert harness.steps == []


CHECKPOINT_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "junk": lambda whole: b"junk",
    "empty": lambda whole: b"",
    "cut short": lambda whole: whole[: len(whole) // 2],
    "a bit": lambda whole: flipped(whole, whole.index(b"FB") + 3000),
    "zeros": lambda whole: whole[:3000] + bytes(2000) + whole[5000:],
}


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("damage", CHECKPOINT_DAMAGES)
def test_a_training_with_a_damaged_checkpoint_goes_on_from_the_one_before_it(
    harness: RunHarness, damage: str, capsys: pytest.CaptureFixture[str], whole: dict[RunConfig, Whole]
) -> None:
    harness.execute_and_kill(EPOCHS, "step", 12)
    checkpoint = harness.store.run(EPOCHS.train_id).checkpoint
    checkpoint.write_bytes(CHECKPOINT_DAMAGES[damage](checkpoint.read_bytes()))
    harness.steps.clear()
    harness.execute(EPOCHS)
    assert harness.steps == list(range(10, 30)) and same(harness.weights(EPOCHS), whole[EPOCHS].weights)
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith(NOTE_PREFIX)]
    assert notes == [
        f"{NOTE_PREFIX}{checkpoint} is cut short or damaged; it was renamed to last.ckpt.damaged, and the training "
        f"goes on from previous.ckpt, the one before it"
    ]
    assert [path.name for path in checkpoint.parent.iterdir()] == ["weights.safetensors"]


def test_a_training_without_an_intact_checkpoint_starts_again(
    harness: RunHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.execute_and_kill(POINTS, "step", 12)
    for path in harness.store.run(POINTS.train_id).checkpoint.parent.iterdir():
        path.write_bytes(b"")
    harness.steps.clear()
    harness.execute(POINTS)
    assert harness.steps == list(range(20))
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith(NOTE_PREFIX)]
    assert [note.partition(", and ")[2] for note in notes] == ["the training starts again from its beginning"] * 2


def test_a_training_killed_while_it_replaces_its_checkpoint_goes_on_from_the_one_before_it(harness: RunHarness) -> None:
    harness.execute_and_kill(POINTS, "step", 12)
    harness.store.run(POINTS.train_id).checkpoint.unlink()
    harness.steps.clear()
    harness.execute(POINTS)
    assert harness.steps == list(range(10, 20))


@pytest.mark.parametrize(
    ("spoils", "steps", "message"),
    [
        (
            lambda loss, _: loss * math.inf,
            13,
            "the loss is inf at step 13, with a learning rate of 0.1; lower it with -o",
        ),
        (lambda loss, weight: loss + (0 * weight).sum().sqrt(), 15, "weights are not finite after step 15; lower the"),
    ],
    ids=["loss", "gradient of the last step before a checkpoint"],
)
def test_a_training_that_diverges_is_stopped_with_its_last_good_checkpoint(
    spoils: Callable[[Tensor, Tensor], Tensor],
    steps: int,
    message: str,
    harness: RunHarness,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = TaskModule.training_step

    def spoiled(module: TaskModule, batch: Batch, batch_idx: int) -> Tensor:
        loss = step(module, batch, batch_idx)
        return spoils(loss, module.model.head.weight) if len(harness.steps) == steps else loss  # type: ignore[arg-type]

    monkeypatch.setattr(TaskModule, "training_step", spoiled)
    with pytest.raises(ValueError, match=f"^the training diverges: {message}"):
        harness.execute(POINTS)
    directory = harness.store.run(POINTS.train_id)
    assert len(harness.steps) == steps and not directory.weights.exists() and not directory.metrics("*").parent.exists()
    saved = torch.load(directory.checkpoint, weights_only=True)
    assert saved["global_step"] == 10 and all(tensor.isfinite().all() for tensor in saved["state_dict"].values())


def test_damaged_kept_weights_are_an_error_before_the_rest_of_the_training(harness: RunHarness) -> None:
    run = replace(POINTS, optim=replace(POINTS.optim, keep="best"))  # type: ignore[type-var]
    harness.execute_and_kill(run, "step", 12)
    directory = harness.store.run(run.train_id)
    content = directory.kept_weights.read_bytes()
    directory.kept_weights.write_bytes(content[:-8] + bytes(8))
    harness.steps.clear()
    with pytest.raises(StoreError, match=f"its digest differs; restore it, or remove {directory.checkpoint.parent} to"):
        harness.execute(run)
    assert harness.steps == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile calls a C++ compiler")
def test_a_compiled_model_trains_to_the_same_weights_under_the_same_names(harness: RunHarness) -> None:
    assert not harness.execute(POINTS).get("compiled")
    plain = harness.weights(POINTS)
    harness.use_new_store("compiled")
    harness.resources = replace(harness.resources, compile=True)
    metrics = harness.execute(POINTS)
    compiled = harness.weights(POINTS)
    assert metrics["compiled"] is True and plain.keys() == compiled.keys()
    for name, tensor in plain.items():
        torch.testing.assert_close(compiled[name], tensor, rtol=1e-3, atol=1e-4)
