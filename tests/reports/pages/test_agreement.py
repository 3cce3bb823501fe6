"""Tests of released weights agree with printed values within the sampling error of the tested videos."""

import math

import pytest

from experiments.spec.catalog import load
from experiments.spec.scales import PAPER
from reports.collect import collect
from reports.pages.agreement import sampling_error
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
