"""Plot of the rows of a table without a figure: accuracy against GFLOPs, or bars, with a panel for each column."""

import math
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

from experiments.spec.metrics import GFLOPS, GFLOPS_AND_VIEWS
from experiments.spec.number_formats import value_text
from experiments.spec.table import Column, one_line
from reports.figures.canvas import COLOURS, MARKERS, empty_figure
from reports.figures.drawer import Drawer
from reports.pages.report import Report, ReportRow
from reports.pages.table_texts import DASH, row_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COSTS = (GFLOPS.name, GFLOPS_AND_VIEWS.name)
MOST_PANELS = 6
PANELS_PER_LINE = 2  # so that texts are readable in a picture of 900 pixels
LEAST_SPREAD = 1.05  # largest / smallest GFLOPs, without the outer quarters, in a plot against GFLOPs
LOG_SPREAD = 50  # largest / smallest number, above which an axis is logarithmic
DPI = 130
NAME, LABEL = 34, 40  # characters per line of the name of a row or a panel, and of the label of an axis
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

    @property
    def shown(self) -> list[float]:
        """Our number and the printed one, if there are."""
        return [number for number in (self.ours, self.printed) if number is not None]


class Panel(NamedTuple):
    """Values of a column. `header`: in one line."""

    column: str
    header: str
    is_percentage: bool
    values: list[Value]

    @property
    def unit(self) -> str:
        """% for percentages whose header does not say so."""
        return "%" if self.is_percentage and "%" not in self.header else ""

    @property
    def is_wide(self) -> bool:
        """Whether small numbers, such as hours of a small model, would vanish beside large ones."""
        return not self.is_percentage and spread([n for value in self.values for n in value.shown]) > LOG_SPREAD


