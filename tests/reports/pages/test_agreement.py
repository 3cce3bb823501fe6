"""Tests agree with printed values within the sampling error, and with tests by others in the videos answered alike."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from msgspec import to_builtins

from experiments.spec.catalog import load
from experiments.spec.metrics import Measured
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from reports.collect import collect
from reports.pages.agreement import sampling_error
from reports.pages.origins import origins_of
from reports.pages.report import Report
from reports.publication import publish
from reports.saved import JudgedReport
from runner.machine.files import write_atomically
from runner.store.records import READABLE, Hits, sealed
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result


def report_of(store: RunStore, table: str = "motionformer/table6b", row: str = "mformer") -> Report:
    return collect(load(table), PAPER, store, rows=[row])


@pytest.fixture
def run() -> RunConfig:
    return load("motionformer/table6b").run_of("mformer.top1", PAPER, (), 0)


def notes(store: RunStore) -> list[str]:
    found = report_of(store).facts.notes
    return [note for note in found if "released weights" in note and " from the printed " in note]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(80.1, "+0.40 from the printed 79.7, within"), (78.9, "-0.80 from the printed 79.7, more than")],
)
def test_a_difference_is_judged_by_the_videos_that_were_there(
    store: RunStore, run: RunConfig, value: float, verdict: str
) -> None:
    videos = {"evaluated": 19_829, "failed": 1, "missing": 76}
    data = {"name": "k400", "fingerprint": "0123", "copy": "mp4 with h264"}
    write_result(store, run, value, released=True, videos=videos, data=data)
    found = next(note for note in notes(store) if "Top-1" in note)
    assert f"released weights {verdict} the sampling error of 0.56 (95 %)" in found
    assert found.endswith("19,829 of 19,906 videos tested, 76 missing, 1 unreadable; copy: mp4 with h264")


def test_weights_trained_here_have_no_such_note(store: RunStore, run: RunConfig) -> None:
    write_result(store, run, 80.1)
    assert notes(store) == []


def test_sampling_error_is_that_of_a_binomial() -> None:
    assert sampling_error(50, 10_000) == pytest.approx(0.98)
    assert sampling_error(100, 10_000) == 0 and math.isinf(sampling_error(50, 0))


IDS = tuple(map(str, range(1000)))


def publish_test(
    run: RunConfig,
    folder: Path,
    correct: np.ndarray,
    by: str = "",
    ids: tuple[str, ...] = IDS,
    readable: np.ndarray | None = None,
) -> Path:
    """Publish a test of 1,000 items that is made in a store of its own. Returns the file with the test.

    Args:
        readable: mask of the items that could be read, of a test whose scores are saved; None without them.
    """
    store = RunStore(folder / by, results=folder / "results")
    masks = {"top1": correct} if readable is None else {"top1": correct, READABLE: readable}
    hits = to_builtins(Hits.of(masks, ids))
    if readable is not None:
        scores = store.run(run.train_id).scores(run.eval_id)
        scores.parent.mkdir(parents=True)
        np.savez(scores, ids=np.array(ids))
    write_result(store, run, 100 * float(correct.mean()), hits=hits, hardware=f"the GPU of {by}")
    publish(report_of(store), store, by)
    published = RunStore(folder / "results").run(run.train_id)
    beside = published.made_again(published.metrics(run.eval_id))
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
    publish(report_of(store), store)
    other_items = publish_test(run, tmp_path, np.arange(1000) < 690, by="carla", ids=tuple("abcdefghij") * 100)

    def note() -> str:
        report = report_of(RunStore(tmp_path / "results"))  # as for the committed pages
        return next(note for note in report.facts.notes if "confirmed by" in note)

    (test,) = (tmp_path / "results" / run.train_id / "metrics").glob(f"{run.eval_id}.json")
    assert test.read_bytes() == content
    assert "confirmed by 2: anna -0.20, 4 of 1,000 answered otherwise; carla -1.00, 1,000 tested" in note()
    assert "more than its error from 1: bob -10.00, 100 of 1,000 answered otherwise" in note()
    other_items.write_text(json.dumps(json.loads(other_items.read_text()) | {"top1": 70.0}))
    assert "confirmed by 1: anna" in note()
    assert f"{other_items} is not taken as a result: it was changed after the test" in capsys.readouterr().err


def test_items_that_differ_are_named_from_published_results(tmp_path: Path, run: RunConfig) -> None:
    first, numbers = np.arange(1000) < 700, np.arange(1000)
    anna = first ^ np.isin(numbers, (0, 1, 998, 999))
    publish_test(run, tmp_path, first, ids=IDS, readable=numbers >= 0)
    publish_test(run, tmp_path, anna & (numbers != 500), "anna", readable=numbers != 500)  # which anna had not
    others = (*IDS[5:], "a", "b", "c", "d", "e")
    publish_test(run, tmp_path, np.append(first[5:], [True] * 5), "bob", ids=others, readable=numbers >= 0)
    assert len(list(tmp_path.glob("results/items/*.txt"))) == 2  # anna's list is that of the first
    judged = JudgedReport(report_of(RunStore(tmp_path / "results")))
    (note,) = [note for note in judged.report.facts.notes if "answered otherwise" in note]
    assert note.partition(": ")[2] == (
        "confirmed by 2: anna -0.10, 4 of 999 answered otherwise (0, 1, 998, …), 1 tested by the first alone (500); "
        "bob +0.00, 0 of 995 answered otherwise, 5 tested by the first alone (0, 1, 2, …), 5 tested by the other alone "
        "(a, b, c, …); `report --json` names all"
    )
    found, *_ = json.loads(judged.rendered("json"))["comparisons"]
    assert (found["by"], found["agrees"]) == ("anna", True)
    assert found["items"]["answered otherwise"] == ["0", "1", "998", "999"]


def test_a_damaged_published_test_is_replaced(tmp_path: Path, run: RunConfig) -> None:
    first = publish_test(run, tmp_path, np.arange(1000) < 700)
    first.write_text(first.read_text()[:100])
    publish_test(run, tmp_path, np.arange(1000) < 690, "anna")
    assert json.loads(first.read_text())["top1"] == 69


def test_the_page_says_who_published_each_test(tmp_path: Path, run: RunConfig) -> None:
    for number, by in ((700, "anna"), (690, "bob")):
        publish_test(run, tmp_path, np.arange(1000) < number, by)
    report = report_of(RunStore(tmp_path / "results"))
    assert [origin.facts["published by"] for origin in origins_of(report)] == ["anna", "bob"]
    here = report_of(RunStore(tmp_path / "anna", tmp_path / "results"))
    (others,) = {tuple(result.others) for cell in here.cells for result in cell.seeds if result.test is not None}
    assert others == ("bob",)  # the first published test is that made here


def test_what_the_answers_do_not_give_is_marked_as_taken_on_trust(tmp_path: Path, run: RunConfig) -> None:
    publish_test(run, tmp_path, np.arange(1000) < 700)
    masks = load("motionformer/table9").run_of("ours.jf", PAPER, (), 0)
    for by in ("anna", "bob"):
        store = RunStore(tmp_path / by, results=tmp_path / "results")
        write_result(store, masks, 60.0, hardware=f"the GPU of {by}")
        publish(report_of(store, "motionformer/table9", "ours"), store, by)

    def shown(table: str, row: str) -> tuple[list[str], list[str]]:
        report = report_of(RunStore(tmp_path / "results"), table, row)
        on_trust = [origin.facts["taken on trust"].partition(",")[0] for origin in origins_of(report)]
        return on_trust, [note for note in report.facts.notes if note.endswith("taken on trust")]

    assert shown("motionformer/table6b", "mformer") == (["top5"], [])
    on_trust, notes = shown("motionformer/table9", "ours")
    assert on_trust == ["jf", "jf"] and "confirmed by 1: bob +0.00, 48 tested" in notes[0]


def test_a_measurement_by_others_stands_beside_the_first_with_its_conditions(tmp_path: Path) -> None:
    table, conditions = load("motionformer/table3a"), {"precision": "16-mixed", "versions": {}, "commit": "abc"}
    cell = next(cell for cell in table.cells() if isinstance(cell.metric, Measured))
    assert cell.paper_run is not None
    for by, peak in (("anna", 7.5), ("bob", 7.25)):
        store = RunStore(tmp_path / by, results=tmp_path / "results")
        record = {
            "train_id": cell.paper_run.train_id,
            "peak_gib": peak,
            "batch_size": 4,
            "hardware": f"the GPU of {by}",
        }
        file = store.run(cell.paper_run.train_id).measurement("memory")
        write_atomically(file, json.dumps(sealed(record | conditions)))
        publish(collect(table, PAPER, store, rows=[cell.row.key]), store, by)
    report = collect(table, PAPER, RunStore(tmp_path / "none", results=tmp_path / "results"))
    shown = next(one for one in report.cells if one.cell.column == cell.column)
    assert (shown.value, shown.published) == (7.5, True)
    (note,) = [note for note in report.facts.notes if "measured again" in note]
    assert note.endswith("measured again by bob 7.2 (the GPU of bob, batch 4, 16-mixed)")
    assert {one.facts["published by"] for one in origins_of(report)} == {"anna", "bob"}
