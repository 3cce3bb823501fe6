"""Plot of the rows of a table without a figure: accuracy against GFLOPs, or bars with the printed value as a mark."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

from experiments.runner.files import replacing
from experiments.spec.metrics import GFLOPS, GFLOPS_AND_VIEWS
from experiments.spec.number_formats import value_text
from experiments.spec.table import Column, Table, one_line
from reports.colours import COLOURS, MARKERS
from reports.drawing_code import is_newer_than_code
from reports.empty_figure import empty_figure
from reports.figures import REMEDY, digest_of, notice, png
from reports.labels import row_names
from reports.layout import DASH
from reports.markdown import report_path
from reports.report import Report, ReportRow, quoted_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from experiments.spec.scales import Scale

COSTS = (GFLOPS.name, GFLOPS_AND_VIEWS.name)
MOST_PANELS = 6
PANELS_PER_LINE = 3
DPI = 130
NAME = 34  # characters per line of the name of a row
ROW_COLOURS = (*COLOURS, "#000000")
ROW_MARKERS = (*MARKERS, "X", "*")  # for tables with more rows than colours


class Value(NamedTuple):
    """Value of a row in a panel.

    `x`: its GFLOPs, ours and printed; None in a plot of bars.
    `ours`, `printed`, `std`: None where there is no number. `text`: ours and, in parentheses, printed.
    """

    row: str
    name: str
    x: tuple[float | None, float | None] | None
    ours: float | None
    printed: float | None
    std: float | None
    text: str


class Plot(NamedTuple):
    """Panels of a plot, by the header of their column."""

    panels: dict[str, list[Value]]
    cost: str | None


def plot_path(table: Table, scale: "Scale", root: Path | None = None) -> Path | None:
    """Path of the plot of a table beside its report, `<paper>/<table>.<scale>.png`; None if the table has a figure.

    The file exists only where `reproduce report --plot` has drawn it. The path of a figure is the same.

    Args:
        root: directory of reports; by default that of the committed ones.
    """
    return None if table.figure is not None else report_path(table, scale, root).with_suffix(".png")


def plotted(report: Report) -> Plot | None:
    """Values of the plot of a report; None if there is nothing of ours to plot.

    Tables with a figure have no plot, nor have those whose rows are quantities of their own.
    """
    if report.table.figure is not None or any(row.row.metric is not None for row in report.rows):
        return None
    columns = report.table.columns
    cost = next((c for c in columns if c.metric.name in COSTS), None)
    tested = [c for c in columns if c.metric.needs_test]
    shown = tested or [c for c in columns if c is not cost]
    panels = {one_line(c.header): values(report, c, cost if tested else None) for c in shown[:MOST_PANELS]}
    panels = {header: found for header, found in panels.items() if any(v.ours is not None for v in found)}
    return Plot(panels, one_line(cost.header) if cost is not None and tested else None) if panels else None


def values(report: Report, column: Column, cost: Column | None) -> list[Value]:
    """Numbers of a column, row by row. Rows without any are left out."""
    names, found = row_names(report.table), []
    for row in report.rows:
        ours, printed, std = numbers(report, row, column)
        x = numbers(report, row, cost)[:2] if cost is not None else None
        if (ours is not None or printed is not None) and (x is None or x != (None, None)):
            found.append(
                Value(row.row.key, names[row.row.key], x, ours, printed, std, cell_text(row, column, ours, printed))
            )
    return found


def numbers(report: Report, row: ReportRow, column: Column) -> tuple[float | None, float | None, float | None]:
    """Our number in a cell, the printed one, and the standard deviation of ours. A quoted row has printed ones only."""
    cell = row.cells[report.table.columns.index(column)]
    if row.row.quoted:
        return None, number(quoted_number(cell)), None
    return number(cell.value), number(cell.printed), cell.std


def cell_text(row: ReportRow, column: Column, ours: float | None, printed: float | None) -> str:
    """Our number and, in parentheses, the printed one, as in the report."""
    form = row.row.form_of(column)
    text = DASH if ours is None else value_text(ours, form)
    return text if printed is None else f"{text} ({value_text(printed, form)})"


def number(value: object) -> float | None:
    """A number, rounded so that pictures do not depend on the last bits; None for anything else."""
    return round(float(value), 10) if isinstance(value, int | float) and not isinstance(value, bool) else None


def plot(report: Report) -> bytes | None:
    """Plot of a report as PNG; None if there is nothing to plot. Equal reports give equal bytes."""
    found = plotted(report)
    if found is None:
        return None
    draw = draw_against_cost if found.cost is not None else draw_bars
    return png(draw(found, notice(report)), plot_digest(report, found))


def save_plot(report: Report, path: Path) -> bool:
    """Save the plot of a report as PNG. Returns whether there is one.

    Raises:
        StoreError: if the file cannot be written.
    """
    drawn = plot(report)
    if drawn is None:
        return False
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(drawn)
    return True


def is_stale(report: Report, path: Path) -> bool:
    """Whether a saved plot differs from that of the report. A plot that was never saved is not stale."""
    found = plotted(report)
    if report.table.figure is not None or not path.exists():
        return False
    try:
        return found is None or digest_of(path) != plot_digest(report, found)
    except OSError:
        return True


def is_current(report: Report, path: Path) -> bool:
    """Whether a saved plot is that of the report, drawn since the code was last changed."""
    return path.exists() and not is_stale(report, path) and is_newer_than_code(path)


def plot_digest(report: Report, found: Plot) -> str:
    """Short hash of everything that determines the plot."""
    return hashlib.sha256(repr((found, notice(report))).encode()).hexdigest()[:16]


def draw_against_cost(found: Plot, warning: str | None) -> "Figure":
    """A panel for each column: ours filled, the printed values hollow and joined to ours by a line."""
    width, height = grid(found)
    figure = empty_figure(5.0 * width + 2.6, 4.2 * height, warning, DPI)
    axes = figure.subplots(height, width, squeeze=False)
    rows = list(dict.fromkeys(value.name for panel in found.panels.values() for value in panel))
    styles = {
        name: (colour, ROW_MARKERS[index // len(ROW_COLOURS) % len(ROW_MARKERS)])
        for index, (name, colour) in enumerate(zip(rows, cycle(ROW_COLOURS), strict=False))
    }
    labelled: dict[str, object] = {}
    for axis, (header, panel) in zip(axes.flat, found.panels.items(), strict=False):
        for value in panel:
            labelled.setdefault(value.name, draw_point(axis, value, *styles[value.name]))
        axis.set_title(header)
        axis.set_xlabel(found.cost)
        axis.margins(0.1)
        axis.grid(alpha=0.3)
    for line in axes:
        line[0].set_ylabel("ours: filled, printed: hollow")
    remove_unused(axes.flat, found)
    names = [fill(name, NAME) for name in labelled]
    figure.legend(list(labelled.values()), names, loc="outside right upper", frameon=False, fontsize="small")  # type: ignore[arg-type]
    return figure


def draw_point(axis: "Axes", value: Value, colour: str, marker: str) -> object:
    """Both points of a row. Returns the handle for the legend: ours, or else the printed one."""
    assert value.x is not None
    ours_x, printed_x = (x if x is not None else other for x, other in (value.x, value.x[::-1]))
    points = []
    if value.ours is not None:
        points.append((ours_x, value.ours, colour))
    if value.printed is not None:
        points.append((printed_x, value.printed, "none"))
    axis.plot([p[0] for p in points], [p[1] for p in points], color=colour, linewidth=0.8, alpha=0.4)
    if value.std is not None and value.ours is not None and ours_x is not None:
        axis.errorbar([ours_x], [value.ours], yerr=[value.std], color=colour, capsize=3)
    style = {"s": 46, "marker": marker, "edgecolors": colour, "zorder": 3}
    drawn = [axis.scatter([x], [y], facecolors=face, **style) for x, y, face in points]  # type: ignore[arg-type]
    return drawn[0]


def draw_bars(found: Plot, warning: str | None) -> "Figure":
    """A panel of horizontal bars for each column, in the order of the rows, with a mark at the printed value."""
    rows = list(dict.fromkeys(value.name for panel in found.panels.values() for value in panel))
    names = [fill(name, NAME) for name in rows]
    height = sum(0.22 + 0.16 * (1 + name.count("\n")) for name in names)
    width, lines = grid(found)
    figure = empty_figure(3.8 * width + 2.4, lines * max(1.6, height + 0.7) + 0.6, warning, DPI)
    axes = figure.subplots(lines, width, squeeze=False, sharey=True)
    for axis, (header, panel) in zip(axes.flat, found.panels.items(), strict=False):
        draw_column(axis, panel, rows)
        axis.set_title(header)
        axis.grid(axis="x", alpha=0.3)
    axes[0][0].set_yticks(range(len(rows)), names, fontsize="small")
    axes[0][0].set_ylim(len(rows) - 0.4, -0.6)  # the first row is above
    remove_unused(axes.flat, found)
    found_handles, found_labels = axes[0][0].get_legend_handles_labels()
    handles = dict(sorted(zip(found_labels, found_handles, strict=True)))
    figure.legend(list(handles.values()), list(handles), loc="outside lower right", ncols=2, frameon=False)
    return figure


def remove_unused(axes: Iterable["Axes"], found: Plot) -> None:
    """Remove the axes after the last panel."""
    for axis in list(axes)[len(found.panels) :]:
        axis.remove()


def grid(found: Plot) -> tuple[int, int]:
    """Number of panels side by side, and of lines of panels."""
    width = min(PANELS_PER_LINE, len(found.panels))
    return width, -(-len(found.panels) // width)


def draw_column(axis: "Axes", panel: Sequence[Value], rows: list[str]) -> None:
    """Bars and marks of a column. The axis starts near the least value, where differences can be seen."""
    ours = [value for value in panel if value.ours is not None]
    printed = [value for value in panel if value.printed is not None]
    numbers_shown = [n for v in panel for n in (v.ours, v.printed) if n is not None]
    least, most = min(numbers_shown), max(numbers_shown)
    margin = 0.15 * (most - least) or abs(most) * 0.1 or 1.0
    start = 0.0 if 0 <= least <= 2 * margin else least - margin
    axis.barh(
        [rows.index(value.name) for value in ours],
        [value.ours - start for value in ours if value.ours is not None],
        left=start,
        height=0.6,
        color=COLOURS[0],
        alpha=0.75,
        xerr=[value.std or 0.0 for value in ours] if any(value.std for value in ours) else None,
        label="ours",
    )
    for value in panel:
        place = (1.02, rows.index(value.name))
        axis.annotate(value.text, place, xycoords=axis.get_yaxis_transform(), va="center", fontsize="small")
    if start:
        axis.set_xlabel(f"The axis starts at {start:.3g}.", fontsize="small")
    axis.scatter(
        [value.printed for value in printed if value.printed is not None],
        [rows.index(value.name) for value in printed],
        marker="|",
        s=260,
        linewidths=2.5,
        color=COLOURS[1],
        zorder=3,
        label="printed",
    )
    axis.set_xlim(start, most + margin)