class Plot(NamedTuple):
    """Panels of a plot, and the header of its GFLOPs; None for bars."""

    panels: list[Panel]
    cost: str | None

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(value.name for panel in self.panels for value in panel.values))

    @property
    def grid(self) -> tuple[int, int]:
        """Number of lines of panels, and of panels side by side."""
        lines = -(-len(self.panels) // PANELS_PER_LINE)
        return lines, -(-len(self.panels) // lines)


class RowPlot(Drawer):
    """Draws the rows of a table as a scatter or as bars. GFLOPs of small models are not counted."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.plot = plotted(report)

    def has_content(self) -> bool:
        return bool(self.plot.panels)

    def draw(self, notice: str | None) -> "Figure":
        return (draw_bars if self.plot.cost is None else draw_against_cost)(self.plot, notice)

    def shown_columns(self) -> tuple[str, ...]:
        return tuple(panel.column for panel in self.plot.panels)

    def warnings(self) -> list[str]:
        """Devices of measurements, and the size of the models whose GFLOPs are plotted."""
        shown = (cell.measurement for cell in self.report.cells if cell.column.key in self.shown_columns())
        devices = " and ".join(sorted({found.record["hardware"] for found in shown if found is not None}))
        found = [f"Speed and memory of ours are measured on {devices}."] if devices else []
        if self.plot.cost is not None and self.report.scale.small:
            found.append("GFLOPs are those of the models at the paper's size.")
        return found


def plotted(report: Report) -> Plot:
    """Values of the plot of a report; without panels if there is nothing of ours to plot.

    Tables whose rows are quantities of their own have none. Accuracies of rows that mostly have the same GFLOPs are
    bars.
    """
    if any(row.row.metric is not None for row in report.rows):
        return Plot([], None)
    columns = report.table.columns
    cost = next((c for c in columns if c.metric.name in COSTS), None)
    tested = [c for c in columns if c.metric.needs_test]
    shown = (tested or [c for c in columns if c is cost or not _has_texts(report, c)])[:MOST_PANELS]
    if tested and cost is not None:
        panels = _panels(report, shown, cost)
        if spread(_middle_half(_costs(panels))) >= LEAST_SPREAD:
            return Plot(panels, one_line(cost.header))
    return Plot(_panels(report, shown, None), None)


def _has_texts(report: Report, column: Column) -> bool:
    """Whether a column names settings, such as views and crops, and not a quantity."""
    place = report.table.columns.index(column)
    return any(isinstance(row.cells[place].value, str) for row in report.rows)


def spread(numbers: list[float]) -> float:
    """Largest / smallest number; 1 if there are none or not only positive ones."""
    return max(numbers) / min(numbers) if numbers and min(numbers) > 0 else 1.0


def _costs(panels: list[Panel]) -> list[float]:
    return [x for panel in panels for value in panel.values for x in value.x or () if x is not None]


def _middle_half(numbers: list[float]) -> list[float]:
    """Numbers without the smallest and the largest quarter."""
    quarter = len(numbers) // 4
    return sorted(numbers)[quarter : len(numbers) - quarter]


def _panels(report: Report, columns: list[Column], cost: Column | None) -> list[Panel]:
    """Panels of the columns with any number of ours."""
    panels = [Panel(c.key, one_line(c.header), c.metric.is_percentage, _values(report, c, cost)) for c in columns]
    return [panel for panel in panels if any(value.ours is not None for value in panel.values)]


def _values(report: Report, column: Column, cost: Column | None) -> list[Value]:
    """Numbers of a column, row by row. Rows without any are left out."""
    names, found = row_names(report.table), []
    for row in report.rows:
        ours, printed, std = _numbers(report, row, column)
        x = _numbers(report, row, cost)[:2] if cost is not None else None
        if (ours is not None or printed is not None) and (x is None or x != (None, None)):
            text = _cell_text(row, column, ours, printed)
            found.append(Value(row.row.key, names[row.row.key], x, ours, printed, std, text))
    return found


def _numbers(report: Report, row: ReportRow, column: Column) -> tuple[float | None, float | None, float | None]:
    """Our number in a cell, the printed one, and the standard deviation of ours. A quoted row has printed ones only."""
    cell = row.cells[report.table.columns.index(column)]
    if row.row.quoted:
        return None, number(cell.printed if isinstance(cell.printed, str) else cell.quoted_number), None
    return number(cell.value), number(cell.printed), cell.std


def _cell_text(row: ReportRow, column: Column, ours: float | None, printed: float | None) -> str:
    """Our number and, in parentheses, the printed one, as in the report."""
    form = row.row.form_of(column)
    text = DASH if ours is None else value_text(ours, form)
    return text if printed is None else f"{text} ({value_text(printed, form)})"


def number(value: object) -> float | None:
    """A number or the product in a text such as 369.5×3×1; None for anything else.

    It is rounded so that pictures do not depend on the last bits.
    """
    if isinstance(value, str) and "×" in value:
        try:
            value = math.prod(map(float, value.split("×")))
        except ValueError:
            return None
    return round(float(value), 10) if isinstance(value, int | float) and not isinstance(value, bool) else None


def draw_against_cost(plot: Plot, notice: str | None) -> "Figure":
    """Points of ours are filled; printed ones are hollow and joined to ours by a line."""
    height, width = plot.grid
    names = [fill(name, NAME) for name in plot.names]
    legend_height = 0.6 + 0.19 * sum(1 + name.count("\n") for name in names)
    free = height * width - len(plot.panels)  # places of panels, of which the legend takes one
    figure = empty_figure(4.6 * width + (0 if free else 3.0), max(4.0 * height, legend_height), notice, DPI)
    axes = list(figure.subplots(height, width, squeeze=False).flat)
    styles = {
        name: (colour, ROW_MARKERS[index // len(ROW_COLOURS) % len(ROW_MARKERS)])
        for index, (name, colour) in enumerate(zip(plot.names, cycle(ROW_COLOURS), strict=False))
    }
    handles: dict[str, object] = {}
    for axis, panel in zip(axes, plot.panels, strict=False):
        for value in panel.values:
            handles.setdefault(value.name, _draw_point(axis, value, *styles[value.name]))
        _finish_axes(axis, panel, plot)
    for axis in axes[len(plot.panels) :]:
        axis.axis("off")
    has_printed = any(value.printed is not None for panel in plot.panels for value in panel.values)
    (axes[-1] if free else figure).legend(
        list(handles.values()),  # type: ignore[arg-type]
        names,
        title="filled: ours, hollow: printed" if has_printed else None,
        loc="center left" if free else "outside right upper",
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        alignment="left",
    )
    return figure


def _draw_point(axis: "Axes", value: Value, colour: str, marker: str) -> object:
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


def _finish_axes(axis: "Axes", panel: Panel, plot: Plot) -> None:
    """Labels and limits. Percentages end at 0 and 100, with room for the markers."""
    axis.margins(0.1)
    axis.ticklabel_format(useOffset=False)
    axis.set_xlabel(str(plot.cost))
    if spread(_costs(plot.panels)) > LOG_SPREAD:
        axis.set_xscale("log")
        axis.set_xlabel(f"{plot.cost}, log scale")
    axis.set_ylabel(fill(f"{panel.header} ({panel.unit})" if panel.unit else panel.header, LABEL))
    if panel.is_percentage:
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, -3.0), min(high, 103.0))
        axis.set_yticks([tick for tick in axis.get_yticks() if 0 <= tick <= 100 and low <= tick <= high])
    axis.grid(alpha=0.3)


def draw_bars(plot: Plot, notice: str | None) -> "Figure":
    """Panels with the rows in the order of the table, below a common legend. Percentages have one scale."""
    lines, width = plot.grid
    names = [fill(name, NAME) for name in plot.names]
    height = 0.9 + sum(0.22 + 0.16 * (1 + name.count("\n")) for name in names)
    figure = empty_figure(3.8 * width + 2.4, lines * max(1.8, height) + 0.5, notice, DPI)
    axes = list(figure.subplots(lines, width, squeeze=False, sharey=True).flat)
    most = max([n for panel in plot.panels if panel.is_percentage for v in panel.values for n in v.shown], default=0.0)
    handles: dict[str, object] = {}
    for axis, panel in zip(axes, plot.panels, strict=False):
        _draw_column(axis, panel, plot.names)
        if panel.is_percentage:
            axis.set_xlim(0, min(1.05 * most, 102) or 1.0)
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)  # the first row is above
    for axis in axes[len(plot.panels) :]:
        axis.remove()
    if "printed" in handles:
        figure.legend(
            [handles[label] for label in ("ours", "printed")],  # type: ignore[misc]
            ["ours", "printed"],
            loc="outside upper center",
            ncols=2,
            frameon=False,
            fontsize="small",
            markerscale=0.6,
        )
    return figure


def _draw_column(axis: "Axes", panel: Panel, rows: list[str]) -> None:
    """Bars that start at 0, or points on a logarithmic axis, and marks of the printed values of a column."""
    ours = [(value.ours, rows.index(value.name), value.std or 0.0) for value in panel.values if value.ours is not None]
    numbers, places, stds = zip(*ours, strict=True)
    errors = stds if any(stds) else None
    if panel.is_wide:
        axis.set_xscale("log")
        axis.errorbar(numbers, places, xerr=errors, fmt="o", color=COLOURS[0], label="ours")
    else:
        axis.barh(places, numbers, height=0.6, color=COLOURS[0], alpha=0.75, xerr=errors, label="ours")
    printed = [(value.printed, rows.index(value.name)) for value in panel.values if value.printed is not None]
    if printed:
        style = {"marker": "|", "s": 200, "linewidths": 2.5, "color": COLOURS[1], "zorder": 3}
        axis.scatter(*zip(*printed, strict=True), label="printed", **style)  # type: ignore[arg-type]
    for value in panel.values:
        place = (1.02, rows.index(value.name))
        axis.annotate(value.text, place, xycoords=axis.get_yaxis_transform(), va="center", fontsize="small")
    axis.margins(x=0.05)
    axis.set_title(fill(panel.header, NAME), fontsize="medium")
    axis.set_xlabel("log scale" if panel.is_wide else panel.unit, fontsize="small")
    axis.tick_params(labelsize="small")
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
