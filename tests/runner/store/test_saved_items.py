"""Tests that are saved item by item: metrics, result files, and going on after a kill."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data.datasets.davis import Davis
from data.errors import DataError
from data.loaders import UnrepeatedItems
from experiments.spec.edits import apply, model
from experiments.spec.run import Parent, RunConfig
from lightning_modules.mask_propagation import MaskPropagationTask, MaskScores
from lightning_modules.task import Batch
from models.propagation.label_propagation import LabelPropagation
from models.propagation.rules import DINO
from runner.machine.files import read_json
from runner.machine.resources import Resources
from runner.store.run_directory import RunDirectory
from runner.store.saved_items import repeated_items
from runner.store.store import RunStore
from runner.training.callbacks import Stopped
from runner.training.train import train_and_test
from tests.runner.mask_runs import KEPT_MASK, PROPAGATED, STAND_IN, UNTRAINED
from tests.runner.points import Killed, NoSignalHandlers, PlainPoints, PointList
from tests.runner.two_devices import FORKED, exit_codes

RESOURCES = Resources(devices=1)


@pytest.fixture(autouse=True)
def stand_ins(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))


@pytest.fixture
def tested(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sequences in the order in which they are tested."""
    seen: list[int] = []
    test = MaskPropagationTask.test

    def watched(task: MaskPropagationTask, model: torch.nn.Module, batch: Batch, scores: MaskScores) -> None:
        seen.extend(batch.items.tolist())
        test(task, model, batch, scores)

    monkeypatch.setattr(MaskPropagationTask, "test", watched)
    return seen


def execute(run: RunConfig, store: RunStore) -> dict:
    train_and_test(run, store, RESOURCES, NoSignalHandlers())
    metrics = read_json(store.run(run.train_id).metrics(run.eval_id))
    assert metrics is not None
    return metrics


@pytest.mark.parametrize("run", [UNTRAINED, KEPT_MASK], ids=["untrained", "kept"])
def test_metrics_and_result_files_of_a_test(run: RunConfig, store: RunStore) -> None:
    metrics = execute(run, store)
    assert metrics["videos"] == {"evaluated": 3, "failed": 0, "missing": 0}
    assert metrics["jf"] == pytest.approx((metrics["j"] + metrics["f"]) / 2)
    directory = store.run(run.train_id)
    assert directory.result(run) == metrics  # accepted, and equal to the saved scores
    assert RunDirectory(directory.path, compare_scores=True).result(run) == metrics
    root = RESOURCES.root(run.data)
    results = directory.result_files(run.eval_id)
    for name in ("shapes-00", "shapes-02"):
        files = sorted(path.name for path in (results / name).iterdir())
        assert files == [f"{frame:05d}.png" for frame in range(6)]
        first = f"{name}/00000.png"
        assert (results / first).read_bytes() == (root / "Annotations/480p" / first).read_bytes()
    assert not directory.item_scores(run.eval_id).exists()


def test_metrics_are_those_of_the_result_files(store: RunStore) -> None:
    metrics = execute(UNTRAINED, store)
    results = store.run(UNTRAINED.train_id).result_files(UNTRAINED.eval_id)
    annotations = RESOURCES.root(UNTRAINED.data) / "Annotations/480p"
    scores = MaskScores(UNTRAINED.objective)  # type: ignore[arg-type]
    for index in range(3):
        predicted, truth = (
            np.stack([np.asarray(Image.open(folder / f"shapes-{index:02d}/{frame:05d}.png")) for frame in range(6)])
            for folder in (results, annotations)
        )
        scores.add(index, predicted, truth)
    found = scores.result().metrics
    assert {name: metrics[name] for name in found} == pytest.approx(found)


