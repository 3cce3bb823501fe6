"""Panels of lines and of bars: their points, lines and bars."""

import csv
import io
import itertools
from dataclasses import replace

import pytest
from matplotlib.patches import Rectangle

from experiments.spec.catalog import load
from experiments.spec.figures import BarPanel, Bars
from experiments.spec.scales import TINY
from reports.figures import figures
from reports.figures.panels import positions
from reports.pages.report import Report
from tests.reports.conftest import Trial
from tests.reports.saved_reports import drawn


def points_of(report: Report) -> list[dict[str, str]]:
    """Data of the report's figure, one dict per point."""
    return list(csv.DictReader(io.StringIO(drawn(report).data() or "")))


def test_the_data_contain_every_value_and_its_margin_to_trajectory_attention(figure3: Trial) -> None:
    found = points_of(figure3.report())
    assert len(found) == 2 * 3 * 9
    by_key = {(line["y_label"], line["row"], line["column"]): float(line["y"]) for line in found}
    for column in figure3.table.columns:
        trajectory = by_key["top-1 accuracy (%)", "trajectory", column.key]
        assert by_key["top-1 minus trajectory's", "trajectory", column.key] == 0
        for row in ("joint", "divided"):
            margin = by_key["top-1 accuracy (%)", row, column.key] - trajectory
            assert by_key["top-1 minus trajectory's", row, column.key] == pytest.approx(margin)
    assert [line["x"] for line in found[:5]] == ["1", "2", "4", "8", "whole clip"]


def test_margins_are_computed_between_equal_seeds(empty3: Trial) -> None:
    empty3.finish("trajectory.k400-4", 70.0, 80.0)
    empty3.finish("joint.k400-4", 60.0, 72.0, 99.0)  # no run of trajectory attention with the last seed: no margin
    found = points_of(empty3.report(seeds=(0, 1, 2)))
    margin = next(line for line in found if line["y_label"] == "top-1 minus trajectory's" and line["row"] == "joint")
    assert (float(margin["y"]), margin["num_seeds"]) == (-9.0, "2")
    assert float(margin["std"]) == float(margin["error"]) == pytest.approx(2**0.5)


def test_a_margin_is_marked_if_either_of_its_rows_has_released_weights(empty3: Trial) -> None:
    empty3.finish("joint.k400-1", 50.0)
    empty3.finish("trajectory.k400-1", 58.0, released_weights={"file": "a.pyth", "sha256": "0"})
    found = points_of(empty3.report())
    marks = {(line["row"], line["y_label"]): line["released"] for line in found}
    assert marks == {
        ("joint", "top-1 minus trajectory's"): "True",
        ("trajectory", "top-1 minus trajectory's"): "True",
        ("joint", "top-1 accuracy (%)"): "False",
        ("trajectory", "top-1 accuracy (%)"): "True",
    }


def test_panels_have_the_titles_labels_and_lines_of_the_paper(figure3: Trial) -> None:
    axes = drawn(figure3.report()).draw(None).axes
    assert [axis.get_title() for axis in axes] == ["Kinetics-400", "Something–Something V2", "", ""]
    assert [axis.get_ylabel() for axis in axes] == ["top-1 minus trajectory's"] * 2 + ["top-1 accuracy (%)"] * 2
    assert [len(axis.containers) for axis in axes] == [3] * 4
    joint = axes[2].get_lines()[0]
    expected = [58.0 + 0.8 * index for index in range(5)]
    assert list(joint.get_ydata()) == pytest.approx(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        (("2", "4", "12", "16"), [2, 4, 12, 16]),
        (("0.25", "0.5", "1"), [0.25, 0.5, 1]),
        (("1×3", "2×3", "6×3"), [1, 2, 6]),
        (("1×3", "2×5", "6×3"), [0, 1, 2]),
        (("1", "2", "whole clip"), [0, 1, 2]),
        (("1", "2", "1000"), [0, 1, 2]),  # 1 and 2 would touch
        (("8",), [8]),
    ],
)
def test_ticks_are_at_their_numbers_where_their_labels_do_not_touch(
    ticks: tuple[str, ...], expected: list[float]
) -> None:
    assert positions(ticks) == expected


