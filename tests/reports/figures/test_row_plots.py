"""Plots of the rows of a table: against GFLOPs or as bars, their values, files and staleness."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection

from experiments.motionformer.base import K400
from experiments.spec.catalog import load
from experiments.spec.metrics import DEVICE_HOURS, GFLOPS, TOP1, Computed, Measured
from experiments.spec.scales import TINY, Scale
from experiments.spec.table import Column, Table
from reports.figures import figures
from reports.figures.drawer import png
from reports.figures.row_plots import Panel, RowPlot, Value, draw_bars, draw_scatter, number
from reports.pages.report import Report
from reports.publication import publish
from tests.reports.conftest import Trial
from tests.reports.saved_reports import stale, write


@pytest.fixture
def tested(trial: Trial) -> Trial:
    trial.finish("joint.k400", 60.0)
    trial.finish("ours.k400", 62.0)
    return trial


def notice(report: Report) -> str:
    """Warnings in the plot of a report."""
    return str(RowPlot(report).notice())


def without_costs(table: Table) -> Table:
    rows = tuple(replace(row, paper=row.paper[1:]) for row in table.rows)
    return replace(table, columns=table.columns[1:], rows=rows)


def test_accuracies_are_drawn_against_gflops(tested: Trial) -> None:
    found = RowPlot(tested.report())
    assert found.cost == "GFLOPs"
    [panel] = found.shown  # nothing of ours for SSv2
    assert (panel.header, panel.unit) == ("Top-1 / K-400", "%")
    other, joint, *_ = panel.values
    assert len(panel.values) == 4 and joint.cost == (pytest.approx(180.64, abs=0.01), 180.6)
    assert (joint.ours, joint.printed, joint.text) == (60.0, 79.2, "60.0 (79.2)")
    assert (other.cost, other.ours, other.printed) == ((None, 100.0), None, 99.0)
    [axis] = found.draw("a warning").axes
    points = [drawn for drawn in axis.collections if isinstance(drawn, PathCollection)]
    places = {tuple(point) for drawn in points for point in drawn.get_offsets().tolist()}  # type: ignore[union-attr]
    assert {(180.6, 79.2), (100.0, 99.0), (369.5, 79.7)} < places and len(places) == 6
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("GFLOPs", "Top-1 / K-400 (%)")
    assert axis.get_ylim()[1] <= 103


def test_ablations_are_bars_with_marks_at_the_printed_values(tested: Trial) -> None:
    found = RowPlot(tested.of(without_costs(tested.table)).report())
    assert found.cost is None
    figure = found.draw(None)
    [axis] = figure.axes
    bars = [(patch.get_x(), patch.get_width()) for patch in axis.patches]  # type: ignore[attr-defined]
    assert bars == [(0, pytest.approx(60.0)), (0, pytest.approx(62.0))]
    [marks] = [drawn for drawn in axis.collections if isinstance(drawn, PathCollection)]
    assert marks.get_offsets().tolist() == [[99.0, 0], [79.2, 1], [70.0, 2], [79.7, 3]]  # type: ignore[union-attr]
    [errors] = [drawn for drawn in axis.collections if isinstance(drawn, LineCollection)]
    [joint, _] = errors.get_segments()
    error = 196 * (0.6 * 0.4 / 48) ** 0.5
    assert joint.tolist() == [[pytest.approx(60 - error), 1], [pytest.approx(60 + error), 1]]
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["– (99.0)", "60.0 (79.2)", "– (70.0)", "62.0 (79.7)"]
    assert axis.get_xlim() == (0, 102) and axis.get_xlabel() == "%"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ours", "printed"]


def test_no_label_is_clipped(tested: Trial) -> None:
    bars = without_costs(tested.table)
    long = replace(bars.rows[3], labels=("A row with a very long name that needs several lines", "Small", True))
    report = tested.of(replace(bars, rows=(*bars.rows[:3], long))).report()
    figure = RowPlot(report).draw(notice(report))
    FigureCanvasAgg(figure).draw()
    width, height = figure.get_size_inches() * figure.dpi
    [axis] = figure.axes
    for text in (*axis.get_yticklabels(), *axis.texts, axis.title):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text


def panel_of(*pairs: tuple[float | None, float | None], is_percentage: bool = True, costs: bool = False) -> Panel:
    """Panel of rows with numbers of ours and printed ones; with `costs`, at 100, 200, ... GFLOPs."""
    values = [
        Value(f"row {index}", (100.0 * index if costs else None, None), ours, printed, None, "")
        for index, (ours, printed) in enumerate(pairs, 1)
    ]
    metric = TOP1 if is_percentage else DEVICE_HOURS
    return Panel(Column(key="top1", header="Top-1", metric=metric), values)


def test_nothing_is_said_about_printed_values_where_there_are_none() -> None:
    bars = draw_bars([panel_of((1.0, None))], None)
    assert not bars.legends
    [printed, not_printed] = [
        draw_scatter([panel_of((50.0, number), (60.0, None), costs=True)], "GFLOPs", None).legends[0]
        for number in (40.0, None)
    ]
    assert printed.get_title().get_text() == "filled: ours, hollow: printed"
    assert not not_printed.get_title().get_text()


def test_panels_of_percentages_share_their_range() -> None:
    panels = [panel_of((10.0, None)), panel_of((40.0, 80.0)), panel_of((5.0, 7.0), is_percentage=False)]
    ranges = [axis.get_xlim() for axis in draw_bars(panels, None).axes]
    assert ranges[0] == ranges[1] == (0, 84)
    assert ranges[2][0] == 0 and 7 < ranges[2][1] < 8


def test_numbers_of_different_magnitudes_are_points_on_a_logarithmic_axis() -> None:
    hours = panel_of((0.03, 384.0), (0.06, 1334.0), is_percentage=False)
    [axis] = draw_bars([hours], None).axes
    assert axis.get_xscale() == "log" and not axis.patches and axis.get_xlabel() == "log scale"
    low, high = axis.get_xlim()
    assert 0 < low < 0.03 and high > 1334
    [axis] = draw_bars([panel_of((0.3, 80.0))], None).axes
    assert axis.get_xscale() == "linear"  # percentages


def test_percentages_end_at_0_and_100() -> None:
    [axis] = draw_scatter([panel_of((99.0, 100.0), (0.0, 1.0), costs=True)], "GFLOPs", None).axes
    assert axis.get_ylim() == (-3, 103)
    assert all(0 <= tick <= 100 for tick in axis.get_yticks())


def test_accuracies_of_rows_with_nearly_equal_gflops_are_bars(tested: Trial) -> None:
    attention = tested.table.rows[1].edits
    rows = tuple(replace(row, edits=attention, paper=(181.0, *row.paper[1:])) for row in tested.table.rows)
    found = RowPlot(tested.of(replace(tested.table, rows=rows)).report())
    assert found.cost is None and len(found.shown[0].values) == 4


@pytest.mark.parametrize(("value", "expected"), [("369.5×3×1", 1108.5), ("×", None), ("none", None), (True, None)])
def test_gflops_of_several_views_are_their_product(value: object, expected: float | None) -> None:
    assert number(value) == expected


def test_the_notice_names_published_rows_by_their_plotted_cells(tested: Trial, toy: Scale, tmp_path: Path) -> None:
    publish(tested.report(), tested.store)
    report = tested.elsewhere(tmp_path / "fresh").report()
    end = "\nGFLOPs are those of the models at the paper's size."
    assert notice(replace(report, scale=toy)).endswith(end)
    named = "Published results, not run here: "
    assert notice(report).endswith(f"{named}all rows.")
    cells = [(row, replace(row.cells[1], published=row.row.key == "joint")) for row in report.rows]
    of_one = replace(report, rows=tuple(replace(r, cells=(r.cells[0], c, *r.cells[2:])) for r, c in cells))
    assert notice(of_one).endswith(f"{named}Joint, Small.")


def test_settings_are_not_plotted_and_the_device_of_measurements_is_named(trial: Trial) -> None:
    views = Computed("views", lambda run: "4×3")
    table = trial.of_columns(
        Column(key="memory", header="Mem.", metric=Measured("peak_gib", "memory"), base=K400),
        Column(key="views", header="Views × crops", metric=views, base=K400),
        Column(key="gflops", header="GFLOPs", metric=GFLOPS, base=K400),
    )
    table.measure(K400, "memory", peak_gib=3.0)
    report = table.report()
    assert RowPlot(report).shown_columns() == ("memory", "gflops")
    assert "Speed and memory of ours are measured on a GPU." in notice(report)


def test_there_is_no_plot_without_results_or_of_rows_of_settings(trial: Trial) -> None:
    assert figures.drawer(trial.report()) is None
    assert figures.drawer(trial.of(load("cast/table4"), TINY).report()) is None


def test_a_plot_is_saved_on_request_then_kept_up_to_date_and_checked(tested: Trial, tmp_path: Path) -> None:
    report, path = tested.report(), tmp_path / "paper" / "table1.tiny.png"
    write(report, tmp_path)
    assert not path.exists() and not stale(report, tmp_path)
    write(report, tmp_path, with_plot=True)
    first = path.read_bytes()
    assert first == png(RowPlot(report).picture()) and not stale(report, tmp_path)
    assert f"<summary>Plot</summary>\n\n![Every feature at once]({path.name})" in path.with_suffix(".md").read_text()
    tested.finish("ours.k400", 70.0)
    newer = tested.report()
    assert stale(newer, tmp_path)
    write(newer, tmp_path)
    assert path.read_bytes() != first and not stale(newer, tmp_path)
