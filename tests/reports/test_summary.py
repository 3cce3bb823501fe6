"""Summaries of reports, and the file that they are saved in."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer.base import K400
from experiments.spec.claims import above, cell, claim
from experiments.spec.metrics import Computed
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY, Scale
from experiments.spec.table import Column, Table
from reports import summary
from reports.collect import collect
from runner.store.store import RunStore

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]
TableOf = Callable[..., Table]


def test_cells_of_quoted_rows_and_cells_that_do_not_apply_are_not_counted(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "joint.k400"), 60.0)
    finish(run_of(small, "joint.ssv2"), 50.0)
    found = summary.summary(collect(table, small, store))
    assert (found.table, found.scale) == ("paper/table1", "tiny")
    assert (found.tests, found.tested) == ("9", "3")  # two accuracies and their difference
    assert (found.costs, found.filled) == ("3", "3")


def test_only_cells_computed_from_a_config_are_counted_as_printed(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "joint.k400"), 60.0)
    found = summary.summary(collect(table, small, store))
    assert (found.counted, found.as_printed, found.largest_miss, found.missed) == ("3", "3", "", "")


@pytest.mark.parametrize(
    ("ours", "printed", "as_printed", "largest_miss"),
    [
        (100.04, 100.0, "1", ""),  # rounded as printed
        (99.0, 100.0, "0", "1"),
        (5.0, 0.0, "0", "100"),
        (0.0, 0.0, "1", ""),
        ("8x8", "8x8", "1", ""),
        ("8x8", "8x9", "0", ""),  # a text has no miss in percent
        (True, "yes", "1", ""),
    ],
)
def test_the_largest_miss_is_that_of_the_shown_numbers(
    table_of: TableOf, store: RunStore, ours: float | str, printed: float | str, as_printed: str, largest_miss: str
) -> None:
    table = table_of(Column(key="size", header="Size", metric=Computed("size", lambda run: ours), base=K400))
    table = replace(table, rows=(replace(table.rows[0], paper=(printed,)),))
    found = summary.summary(collect(table, PAPER, store))
    assert (found.counted, found.as_printed, found.largest_miss) == ("1", as_printed, largest_miss)
    shown = [f"{value:.1f}" if isinstance(value, float) else value for value in (ours, printed)]
    assert found.missed == ("" if as_printed == "1" else f"Ours, Small (Att_T) · Size: {shown[0]} ({shown[1]})")


def test_a_claim_is_supported_if_all_its_comparisons_are(table: Table, store: RunStore) -> None:
    ours, joint = cell("ours.gflops"), cell("joint.gflops")
    dearer, cheaper = above(ours - joint), above(joint - ours)
    claims = (
        claim("A", "here", "One", dearer),
        claim("B", "here", "Both", [dearer, cheaper]),
        claim("C", "here", "Not run", [dearer, above(cell("ours.k400") - cell("joint.k400"))]),
    )
    found = summary.summary(collect(replace(table, claims=claims), PAPER, store))
    assert (found.claims, found.support, found.contradicted) == ("3", "1", "1")
    assert found.printed_support == "1"  # C is within the noise of the printed accuracies


def test_summaries_are_read_as_saved_in_the_order_of_the_catalog(store: RunStore, table: Table, tmp_path: Path) -> None:
    line = summary.summary(collect(table, TINY, store))
    names = ("motionformer/table10", "motionformer/table4", "motionformer/table2a", "msca/table1")
    lines = [line._replace(table=name, scale=scale) for name in names for scale in ("tiny", "paper")]
    summary.save(lines, tmp_path)
    in_order = ("motionformer/table2a", "motionformer/table4", "msca/table1")
    assert list(summary.read(tmp_path)) == [(name, scale) for name in in_order for scale in ("paper", "tiny")]
    assert set(summary.read(tmp_path).values()) == {one for one in lines if one.table != "motionformer/table10"}


def test_no_file_holds_no_summaries_and_another_file_is_refused(tmp_path: Path) -> None:
    assert summary.read(tmp_path) == {}
    (tmp_path / summary.FILE).write_text("table,scale\n")
    with pytest.raises(ValueError, match=r"summary\.csv has no summaries; remove it"):
        summary.read(tmp_path)
