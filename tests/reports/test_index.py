"""Index of the committed reports, and the summaries that it is made from."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer.base import K400
from experiments.spec.catalog import load
from experiments.spec.claims import above, cell, claim
from experiments.spec.metrics import Computed
from experiments.spec.scales import PAPER, TINY
from experiments.spec.table import Column
from reports import index, saved
from reports.index import Summary
from reports.publication import publish
from reports.saved import JudgedReport
from tests.reports.conftest import Trial
from tests.reports.saved_reports import write

TABLE = "motionformer/table8"


def summary_of(trial: Trial) -> Summary:
    return index.summary(JudgedReport(trial.report()))


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory of committed reports, in place of that of the repository."""
    monkeypatch.setattr(saved, "TABLES", tmp_path / "reports" / "tables")
    return tmp_path / "reports" / "tables"


@pytest.fixture
def table8(trial: Trial) -> Trial:
    return trial.of(load(TABLE), TINY)


@pytest.fixture
def summary(tables: Path, table8: Trial) -> Summary:
    """Summary of a committed report of a table with one result, without its index."""
    table8.finish("k400.one-frame", 61.0)
    write(table8.report())
    return summary_of(table8)


def test_cells_that_others_confirm_are_counted(tmp_path: Path, table8: Trial, summary: Summary) -> None:
    for folder, value in (("first", 61.0), ("second", 60.0)):
        made = table8.elsewhere(tmp_path / folder)
        made.finish("k400.one-frame", value)
        publish(made.report(), made.store, by="anna")
    found = summary_of(table8.elsewhere(tmp_path / "none"))
    assert (summary.confirmed, found.tested, found.confirmed) == (0, summary.tested, 1)
    text = index.update([found]).read_text()
    assert f"| [{found.tested}/6, 1 confirmed](tables/motionformer/table8.tiny.md) |" in text


def test_an_index_is_stale_after_another_result_a_picture_or_an_edit(
    summary: Summary, tables: Path, table8: Trial
) -> None:
    assert index.stale([summary])  # not written yet
    path = index.update([summary])
    assert not index.stale([summary])
    (tables / "motionformer" / "table8.tiny.png").touch()
    assert index.stale([summary])
    index.update([])
    assert not index.stale([summary])
    path.write_text(path.read_text() + "edited\n")
    assert index.stale([summary])
    index.update([])
    table8.finish("k400.eight-frames", 66.0)
    assert index.stale([summary_of(table8)])


def test_cells_of_quoted_rows_and_cells_that_do_not_apply_are_not_counted(trial: Trial) -> None:
    trial.finish("joint.k400", 60.0)
    trial.finish("joint.ssv2", 50.0)
    found = summary_of(trial)
    assert (found.table, found.scale, found.seeds) == ("paper/table1", "tiny", "0")
    assert (found.tests, found.tested) == (9, 3)  # two accuracies and their difference
    assert (found.costs, found.filled) == (3, 3)
    assert (found.counted, found.as_printed, found.largest_miss) == (3, 3, "")


@pytest.mark.parametrize(
    ("ours", "printed", "as_printed", "largest_miss"),
    [
        (100.04, 100.0, 1, ""),  # rounded as printed
        (99.0, 100.0, 0, "1 % (Ours, Small (Att_T) · Size: 99.0 (100.0))"),
        (5.0, 0.0, 0, "100 % (Ours, Small (Att_T) · Size: 5.0 (0.0))"),
        (0.0, 0.0, 1, ""),
        ("8x8", "8x8", 1, ""),
        ("8x8", "8x9", 0, "text of Ours, Small (Att_T) · Size: 8x8 (8x9)"),
        (True, "yes", 1, ""),
    ],
)
def test_the_largest_miss_is_that_of_the_shown_numbers(
    trial: Trial, ours: float | str, printed: float | str, as_printed: int, largest_miss: str
) -> None:
    column = Column(key="size", header="Size", metric=Computed("size", lambda run: ours), base=K400)
    table = trial.of_columns(column).table
    found = summary_of(trial.of(replace(table, rows=(replace(table.rows[0], paper=(printed,)),))))
    assert (found.counted, found.as_printed, found.largest_miss) == (1, as_printed, largest_miss)


def test_a_claim_is_supported_if_all_its_comparisons_are(trial: Trial) -> None:
    ours, joint = cell("ours.gflops"), cell("joint.gflops")
    dearer, cheaper = above(ours - joint), above(joint - ours)
    claims = (
        claim("A", "here", "One", dearer),
        claim("B", "here", "Both", [dearer, cheaper]),
        claim("C", "here", "Not run", [dearer, above(cell("ours.k400") - cell("joint.k400"))]),
    )
    found = summary_of(trial.of(replace(trial.table, claims=claims), PAPER))
    assert (found.claims, found.support, found.decidable) == (3, 1, 3)
    assert found.printed_support == 1  # C is within the noise of the printed accuracies


def test_summaries_of_known_tables_are_read_as_saved_in_the_order_of_the_catalog(tables: Path, trial: Trial) -> None:
    assert index.read() == {}
    line = summary_of(trial)
    names = ("motionformer/table10", "motionformer/table4", "motionformer/table2a", "msca/table1")
    lines = [line._replace(table=name, scale=scale) for name in names for scale in ("tiny", "paper")]
    index.update(lines)
    in_order = ("motionformer/table2a", "motionformer/table4", "msca/table1")
    assert list(index.read()) == [(name, scale) for name in in_order for scale in ("paper", "tiny")]
    assert set(index.read().values()) == {one for one in lines if one.table != "motionformer/table10"}


@pytest.mark.parametrize("fault", ["", "table,scale\nmotionformer/table4,tiny\n", "{}<<<<<<< HEAD\n"])
def test_summaries_of_another_version_or_in_the_midst_of_a_merge_are_refused(summary: Summary, fault: str) -> None:
    index.update([summary])
    file = saved.TABLES / index.FILE
    file.write_text(fault.format(file.read_text()))
    with pytest.raises(ValueError, match=r"summary\.csv has other lines than summaries; restore it, or remove it and"):
        index.read()
