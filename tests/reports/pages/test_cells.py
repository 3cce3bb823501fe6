"""Best values, derived columns of quoted rows, and printed values that do not follow from the cells of their row."""

from dataclasses import replace

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.claims import cell, claim, harmonic_mean, within
from experiments.spec.edits import model
from experiments.spec.metrics import TOP1, Computed, Evenness, HarmonicMean
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from experiments.spec.table import Column, quoted, row
from models.motionformer.model import Motionformer
from reports.pages.latex import latex
from reports.pages.report import quoted_numbers
from reports.pages.tidy_frame import frame
from reports.saved import JudgedReport
from tests.reports.conftest import Trial
from tests.reports.saved_reports import lines_of


@pytest.fixture
def means(trial: Trial) -> Trial:
    """Table with a harmonic mean, one printed value of which is wrong."""
    table = replace(
        trial.table,
        labels=("Method",),
        columns=(
            Column(key="hm", header="H.M.", metric=HarmonicMean("hm", ("ssv2", "k400")), best="max"),
            Column(key="ssv2", header="SSv2", metric=TOP1, base=SSV2),
            Column(key="k400", header="K-400", metric=TOP1, base=K400),
        ),
        rows=(
            quoted("right", ("Right",), paper=(71.2, 62.4, 82.9)),
            quoted("wrong", ("Wrong",), paper=(75.8, 69.6, 82.7)),
            quoted("unprinted", ("Unprinted",), paper=(None, 68.5, 82.4)),
            quoted("half", ("Half",), paper=(None, None, 80.8)),
            quoted("alone", ("Alone",), paper=(70.0, None, 80.8)),
            row("ours", ("Ours",), paper=(77.8, 71.6, 85.3)),
        ),
    )
    return trial.of(table, PAPER)


def test_quoted_rows_derive_their_values_from_their_printed_cells(means: Trial) -> None:
    cells = {row.row.key: row.cells[0] for row in means.report().rows}
    assert cells["right"].value == pytest.approx(2 / (1 / 62.4 + 1 / 82.9))
    assert (cells["right"].state, cells["right"].printed, cells["right"].num_seeds) == ("quoted", 71.2, 0)
    assert cells["unprinted"].value == pytest.approx(74.81, abs=0.01)
    assert cells["half"].value is None and cells["alone"].value is None
    assert cells["ours"].value is None  # not run: its printed cells are no results


def test_a_quoted_cell_shows_both_values_where_they_differ(means: Trial) -> None:
    lines = lines_of(means.page())
    shown = {name: lines[name][0].replace("*", "") for name in ("Right", "Wrong", "Unprinted", "Half", "Alone", "Ours")}
    assert [*shown.values()] == ["71.2", "75.6 (75.8)", "74.8", "–", "70.0", "– (77.8)"]
    assert r"\textit{75.6} (75.8)" in latex(means.report())
    lines = {(line["row"], line["column"]): line for line in frame(means.report())}
    assert lines["wrong", "hm"]["value"] == pytest.approx(75.587, abs=0.001) and lines["wrong", "hm"]["printed"] == 75.8


def test_printed_values_that_do_not_follow_are_named_in_the_notes(means: Trial) -> None:
    notes = [
        "Wrong · H.M.: printed 75.8, the harmonic mean of its cells is 75.6.",
        "Ours · H.M.: printed 77.8, the harmonic mean of its cells is 77.9.",
    ]
    assert [note for note in means.report().facts.notes if "printed" in note] == notes
    assert f"- {notes[0]}" in means.page()
    only_right = means.report(rows=["right", "half"])
    assert not any("printed" in note for note in only_right.facts.notes)


@pytest.mark.parametrize(("printed", "is_named"), [(75.6, False), (75.55, False), (75.5, True), (75.7, True)])
def test_half_a_unit_of_the_last_printed_digit_is_allowed(means: Trial, printed: float, is_named: bool) -> None:
    rows = (quoted("wrong", ("Wrong",), paper=(printed, 69.6, 82.7)),)  # 75.587
    notes = means.of(replace(means.table, rows=rows)).report().facts.notes
    assert any("printed" in note for note in notes) == is_named


def test_quoted_values_count_as_printed_and_are_never_best(means: Trial) -> None:
    for column, top1 in (("ssv2", 70.0), ("k400", 80.0)):
        means.finish(f"ours.{column}", top1)
    report = means.report()
    assert quoted_numbers(report.column("hm")) == pytest.approx([71.2, 75.8, 74.81, 70.0], abs=0.01)
    assert not any(row.cells[0].best for row in report.rows)  # 75.8 is printed, ours is 74.7
    fewer = means.report(rows=["right", "unprinted", "ours"])
    assert not any(row.cells[0].best for row in fewer.rows)  # 74.8 follows from printed cells
    means.finish("ours.ssv2", 75.0)
    assert [row.row.key for row in means.report().rows if row.cells[0].best] == ["ours"]


def test_claims_can_compare_printed_values_with_those_of_the_cells(means: Trial) -> None:
    hm = harmonic_mean(cell("wrong.ssv2"), cell("wrong.k400"))
    claims = (
        claim("C1", "table", "It is their mean", within(cell("wrong.hm") - hm, 0.06)),
        claim("C2", "table", "It follows from what is printed", within(cell("unprinted.hm") - cell("right.hm"), 9)),
        claim("C3", "table", "It is not balanced", within(cell("ours.k400", Evenness("even", ("ssv2", "k400"))), 0.8)),
    )
    first, second, third = JudgedReport(means.of(replace(means.table, claims=claims)).report()).claims
    assert first.judgements[0].printed == "not supported"
    assert first.judgements[0].printed_margins == pytest.approx((0.21,), abs=0.01)
    assert second.judgements[0].printed == "supported"
    assert third.judgements[0].printed_margins == pytest.approx((71.6 / 85.3,))
    assert third.judgements[0].printed == "not supported"
    assert str(third.judgements[0].comparison) == "abs(ours.even) ≤ 0.8"


def depth_of(run: RunConfig) -> int:
    assert isinstance(run.model, Motionformer.Config)
    return run.model.depth


@pytest.mark.parametrize(
    ("depths", "best"),
    [
        ((12, 3), {3}),  # integers can be best
        ((3, 3), {3}),
        ((3, 3, 4), {3}),
        ((3, 3, 3, 4), set()),  # most are equally good: chance, or a setting
        ((3,), set()),
    ],
)
def test_the_best_values_are_marked_unless_most_are_as_good(
    depths: tuple[int, ...], best: set[int], trial: Trial
) -> None:
    depth = Column(key="depth", header="Depth", metric=Computed("depth", depth_of), base=K400, best="min")
    rows = tuple(row(f"r{n}", ("A", "B", None), model(depth=d), paper=()) for n, d in enumerate(depths))
    report = trial.of(replace(trial.table, columns=(depth,), rows=rows), PAPER).report()
    assert {line.cells[0].value for line in report.rows if line.cells[0].best} == best
