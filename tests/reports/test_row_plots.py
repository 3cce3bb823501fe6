"""Plots of the rows of a table: against GFLOPs or as bars, their values, files and staleness."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from experiments.runner.store import RunStore
from experiments.spec.catalog import load
from experiments.spec.figures import BarPanel, Bars
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY, Scale
from experiments.spec.table import Table
from reports.collect import collect
from reports.figures import notice
from reports.render import stale, write
from reports.row_plots import draw_against_cost, draw_bars, plot, plot_path, plotted

Finish = Callable[..., None]


@pytest.fixture
def tested(table: Table, small: Scale, finish: Finish, run_of: Callable[..., RunConfig]) -> Table:
    finish(run_of(small, "joint.k400"), 60.0)
    finish(run_of(small, "ours.k400"), 62.0)
    return table


def without_costs(table: Table) -> Table:
    rows = tuple(replace(row, paper=row.paper[1:]) for row in table.rows)
    return replace(table, columns=table.columns[1:], rows=rows)


def test_accuracies_are_drawn_against_gflops(tested: Table, small: Scale, store: RunStore) -> None:
    found = plotted(collect(tested, small, store))
    assert found is not None and found.cost == "GFLOPs"
    assert list(found.panels) == ["Top-1 / K-400"]  # nothing of ours for SSv2
    values = {value.row: value for value in found.panels["Top-1 / K-400"]}
    assert list(values) == ["other", "joint", "short", "ours"]
    assert values["joint"].x == (pytest.approx(180.64, abs=0.01), 180.6)
    assert (values["joint"].ours, values["joint"].printed, values["joint"].text) == (60.0, 79.2, "60.0 (79.2)")
    assert (values["other"].x, values["other"].ours, values["other"].printed) == ((None, 100.0), None, 99.0)
    [axis] = draw_against_cost(found, "a warning").axes
    places = {tuple(point) for drawn in axis.collections for point in drawn.get_offsets().tolist()}  # type: ignore[union-attr]
    assert {(180.6, 79.2), (100.0, 99.0), (369.5, 79.7)} < places and len(places) == 6


def test_ablations_are_bars_with_marks_at_the_printed_values(tested: Table, small: Scale, store: RunStore) -> None:
    found = plotted(collect(without_costs(tested), small, store))
    assert found is not None and found.cost is None
    figure = draw_bars(found, None)
    [axis] = figure.axes
    ends = [patch.get_x() + patch.get_width() for patch in axis.patches]  # type: ignore[attr-defined]
    assert ends == [pytest.approx(60.0), pytest.approx(62.0)]
    [marks] = axis.collections
    assert marks.get_offsets().tolist() == [[99.0, 0], [79.2, 1], [70.0, 2], [79.7, 3]]  # type: ignore[union-attr]
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["– (99.0)", "60.0 (79.2)", "– (70.0)", "62.0 (79.7)"]
    start = axis.get_xlim()[0]
    assert 0 < start < 60 and axis.get_xlabel() == f"The axis starts at {start:.3g}."


def test_no_label_is_clipped(tested: Table, small: Scale, store: RunStore) -> None:
    long = replace(tested.rows[3], labels=("A row with a very long name that needs several lines", "Small", True))
    report = collect(replace(without_costs(tested), rows=(*without_costs(tested).rows[:3], replace(
        long, paper=long.paper[1:]))), small, store)  # fmt: skip
    found = plotted(report)
    assert found is not None
    figure = draw_bars(found, notice(report))
    FigureCanvasAgg(figure).draw()
    width, height = figure.get_size_inches() * figure.dpi
    [axis] = figure.axes
    for text in (*axis.get_yticklabels(), *axis.texts, axis.title):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text


def test_there_is_no_plot_without_results_of_figures_or_of_rows_of_settings(
    tested: Table, table: Table, small: Scale, store: RunStore, tmp_path: Path
) -> None:
    assert plotted(collect(table, small, RunStore(tmp_path / "empty"))) is None
    panel = BarPanel(title="", y_label="", rows=("ours",), columns=("k400",), ticks=("K",))
    drawn = replace(tested, figure=Bars(panels=(panel,)))
    assert plotted(collect(drawn, small, store)) is None and plot_path(drawn, small) is None
    assert plotted(collect(load("cast/table4"), TINY, store)) is None


def test_a_plot_is_saved_on_request_then_kept_up_to_date_and_checked(
    tested: Table, small: Scale, store: RunStore, tmp_path: Path, finish: Finish, run_of: Callable[..., RunConfig]
) -> None:
    report = collect(tested, small, store)
    path = plot_path(tested, small, tmp_path)
    assert path is not None and path == tmp_path / "paper" / "table1.tiny.png"
    write(report, tmp_path)
    assert not path.exists() and not stale(report, tmp_path)
    write(report, tmp_path, with_plot=True)
    first = path.read_bytes()
    assert first == plot(report) and not stale(report, tmp_path)
    assert f"<summary>Plot</summary>\n\n![Every feature at once]({path.name})" in path.with_suffix(".md").read_text()
    saved = path.stat().st_mtime_ns
    write(report, tmp_path, with_plot=True)
    assert path.stat().st_mtime_ns == saved
    os.utime(path, (0, 0))
    write(report, tmp_path)
    assert path.stat().st_mtime_ns > saved
    finish(run_of(small, "ours.k400"), 70.0)
    newer = collect(tested, small, store)
    assert stale(newer, tmp_path)
    write(newer, tmp_path)
    assert path.read_bytes() != first and not stale(newer, tmp_path)
    path.write_bytes(first)
    assert stale(newer, tmp_path)
