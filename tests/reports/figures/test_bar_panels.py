"""Panels of bars: ours beside printed values, quoted rows, and the files that are saved."""

import csv
import io
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from experiments.spec.figures import BarPanel, Bars
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Table
from reports.collect import collect
from reports.figures import figures
from reports.figures.bar_panels import BarPanels
from reports.pages.render import markdown, stale, write
from runner.store.store import RunStore

Finish = Callable[..., None]
BOTH = BarPanel(
    title="(a) Data sets", y_label="top-1 (%)", rows=("other", "ours"), columns=("k400", "ssv2"), ticks=("K", "S")
)
DELTA = replace(BOTH, title="(b) Difference", rows=("other", "joint", "ours"), columns=("delta",), ticks=("Δ",))


@pytest.fixture
def drawn_table(table: Table, small: Scale, finish: Finish, run_of: Callable[..., RunConfig]) -> Table:
    finish(run_of(small, "ours.k400"), 60.0)
    finish(run_of(small, "ours.k400", 1), 64.0)
    finish(run_of(small, "ours.ssv2"), 41.0)
    return replace(table, figure=Bars(panels=(BOTH, DELTA)))


def drawer_of(table: Table, small: Scale, store: RunStore, **options: object) -> BarPanels:
    drawer = figures.drawer(collect(table, small, store, **options))  # type: ignore[arg-type]
    assert isinstance(drawer, BarPanels)
    return drawer


def test_the_data_have_ours_beside_printed_and_quoted_values(drawn_table: Table, small: Scale, store: RunStore) -> None:
    lines = list(csv.DictReader(io.StringIO(drawer_of(drawn_table, small, store, seeds=(0, 1)).data())))
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
    assert float(ours["std"]) == pytest.approx(8**0.5)


def test_quoted_values_that_are_not_printed_follow_from_printed_cells(
    drawn_table: Table, small: Scale, store: RunStore
) -> None:
    other = replace(drawn_table.rows[0], paper=(100.0, 99.0, 95.5, None))
    table = replace(drawn_table, rows=(other, *drawn_table.rows[1:]))
    lines = csv.DictReader(io.StringIO(drawer_of(table, small, store).data()))
    assert {line["y"] for line in lines if (line["row"], line["column"]) == ("other", "delta")} == {"3.5"}


def test_printed_and_quoted_bars_are_hatched_and_named(drawn_table: Table, small: Scale, store: RunStore) -> None:
    first, second = drawer_of(drawn_table, small, store).draw("Look here.").axes
    assert [first.get_title(), second.get_title()] == ["(a) Data sets", "(b) Difference"]
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["K", "S"]
    labels = [text.get_text() for text in first.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == ["Other [8] | x, Large (quoted)", "Ours, Small (Att_T) (ours)", "Ours, Small (Att_T) (printed)"]
    bars = [patch for patch in first.patches if isinstance(patch, Rectangle)]
    assert [bool(bar.get_hatch()) for bar in bars] == [True, True, False, False, True, True]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars)
    assert all(right <= left + 1e-9 for (_, right), (left, _) in itertools.pairwise(edges))  # none overlap


def test_the_label_of_an_axis_is_not_longer_than_the_axis(drawn_table: Table, small: Scale, store: RunStore) -> None:
    long = replace(BOTH, y_label="harmonic mean of the top-1 accuracies of the data sets (%)")
    report = collect(replace(drawn_table, figure=Bars(panels=(long,))), small, store)
    picture = figures.drawer(report)
    assert picture is not None
    figure = picture.draw(None)
    FigureCanvasAgg(figure).draw()
    [axis] = figure.axes
    assert axis.yaxis.label.get_window_extent().height <= axis.get_window_extent().height


def test_there_is_no_picture_of_printed_values_alone(drawn_table: Table, small: Scale, store: RunStore) -> None:
    quoted = replace(drawn_table, figure=Bars(panels=(replace(BOTH, rows=("other", "joint")),)))
    assert figures.drawer(collect(quoted, small, store)) is None
    assert figures.drawer(collect(drawn_table, small, store, rows=["other", "joint"])) is None


def test_the_picture_and_its_data_are_saved_and_stale_when_results_change(
    drawn_table: Table, small: Scale, store: RunStore, finish: Finish, run_of: Callable[..., RunConfig], tmp_path: Path
) -> None:
    report = collect(drawn_table, small, store)
    path = write(report, tmp_path)
    assert f"]({path.with_suffix('.png').name})" in path.read_text()
    assert not stale(report, tmp_path)
    finish(run_of(small, "joint.ssv2"), 41.0)
    finish(run_of(small, "joint.k400"), 41.0)
    changed = collect(drawn_table, small, store)
    path.write_text(markdown(changed))
    assert stale(changed, tmp_path)
