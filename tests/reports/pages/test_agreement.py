"""Tests agree with printed values within the sampling error, and with tests by others in the videos answered alike."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from msgspec import to_builtins

from experiments.spec.catalog import load
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from reports.collect import collect
from reports.pages.agreement import sampling_error
from reports.saved import publish
from runner.store.records import Hits
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result


def notes(store: RunStore, row: str, table: str = "motionformer/table6b") -> list[str]:
    report = collect(load(table), PAPER, store, rows=[row])
    return [note for note in report.facts.notes if "released weights" in note and " from the printed " in note]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(80.1, "+0.40 from the printed 79.7, within"), (78.9, "-0.80 from the printed 79.7, more than")],
)
def test_a_difference_is_judged_by_the_videos_that_were_there(store: RunStore, value: float, verdict: str) -> None:
    run = load("motionformer/table6b").run_of("mformer.top1", PAPER, (), 0)
    videos = {"evaluated": 19_829, "failed": 1, "missing": 76}
    data = {"name": "k400", "fingerprint": "0123", "copy": "mp4 with h264"}
    write_result(store, run, value, released=True, videos=videos, data=data)
    found = next(note for note in notes(store, "mformer") if "Top-1" in note)
    assert f"released weights {verdict} the sampling error of 0.56 (95 %)" in found
    assert found.endswith("19,829 of 19,906 videos tested, 76 missing, 1 unreadable; copy: mp4 with h264")


def test_weights_trained_here_have_no_such_note(store: RunStore) -> None:
    run = load("motionformer/table6b").run_of("mformer.top1", PAPER, (), 0)
    write_result(store, run, 80.1)
    assert notes(store, "mformer") == []


def test_sampling_error_is_that_of_a_binomial() -> None:
    assert sampling_error(50, 10_000) == pytest.approx(0.98)
    assert sampling_error(100, 10_000) == 0 and math.isinf(sampling_error(50, 0))


IDS = tuple(map(str, range(1000)))


@pytest.fixture
def run() -> RunConfig:
    return load("motionformer/table6b").run_of("mformer.top1", PAPER, (), 0)


def publish_test(run: RunConfig, folder: Path, correct: np.ndarray, by: str = "", ids: tuple[str, ...] = IDS) -> Path:
    """Publish a test of 1,000 items that is made in a store of its own. Returns the file with the test."""
    store = RunStore(folder / by, results=folder / "results")
    hits = to_builtins(Hits.of({"top1": correct}, ids))
    write_result(store, run, 100 * float(correct.mean()), hits=hits, hardware=f"the GPU of {by}")
    publish(collect(load("motionformer/table6b"), PAPER, store, rows=["mformer"]), store, by)
    published = RunStore(folder / "results").run(run.train_id)
    beside = published.tests_of_others(run.eval_id)
    return beside.get(by, published).metrics(run.eval_id)


def test_tests_by_others_stand_beside_the_first_and_confirm_it_or_not(
    tmp_path: Path, run: RunConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    first = np.arange(1000) < 700
    alike, worse = first.copy(), np.arange(1000) < 600
    alike[[0, 1, 2, 999]] ^= True
    content = publish_test(run, tmp_path, first).read_bytes()
    publish_test(run, tmp_path, alike, by="anna")
    publish_test(run, tmp_path, worse, by="bob")
    publish_test(run, tmp_path, alike, by="anna")  # once more, and without a name: it stands there
    store = RunStore(tmp_path / "anna", results=tmp_path / "results")
    publish(collect(load("motionformer/table6b"), PAPER, store, rows=["mformer"]), store)
    other_items = publish_test(run, tmp_path, np.arange(1000) < 690, by="carla", ids=tuple("abcdefghij") * 100)

    def note() -> str:
        published = RunStore(tmp_path / "results")  # as for the committed pages
        report = collect(load("motionformer/table6b"), PAPER, published, rows=["mformer"])
        return next(note for note in report.facts.notes if "confirmed by" in note)

    (test,) = (tmp_path / "results" / run.train_id / "metrics").glob(f"{run.eval_id}.json")
    assert test.read_bytes() == content
    assert "confirmed by 2: anna -0.20, 4 of 1,000 answered otherwise; carla -1.00, 1,000 tested" in note()
    assert "more than its error from 1: bob -10.00, 100 of 1,000 answered otherwise" in note()
    other_items.write_text(json.dumps(json.loads(other_items.read_text()) | {"top1": 70.0}))
    assert "confirmed by 1: anna" in note()
    assert f"{other_items} is not taken as a result: it was changed after the test" in capsys.readouterr().err


def test_a_name_of_another_test_is_refused(tmp_path: Path, run: RunConfig) -> None:
    for number, by in ((700, ""), (690, "anna"), (690, "anna")):
        publish_test(run, tmp_path, np.arange(1000) < number, by)
    with pytest.raises(ValueError, match=r"--by anna: .* is another test; choose another name"):
        publish_test(run, tmp_path, np.arange(1000) < 600, "anna")


def test_a_damaged_published_test_is_replaced(tmp_path: Path, run: RunConfig) -> None:
    first = publish_test(run, tmp_path, np.arange(1000) < 700)
    first.write_text(first.read_text()[:100])
    publish_test(run, tmp_path, np.arange(1000) < 690, "anna")
    assert json.loads(first.read_text())["top1"] == 69