def test_an_axis_has_its_least_length(trial: Trial) -> None:
    figure1 = trial.of(load("xvit/figure1"), TINY)
    for cell in figure1.table.cells(TINY):
        figure1.finish(cell.runs[0], 70.0, videos={"evaluated": 10**6, "failed": 0, "missing": 0})
    low, high = drawn(figure1.report()).draw(None).axes[0].get_ylim()
    assert (low, high) == pytest.approx((65, 75))


def test_panels_of_the_same_quantity_share_their_range_and_one_row_needs_no_legend(figure3: Trial) -> None:
    one_row = figure3.of(load("deform3d/figureA1"))
    for column, top1 in (("on-2", 20.0), ("on-12", 80.0), ("of-2", 50.0), ("of-16", 60.0)):
        one_row.finish(f"default.{column}", top1)
    figure = drawn(one_row.report()).draw(None)
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim() and not figure.legends
    assert list(left.get_xticks()) == [1, 2, 3, 4, 5, 6, 8]
    figure = drawn(figure3.report()).draw(None)
    assert len(figure.legends) == 1
    assert figure.axes[2].get_ylim() != figure.axes[3].get_ylim()  # accuracies on two data sets


BOTH = BarPanel(
    title="(a) Data sets", y_label="top-1 (%)", rows=("other", "ours"), columns=("k400", "ssv2"), ticks=("K", "S")
)
DELTA = replace(BOTH, title="(b) Difference", rows=("other", "joint", "ours"), columns=("delta",), ticks=("Δ",))


@pytest.fixture
def bars(trial: Trial) -> Trial:
    trial.finish("ours.k400", 60.0, 64.0)
    trial.finish("ours.ssv2", 41.0)
    return trial.of(replace(trial.table, figure=Bars(panels=(BOTH, DELTA))))


def test_the_data_have_ours_beside_printed_and_quoted_values(bars: Trial) -> None:
    lines = points_of(bars.report(seeds=(0, 1)))
    found = {(line["panel"][:3], line["row"], line["column"], line["origin"]): float(line["y"]) for line in lines}
    assert found == {
        ("(a)", "other", "k400", "quoted"): 99.0,
        ("(a)", "other", "ssv2", "quoted"): 98.0,
        ("(a)", "ours", "k400", "ours"): 62.0,
        ("(a)", "ours", "k400", "printed"): 79.7,
        ("(a)", "ours", "ssv2", "ours"): 41.0,
        ("(a)", "ours", "ssv2", "printed"): 66.5,
        ("(b)", "other", "delta", "quoted"): 1.0,
        ("(b)", "joint", "delta", "printed"): 15.2,  # not run
        ("(b)", "ours", "delta", "ours"): 19.0,
        ("(b)", "ours", "delta", "printed"): 13.2,
    }
    ours = next(line for line in lines if line["origin"] == "ours")
    assert (ours["num_seeds"], ours["x"], ours["scale"]) == ("2", "K", "tiny")
    assert float(ours["std"]) == float(ours["error"]) == pytest.approx(8**0.5)
    of_one_seed = next(line for line in lines if (line["column"], line["origin"]) == ("ssv2", "ours"))
    assert of_one_seed["std"] == "" and float(of_one_seed["error"]) == pytest.approx(196 * (0.41 * 0.59 / 48) ** 0.5)


def test_printed_and_quoted_bars_are_hatched_and_named(bars: Trial) -> None:
    first, second = drawn(bars.report()).draw(None).axes
    assert [first.get_title(), second.get_title()] == ["(a) Data sets", "(b) Difference"]
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["K", "S"]
    labels = [text.get_text() for text in first.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == ["Other [8] | x, Large (quoted)", "Ours, Small (Att_T) (ours)", "Ours, Small (Att_T) (printed)"]
    drawn_bars = [patch for patch in first.patches if isinstance(patch, Rectangle)]
    assert [bool(bar.get_hatch()) for bar in drawn_bars] == [True, True, False, False, True, True]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in drawn_bars)
    assert all(right <= left + 1e-9 for (_, right), (left, _) in itertools.pairwise(edges))  # none overlap


def test_there_is_no_picture_of_printed_values_alone(bars: Trial) -> None:
    quoted = replace(bars.table, figure=Bars(panels=(replace(BOTH, rows=("other", "joint")),)))
    assert figures.drawer(bars.of(quoted).report()) is None
    assert figures.drawer(bars.report(rows=["other", "joint"])) is None