@pytest.mark.parametrize("killed_at", [1, 2])
def test_a_killed_test_goes_on_with_the_sequence_where_it_was(
    store: RunStore, tested: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    whole = execute(UNTRAINED, RunStore(tmp_path / "whole"))
    tested.clear()
    with monkeypatch.context() as patch:
        forward = LabelPropagation.forward

        def killing(model: LabelPropagation, *inputs: torch.Tensor) -> torch.Tensor:
            if len(tested) > killed_at:
                raise Killed
            return forward(model, *inputs)

        patch.setattr(LabelPropagation, "forward", killing)
        with pytest.raises(Killed):
            execute(UNTRAINED, store)
    directory = store.run(UNTRAINED.train_id)
    assert not directory.metrics(UNTRAINED.eval_id).exists()
    tested.clear()
    metrics = execute(UNTRAINED, store)
    assert tested == list(range(killed_at, 3))
    assert {name: metrics[name] for name in UNTRAINED.objective.metrics} == {
        name: whole[name] for name in UNTRAINED.objective.metrics
    }
    assert len(list(directory.result_files(UNTRAINED.eval_id).glob("*/*.png"))) == 18


def test_a_stop_request_is_obeyed_after_the_sequence_whose_scores_are_saved(store: RunStore, tested: list[int]) -> None:
    request = NoSignalHandlers()
    request.signal_number = 15
    with pytest.raises(Stopped):
        train_and_test(UNTRAINED, store, RESOURCES, request)
    execute(UNTRAINED, store)
    assert tested == [0, 1, 2]


@pytest.mark.parametrize(
    ("saved", "world_size", "repeated"),
    [
        ([], 1, []),
        ([0, 1], 1, []),
        ([0, 2], 1, []),
        ([0, 1, 2], 1, [2]),
        ([0, 1], 2, [1]),
        ([0, 2], 2, [2]),
        ([2, 0, 1], 2, [2, 1]),
        ([1], 3, [1]),
        ([0, 1, 2], 3, [2, 1, 0]),
    ],
)
def test_so_many_items_are_tested_that_each_process_has_one(
    saved: list[int], world_size: int, repeated: list[int]
) -> None:
    assert repeated_items(saved, 3, world_size) == repeated
    items = PlainPoints(PointList("test", 3), num_views=1)
    omitted = frozenset(saved) - frozenset(repeated)
    shares = [UnrepeatedItems(items, rank=r, world_size=world_size, omitted=omitted) for r in range(world_size)]
    assert all(len(share) > 0 for share in shares)


class StopsAfterItems(NoSignalHandlers):
    """Asks for the end of a test once so many sequences are tested."""

    def __init__(self, tested: list[int], count: int) -> None:
        super().__init__()
        self.tested, self.count = tested, count

    @property
    def pending(self) -> int | None:
        return signal.SIGTERM if len(self.tested) >= self.count else None


def execute_on_two_devices(run: RunConfig, store: RunStore) -> dict:
    """Test a run in two processes."""
    resources = Resources(devices=2)
    codes = exit_codes(lambda rank: train_and_test(run, store, resources, NoSignalHandlers()))
    assert codes == [0, 0]
    metrics = read_json(store.run(run.train_id).metrics(run.eval_id))
    assert metrics is not None
    return metrics


@FORKED
@pytest.mark.parametrize("num_tested", [0, 1, 2, 3])
def test_a_stopped_test_is_finished_on_more_devices_than_items_are_left(
    store: RunStore, tested: list[int], tmp_path: Path, num_tested: int
) -> None:
    whole = execute(UNTRAINED, RunStore(tmp_path / "whole"))
    directory = store.run(UNTRAINED.train_id)
    if num_tested:
        tested.clear()
        with pytest.raises(Stopped):
            train_and_test(UNTRAINED, store, RESOURCES, StopsAfterItems(tested, num_tested))
        assert len(list(directory.item_scores(UNTRAINED.eval_id).glob("*.npz"))) == num_tested
    metrics = execute_on_two_devices(UNTRAINED, store)
    assert metrics["devices"] == 2 and metrics["videos"] == {"evaluated": 3, "failed": 0, "missing": 0}
    for name in UNTRAINED.objective.metrics:
        assert metrics[name] == pytest.approx(whole[name], abs=1e-9)
    assert RunDirectory(directory.path, compare_scores=True).result(UNTRAINED) == metrics
    assert len(list(directory.result_files(UNTRAINED.eval_id).glob("*/*.png"))) == 18
    assert not directory.item_scores(UNTRAINED.eval_id).exists()


def unfinished(store: RunStore, tested: list[int]) -> Iterator[Path]:
    """Scores of the first sequence of a stopped test."""
    request = NoSignalHandlers()
    request.signal_number = 15
    with pytest.raises(Stopped):
        train_and_test(UNTRAINED, store, RESOURCES, request)
    tested.clear()
    return store.run(UNTRAINED.train_id).item_scores(UNTRAINED.eval_id).glob("*.npz")


def test_damaged_scores_and_scores_of_other_weights_are_not_used(store: RunStore, tested: list[int]) -> None:
    (file,) = unfinished(store, tested)
    file.write_bytes(file.read_bytes()[:100])
    execute(UNTRAINED, store)
    assert tested == [0, 1, 2]
    for path in store.run(UNTRAINED.train_id).path.glob("*/*"):
        if path.parent.name in ("metrics", "predictions"):
            path.unlink()
    (file,) = unfinished(store, tested)
    with np.load(file) as arrays:
        np.savez(file, **{**arrays, "test_of": np.array("other weights")})
    execute(UNTRAINED, store)
    assert tested == [0, 1, 2]


def test_weights_of_the_parent_are_tested(store: RunStore, keep_weights: object) -> None:
    run = apply(PROPAGATED, model(affinity="tokens", rules=DINO))
    (parent,) = run.parents
    with pytest.raises(ValueError, match="has no weights: train it"):
        execute(run, store)
    assert callable(keep_weights)
    keep_weights(parent.run)
    metrics = execute(run, store)
    other = replace(parent.run, seed=1)
    keep_weights(other)
    assert execute(replace(run, parents=(Parent(run=other),)), store)["jf"] != metrics["jf"]


def test_a_truncated_mask_stops_the_test_in_one_line(store: RunStore, tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "davis2017"
    shutil.copytree(RESOURCES.root(KEPT_MASK.data), root)
    path = root / "Annotations/480p/shapes-01/00003.png"
    path.write_bytes(path.read_bytes()[:-30])
    run = replace(KEPT_MASK, data=replace(KEPT_MASK.data, dataset=Davis.Config()))
    with pytest.raises(DataError, match=r"1 of 3 test sequences cannot be read.*00003\.png") as caught:
        train_and_test(run, store, replace(RESOURCES, data=(("davis2017", root),)), NoSignalHandlers())
    assert "\n" not in str(caught.value)
    train_and_test(run, store, replace(RESOURCES, data=(("davis2017", root),), allow_bad=1), NoSignalHandlers())
    metrics = json.loads(store.run(run.train_id).metrics(run.eval_id).read_text())
    assert metrics["videos"] == {"evaluated": 2, "failed": 1, "missing": 0}
    assert STAND_IN.num_val == 3
