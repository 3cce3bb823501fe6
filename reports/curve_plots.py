"""Plot of the validations during the trainings of a table: a panel for each run of its rows, a line for each row."""

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from experiments.spec.table import Column
from reports.curves import Curves, curves_of
from reports.figures.drawer import empty_figure, notice, save, shared_header
from reports.figures.row_plots import LABEL, MOST_PANELS, NAME, PANELS_PER_LINE, ROW_COLOURS
from reports.pages.report import Report
from reports.pages.table_texts import data_text, levels, row_names
from runner.store.run_directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 100
NUM_COLOURS = 64  # a quarter of the bytes
DASHES = ("-", "--", ":")  # for tables with more rows than colours

Panel = tuple[list[Column], dict[str, list[Curves]]]  # columns of the same runs, and the curves of each row's seeds


def save_curves(report: Report, path: Path) -> None:
    """Save the plot, or remove an earlier one if there are no curves."""
    if panels := list(islice(panels_of(report), MOST_PANELS)):
        save(draw(report, panels), path, num_colours=NUM_COLOURS)
    else:
        path.unlink(missing_ok=True)


def panels_of(report: Report) -> Iterator[Panel]:
    """Panels with any curve. A column of no other runs than one before belongs to its panel."""
    groups: list[tuple[list[Column], set[str]]] = []
    for column in report.table.columns:
        ids = {one.run.train_id for cell in report.column(column.key) for one in cell.seeds}
        if group := next((columns for columns, earlier in groups if ids <= earlier), None):
            group.append(column)
        elif ids:
            groups.append(([column], ids))
    for columns, _ in groups:
        tested: dict[str, dict[str, RunDirectory]] = {}
        for cell in (cell for column in columns for cell in report.column(column.key)):
            for one in cell.seeds:
                if one.test is not None and not one.released:
                    tested.setdefault(cell.row.key, {})[one.run.train_id] = one.test.directory
        read = {row: [curves for run in runs.values() if (curves := curves_of(run))] for row, runs in tested.items()}
        if found := {row: of_seeds for row, of_seeds in read.items() if of_seeds}:
            yield columns, found


def draw(report: Report, panels: list[Panel]) -> "Figure":
    """Panels beside a common legend, with the metric of their first column, or else a loss."""
    facts, names = report.facts, row_names(report.table)
    width, height = min(len(panels), PANELS_PER_LINE), -(-len(panels) // PANELS_PER_LINE)
    shown = [row.row.key for row in report.rows if any(row.row.key in found for _, found in panels)]
    texts = {key: fill(names[key], NAME) for key in shown}
    legend_height = 0.6 + 0.19 * sum(1 + text.count("\n") for text in texts.values())
    data = data_text(facts.unit, facts.generated, facts.given)
    figure = empty_figure(
        4.2 * width + 2.8, max(3.2 * height, legend_height), notice(report.scale, data, report.overrides), DPI
    )
    axes = list(figure.subplots(height, width, squeeze=False).flat)
    handles: dict[str, object] = {}
    for axis, panel in zip(axes, panels, strict=False):
        handles |= draw_lines(axis, panel, shown)
    for axis in axes[len(panels) :]:
        axis.remove()
    figure.legend(
        [handles[key] for key in shown],  # type: ignore[misc]
        list(texts.values()),
        loc="outside right upper",
        frameon=False,
        fontsize="small",
    )
    return figure


def draw_lines(axis: "Axes", panel: Panel, rows: list[str]) -> dict[str, object]:
    """A line for each seed of each row. Returns a handle for the legend by row."""
    columns, found = panel
    metric = columns[0].metric.name
    kinds = {name for of_seeds in found.values() for curves in of_seeds for name in curves}
    kind = next(name for name in (f"val/{metric}", "val/loss", "train/loss") if name in kinds)
    styles = dict(zip(rows, cycle((c, dash) for dash in DASHES for c in ROW_COLOURS), strict=False))
    handles: dict[str, object] = {}
    for row, of_seeds in found.items():
        colour, dash = styles[row]
        for curves in of_seeds:
            steps, values = [[getattr(p, part) for p in curves.get(kind, [])] for part in ("step", "value")]
            [handles[row]] = axis.plot(steps, values, dash, color=colour, linewidth=1.2)
    title = shared_header([levels(column.header) for column in columns])
    axis.set_title(fill(title, LABEL), fontsize="medium")
    axis.set_xlabel("step", fontsize="small")
    axis.set_ylabel(f"{kind} (%)" if kind.endswith(metric) else kind, fontsize="small")
    axis.tick_params(labelsize="small")
    axis.grid(alpha=0.3)
    return handles
