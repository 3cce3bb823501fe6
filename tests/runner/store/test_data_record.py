"""The data of a run must stay those of the start of its training; a test may have another copy of them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from data.datasets.kinetics import Kinetics
from data.errors import DataError
from data.fingerprint import DataFingerprint, fingerprint_in
from data.preparation.preparation import Preparation
from data.video_data import VideoData
from experiments.spec.edits import apply, evaluation, optim
from experiments.spec.run import Parent, RunConfig
from runner.machine.files import write_atomically
from runner.machine.resources import Resources
from runner.store.data_record import UNKNOWN_COPY, check_data_record, check_named_data
from runner.store.jobs import CellName, Job
from runner.store.store import RunStore
from tests.runner.points import POINTS, PointList, RunHarness
from tests.runner.stored_metrics import write_result

OTHER_VIEWS = replace(POINTS, evaluation=replace(POINTS.evaluation, views=3))


def relabel(split: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the fingerprint of the points of a split."""
    original = PointList.fingerprint.fget
    assert original is not None
    changed = property(lambda points: "other" if points.split == split else original(points))
    monkeypatch.setattr(PointList, "fingerprint", changed)


def test_results_contain_the_data_of_parents(harness: RunHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = apply(POINTS, optim(epochs=1))
    child = replace(parent, seed=1, parents=(Parent(run=parent),))
    grandchild = replace(parent, seed=2, parents=(Parent(run=child),))

    def data_of_parents(run: RunConfig) -> dict[str, str]:
        return harness.execute(run)["data"]["parents"]

    assert "parents" not in harness.execute(parent)["data"]
    found = [data_of_parents(child), data_of_parents(grandchild)]
    assert all(len(one["start"]) == 16 for one in found) and found[0] != found[1]
    shutil.rmtree(harness.store.root)
    with monkeypatch.context() as patch:
        relabel("train", patch)
        harness.execute(parent)
    changed = [data_of_parents(child), data_of_parents(grandchild)]
    assert changed[0] != found[0] and changed[1] != found[1]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_training_does_not_go_on_with_other_data(
    split: str, harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.execute_and_kill(POINTS, "step", 12)
    directory, before = harness.store.run(POINTS.train_id), len(harness.steps)
    with monkeypatch.context() as patch:
        relabel(split, patch)
        kind = {"train": "training", "test": "test"}[split]
        message = f"points: in /.*ids or labels of the {kind} points differ .* its training .then in .*data.json"
        with pytest.raises(DataError, match=message) as caught:
            harness.execute(POINTS)
    assert "--data points=PATH, or another directory with --runs DIR" in str(caught.value)
    assert str(directory.data) in str(caught.value) and "\n" not in str(caught.value)
    assert len(harness.steps) == before and directory.checkpoint.exists()
    assert harness.execute(POINTS)["videos"]["evaluated"] == 90  # with the data of its start


@pytest.mark.parametrize("split", ["train", "test"])
def test_weights_are_not_tested_on_other_data(split: str, harness: RunHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.execute(POINTS)
    relabel(split, monkeypatch)
    with pytest.raises(DataError, match="from those at the start of its training"):
        harness.execute(OTHER_VIEWS)
    assert not harness.store.run(POINTS.train_id).metrics(OTHER_VIEWS.eval_id).exists()


def test_a_training_does_not_go_on_with_another_copy_but_its_weights_are_tested_on_one(
    harness: RunHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "all points"
    file.write_text("a")
    monkeypatch.setattr(type(POINTS.data), "files", lambda _, items: [(str(file),)] * len(items))
    harness.execute_and_kill(POINTS, "step", 12)
    file.write_text("other")
    with pytest.raises(DataError, match=r"file sizes of the training points differ .* start of its training"):
        harness.execute(POINTS)
    file.write_text("a")
    assert "training_copy" not in harness.execute(POINTS)["data"]
    file.write_text("other")
    result = harness.execute(OTHER_VIEWS)
    assert result["videos"]["evaluated"] == 90 and result["data"]["training_copy"] == UNKNOWN_COPY


def test_a_test_on_a_prepared_copy_names_both_copies(small_run: RunConfig, harness: RunHarness, tmp_path: Path) -> None:
    root = Resources(devices=1).root(small_run.data)
    reader = replace(small_run.data.dataset, stand_in=None)
    run = apply(replace(small_run, data=replace(small_run.data, dataset=reader)), optim(epochs=1, batch_size=5))
    harness.resources = Resources(data=(("kinetics400", root),), devices=1)
    harness.execute(run)
    assert isinstance(reader, Kinetics.Config)
    of = Preparation(reader=reader, root=root, out=tmp_path / "copy", short_side=32)
    assert of.write(of.targets(of.records()), 1) == {}
    harness.resources = Resources(data=(("kinetics400", of.out),), devices=1)
    result = harness.execute(apply(run, evaluation(views=3)))
    assert result["videos"] == {"evaluated": 10, "failed": 0, "missing": 0}
    assert result["data"]["copy"] == "prepared: h264 in mp4, groups of 4, short side 32 (10 videos)"
    assert result["data"]["training_copy"] == "mp4 with h264, short side 48 (10 videos)"


def test_data_that_change_during_a_training_are_not_tested(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(event: str) -> bool:
        relabel("test", monkeypatch)
        return False

    harness.kill_before = change
    with pytest.raises(DataError, match="ids or labels of the test points differ"):
        harness.execute(POINTS)


def test_a_training_that_never_reached_a_checkpoint_may_start_anew_with_other_data(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.execute_and_kill(POINTS, "step", 1)
    relabel("train", monkeypatch)
    assert not harness.store.run(POINTS.train_id).checkpoint.exists()
    assert harness.execute(POINTS)["data"]["train"]["annotations"] == "other"


def test_a_training_without_a_record_goes_on_and_its_results_show_that_its_data_are_unknown(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.execute_and_kill(POINTS, "step", 12)
    harness.store.run(POINTS.train_id).data.unlink()  # of an earlier version
    relabel("train", monkeypatch)
    data = harness.execute(POINTS)["data"]
    assert data["test"]["items"] == 90 and "train" not in data


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Kinetics with one video, which nobody decodes."""
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    root = tmp_path / "k400"
    root.mkdir()
    (root / "0.mp4").write_bytes(b"x")
    (root / "train.csv").write_text("0.mp4 0\n")
    (root / "val.csv").write_text("0.mp4 0\n")
    return root


DATA = VideoData(dataset=Kinetics.Config(num_classes=3))
RUN = replace(POINTS, data=DATA)


def job_of(run: RunConfig, data: DataFingerprint, store: RunStore, state: str = "finished") -> Job:
    """Job of a trained run whose test has finished or not, or of another test than that of its released weights."""
    directory, cell = store.run(run.train_id), CellName("paper/table", "row", "column")
    if state == "released":
        write_atomically(directory.released, "")
        write_atomically(directory.released_record, json.dumps({"file": "k400.pyth", "sha256": "0123"}))
        write_result(store, run, released=True, data=data.as_json())
        return Job(replace(run, evaluation=replace(run.evaluation, views=1)), cell, 0)
    write_atomically(directory.data, json.dumps({**data.as_json(), "root": "/data"}))
    write_atomically(directory.weights, "")
    if state == "finished":
        write_result(store, run, data=data.as_json() | {"name": run.data.dataset.name})
    return Job(run, cell, 0)


@pytest.mark.parametrize(
    ("state", "source"),
    [
        ("finished", f"the finished test .*{RUN.eval_id}.json"),
        ("trained", "the training in .*data.json"),
        ("released", f"the finished test .*{RUN.eval_id}.released.json"),  # whose scores are used for the other test
    ],
)
def test_results_of_other_data_than_those_named_are_refused(
    state: str, source: str, root: Path, store: RunStore
) -> None:
    job, named = job_of(RUN, fingerprint_in(DATA, root), store, state), Resources(data=(("kinetics400", root),))
    check_named_data([job], store, named)
    (root / "0.mp4").write_bytes(b"xx")  # another copy of the video
    check_named_data([job], store, named)
    (root / "train.csv").write_text("0.mp4 1\n")
    with pytest.raises(
        DataError, match=f"kinetics400: in .*, ids or labels of the training videos differ .* those of {source}.*;"
    ):
        check_named_data([job], store, named)
    check_named_data([job], store, Resources())  # nobody names the data


def test_data_below_video_root_are_compared_if_they_are_there(
    root: Path, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(RUN, fingerprint_in(DATA, root), store)
    monkeypatch.setenv("VIDEO_ROOT", str(root))  # without a folder kinetics400
    check_named_data([job], store, Resources())
    (root.parent / "kinetics400").symlink_to(root)
    monkeypatch.setenv("VIDEO_ROOT", str(root.parent))
    check_named_data([job], store, Resources())
    (root / "val.csv").write_text("0.mp4 1\n")
    with pytest.raises(DataError, match="ids or labels of the test videos differ"):
        check_named_data([job], store, Resources())


def test_results_of_generated_data_encoded_elsewhere_or_by_other_code_are_taken(
    small_run: RunConfig, root: Path, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.machine.resources.generated", None)
    job = job_of(small_run, fingerprint_in(DATA, root), store)
    record = job.directory(store).data
    write_atomically(record, json.dumps({**json.loads(record.read_text()), "code": "0123"}))  # of earlier versions
    check_named_data([job], store, Resources())
    (root / "0.mp4").write_bytes(b"xx")
    now = fingerprint_in(DATA, root)
    check_data_record(job.directory(store), now, root, small_run.data.dataset, goes_on=True)
