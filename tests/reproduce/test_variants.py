"""Variants: rows under several sets of overrides, side by side."""

import csv
import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from msgspec import to_builtins

from runner.store.records import Hits
from runner.store.store import RunStore
from tests.conftest import Reproduce
from tests.reports.saved_reports import lines_of
from tests.reproduce.conftest import finish_job, job_of

TWO, THREE = ("optim.epochs=2",), ("optim.epochs=3",)
ROW = "motionformer/table4:joint"
NUM_ITEMS = 1000

Finish = Callable[..., str]


@pytest.fixture
def finish(store: RunStore) -> Finish:
    """Writes a finished test, whose items from `first` to `last` are correct; returns the id of the run."""

    def write(overrides: tuple[str, ...], first: int, last: int, *, seed: int = 0, name: str = "") -> str:
        mask = (np.arange(NUM_ITEMS) >= first) & (np.arange(NUM_ITEMS) < last)
        hits = to_builtins(Hits.of({"top1": mask}, tuple(map(str, range(NUM_ITEMS)))))
        job = job_of(ROW, overrides, seed)
        finish_job(store, job, name, top1=100 * float(mask.mean()), hits=hits)
        return job.run.train_id

    return write


@pytest.fixture
def report(reproduce: Reproduce, store: RunStore) -> Reproduce:
    """The report of one column of the row."""
    return lambda *words, verb="report": reproduce(verb, ROW, "--column", "k400", "--runs", store.root, *words)


def variants(*texts: str) -> list[str]:
    return [word for text in texts for word in ("--variant", text)]


@pytest.fixture
def three(finish: Finish) -> None:
    """Two named variants of two seeds each, and the unchanged run of one seed."""
    for seed in (0, 1):
        finish(TWO, 0, 600 + 20 * seed, seed=seed, name="short")
        finish(THREE, 0, 650 + 20 * seed, seed=seed, name="long")
    finish((), 0, 700)


def test_a_line_a_variant_has_its_value_and_its_difference_to_the_first(report: Reproduce, three: None) -> None:
    out = report("--seeds", "0,1", *variants(*TWO, *THREE, "unchanged")).out
    lines = lines_of(out)
    assert lines["variant"][-2:] == ["K-400", "Δ"]
    assert lines["short: optim.epochs=2"][-2:] == ["61.0 ± 1.4 (n=2)", "–"]
    assert lines["long: optim.epochs=3"][-2].startswith("66.0 ± 1.4 (n=2)")
    assert lines["long: optim.epochs=3"][-1].startswith("+5 [3.") and lines["unchanged"][-1].startswith("+10 [")
    assert lines["unchanged"][-1].endswith("(n=1)") and "(n=1 of 2)" in lines["unchanged"][-2]
    assert "†" not in out and "10,000 paired resamples of the test videos (kinetics400 1,000) and of 2 seeds" in out


def test_differences_and_their_intervals_are_fields_of_json_and_csv(report: Reproduce, finish: Finish) -> None:
    finish(TWO, 0, 600)
    finish(THREE, 30, 700)
    found = json.loads(report("--json", *variants(*TWO, *THREE)).out)
    first, other = (next(cell for cell in one["cells"] if cell["column"] == "k400") for one in found)
    assert first["difference"] is None and other["difference"] == pytest.approx(7.0)
    assert (other["difference_low"], other["difference_high"]) == pytest.approx((4.8, 9.2), abs=0.2)  # 7 ± 1.96 · se
    as_csv = report("--format", "csv", *variants(*TWO, *THREE))
    table = csv.DictReader(io.StringIO(as_csv.out))
    assert as_csv.err == "" and [line["difference"] for line in table] == ["", "7.0"]


def test_variants_are_named_and_common_overrides_belong_to_all(report: Reproduce, three: None) -> None:
    by_name = report("--json", *variants("short", "unchanged")).out
    assert [one["variant"] for one in json.loads(by_name)] == ["short: optim.epochs=2", "unchanged"]
    both = report("--json", "-o", "optim.lr=0.5", *variants(*TWO, "unchanged")).out
    assert [one["overrides"] for one in json.loads(both)] == [["optim.lr=0.5", *TWO], ["optim.lr=0.5"]]
    page = report("-o", "optim.lr=0.5", *variants(*TWO, "unchanged")).out
    assert "| optim.epochs=2 " in page and "| unchanged " in page and "\nAll variants have optim.lr=0.5.\n" in page


def test_what_is_left_to_run_is_the_next_command(report: Reproduce, three: None) -> None:
    missing = report(*variants("short", "optim.epochs=4"))
    assert "| optim.epochs=4" in missing.out and "–" in missing.out
    assert f"next: reproduce run {ROW}" in missing.err and "-o optim.epochs=4 --runs" in missing.err
    done = report(*variants("short", "long"))
    assert f"next: reproduce tensorboard {ROW}" in done.err and "--variant short --variant long" in done.err


def test_claims_have_a_line_for_each_variant(reproduce: Reproduce, store: RunStore, three: None) -> None:
    words = ("claims", "motionformer/table4:joint", "--runs", store.root, *variants("short", "model.depth=1"))
    out, found = reproduce(*words).out, json.loads(reproduce(*words, "--json").out)
    comparisons = sum(len(claim["comparisons"]) for claim in found[0]["claims"])
    assert comparisons and [one["overrides"] for one in found] == [[*TWO], ["model.depth=1"]]
    for label in ("short: optim.epochs=2", "model.depth=1"):
        assert out.count(f"\n      {label}: ours ") == comparisons


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (variants("short", *TWO), "--variant optim.epochs=2: another variant has the same overrides"),
        (["-o", "optim.epochs=5", *variants(*TWO)], "-o optim.epochs=5 and -o optim.epochs=2 change the same field"),
    ],
)
def test_what_is_no_variant_is_refused(words: list[str], message: str, report: Reproduce, three: None) -> None:
    outcome = report(*words)
    assert outcome.code == 2 and message in outcome.err and outcome.err.count("\n") == 1
