"""Plot of the rows of a table without a figure: accuracy against GFLOPs, or bars, with a panel for each column."""

import math
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

from experiments.spec.metrics import GFLOPS, GFLOPS_AND_VIEWS
from experiments.spec.number_formats import value_text
from experiments.spec.table import Column, one_line
from reports.figures.drawer import COLOURS, MARKERS, Drawer, empty_figure, error_of, errors_text
from reports.pages.report import Report, ReportCell, is_number
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

Numbers = tuple[float | None, float | None]  # ours, printed


class Value(NamedTuple):
    """Numbers of a row in a panel, None where there are none: its GFLOPs, ours and printed, and those of the column."""

    name: str
    cost: Numbers
    ours: float | None
    printed: float | None
    error: float | None
    text: str


class Panel(NamedTuple):
    """Values of a column, row by row."""

    column: Column
    values: list[Value]

    @property
    def header(self) -> str:
        return one_line(self.column.header)

    @property
    def is_percentage(self) -> bool:
        return self.column.metric.is_percentage

    @property
    def unit(self) -> str:
        """% for percentages whose header does not say so."""
        return "%" if self.is_percentage and "%" not in self.header else ""

    @property
    def numbers(self) -> list[float]:
        return [number for value in self.values for number in (value.ours, value.printed) if number is not None]


class RowPlot(Drawer[list[Panel]]):
    """Draws the rows of a table as a scatter or as bars. GFLOPs of small models are not counted.

    Tables whose rows are quantities of their own have none. Accuracies of rows that mostly have the same GFLOPs are
    bars.
    """

    def __init__(self, report: Report, figure: None = None) -> None:
        super().__init__(report)
        columns = () if any(row.row.metric is not None for row in report.rows) else report.table.columns
        cost = next((c for c in columns if c.metric.name in COSTS), None)
        tested = [c for c in columns if c.metric.needs_test]
        shown = (tested or [c for c in columns if c is cost or not _has_texts(report, c)])[:MOST_PANELS]
        panels = _panels(report, shown, cost) if tested and cost is not None else []
        is_against_cost = spread(_middle_half(_costs(panels))) >= LEAST_SPREAD
        self.shown = panels if is_against_cost else _panels(report, shown, None)
        self.cost = one_line(cost.header) if is_against_cost and cost is not None else None

    def draw(self, notice: str | None) -> "Figure":
        return draw_bars(self.shown, notice) if self.cost is None else draw_scatter(self.shown, self.cost, notice)

    def shown_columns(self) -> tuple[str, ...]:
        return tuple(panel.column.key for panel in self.shown)

    def errors(self) -> list[str]:
        return errors_text(self.report, self.shown_columns())

    def warnings(self) -> list[str]:
        """Devices of measurements, and the size of the models whose GFLOPs are plotted."""
        shown = (cell.measurement for cell in self.report.cells if cell.column.key in self.shown_columns())
        devices = " and ".join(sorted({found.record["hardware"] for found in shown if found is not None}))
        found = [f"Speed and memory of ours are measured on {devices}."] if devices else []
        if self.cost is not None and not self.report.scale.comparable:
            found.append("GFLOPs are those of the models at the paper's size.")
        return found


def _has_texts(report: Report, column: Column) -> bool:
    """Whether a column names settings, such as views and crops, and not a quantity."""
    return any(isinstance(cell.value, str) for cell in report.column(column.key))


def spread(numbers: list[float]) -> float:
    """Largest / smallest number; 1 if there are none or not only positive ones."""
    return max(numbers) / min(numbers) if numbers and min(numbers) > 0 else 1.0


def _costs(panels: list[Panel]) -> list[float]:
    return [x for panel in panels for value in panel.values for x in value.cost if x is not None]


def _middle_half(numbers: list[float]) -> list[float]:
    """Numbers without the smallest and the largest quarter."""
    quarter = len(numbers) // 4
    return sorted(numbers)[quarter : len(numbers) - quarter]


def _panels(report: Report, columns: list[Column], cost: Column | None) -> list[Panel]:
    """Panels of the columns with any number of ours. Rows without any number are left out."""
    names, panels = row_names(report.table), []
    costs = {cell.row.key: _numbers(cell) for cell in report.column(cost.key)} if cost is not None else {}
    for column in columns:
        values = []
        for cell in report.column(column.key):
            ours, printed = _numbers(cell)
            at = costs.get(cell.row.key, (None, None))
            if (ours, printed) != (None, None) and (cost is None or at != (None, None)):
                error = None if cell.row.quoted else error_of(cell)
                values.append(Value(names[cell.row.key], at, ours, printed, error, _text(cell, ours, printed)))
        panels.append(Panel(column, values))
    return [panel for panel in panels if any(value.ours is not None for value in panel.values)]


def _numbers(cell: ReportCell) -> Numbers:
    """Our number in a cell and the printed one. A quoted row has printed ones only."""
    if cell.row.quoted:
        return None, number(cell.printed if isinstance(cell.printed, str) else cell.quoted_number)
    return number(cell.value), number(cell.printed)


def _text(cell: ReportCell, ours: float | None, printed: float | None) -> str:
    """Our number and, in parentheses, the printed one, as in the report."""
    text = DASH if ours is None else value_text(ours, cell.form)
    return text if printed is None else f"{text} ({value_text(printed, cell.form)})"


def number(value: object) -> float | None:
    """A number or the product in a text such as 369.5×3×1; None for anything else.

    It is rounded so that pictures do not depend on the last bits.
    """
    if isinstance(value, str) and "×" in value:
        try:
            value = math.prod(map(float, value.split("×")))
        except ValueError:
            return None
    return round(float(value), 10) if is_number(value) else None


def _names(panels: list[Panel]) -> list[str]:
    return list(dict.fromkeys(value.name for panel in panels for value in panel.values))


def _grid(panels: list[Panel]) -> tuple[int, int]:
    lines = -(-len(panels) // PANELS_PER_LINE)
    return lines, -(-len(panels) // lines)


def draw_scatter(panels: list[Panel], cost: str, notice: str | None) -> "Figure":
    """Points of ours are filled; printed ones are hollow and joined to ours by a line."""
    height, width = _grid(panels)
    names = _names(panels)
    legend = [fill(name, NAME) for name in names]
    legend_height = 0.6 + 0.19 * sum(1 + name.count("\n") for name in legend)
    free = height * width - len(panels)  # places of panels, of which the legend takes one
    figure = empty_figure(4.6 * width + (0 if free else 3.0), max(4.0 * height, legend_height), notice, DPI)
    axes = list(figure.subplots(height, width, squeeze=False).flat)
    styles = {
        name: (colour, ROW_MARKERS[index // len(ROW_COLOURS) % len(ROW_MARKERS)])
        for index, (name, colour) in enumerate(zip(names, cycle(ROW_COLOURS), strict=False))
    }
    handles: dict[str, object] = {}
    for axis, panel in zip(axes, panels, strict=False):
        for value in panel.values:
            handles.setdefault(value.name, _draw_point(axis, value, *styles[value.name]))
        _finish_axes(axis, panel, cost, is_wide=spread(_costs(panels)) > LOG_SPREAD)
    for axis in axes[len(panels) :]:
        axis.axis("off")
    has_printed = any(value.printed is not None for panel in panels for value in panel.values)
    (axes[-1] if free else figure).legend(
        list(handles.values()),  # type: ignore[arg-type]
        legend,
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
    ours_x, printed_x = (x if x is not None else other for x, other in (value.cost, value.cost[::-1]))
    both = ((ours_x, value.ours, colour), (printed_x, value.printed, "none"))
    points = [(x, y, face) for x, y, face in both if x is not None and y is not None]
    axis.plot([p[0] for p in points], [p[1] for p in points], color=colour, linewidth=0.8, alpha=0.4)
    if value.error is not None and value.ours is not None and ours_x is not None:
        axis.errorbar([ours_x], [value.ours], yerr=[value.error], color=colour, capsize=3)
    style = {"s": 46, "marker": marker, "edgecolors": colour, "zorder": 3}
    drawn = [axis.scatter([x], [y], facecolors=face, **style) for x, y, face in points]  # type: ignore[arg-type]
    return drawn[0]


def _finish_axes(axis: "Axes", panel: Panel, cost: str, *, is_wide: bool) -> None:
    """Labels and limits. Percentages end at 0 and 100, with room for the markers."""
    axis.margins(0.1)
    axis.ticklabel_format(useOffset=False)
    axis.set_xlabel(f"{cost}, log scale" if is_wide else cost)
    if is_wide:
        axis.set_xscale("log")
    axis.set_ylabel(fill(f"{panel.header} ({panel.unit})" if panel.unit else panel.header, LABEL))
    if panel.is_percentage:
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, -3.0), min(high, 103.0))
        axis.set_yticks([tick for tick in axis.get_yticks() if 0 <= tick <= 100 and low <= tick <= high])
    axis.grid(alpha=0.3)


def draw_bars(panels: list[Panel], notice: str | None) -> "Figure":
    """Panels with the rows in the order of the table, below a common legend. Percentages have one scale."""
    lines, width = _grid(panels)
    rows = _names(panels)
    names = [fill(name, NAME) for name in rows]
    height = 0.9 + sum(0.22 + 0.16 * (1 + name.count("\n")) for name in names)
    figure = empty_figure(3.8 * width + 2.4, lines * max(1.8, height) + 0.5, notice, DPI)
    axes = list(figure.subplots(lines, width, squeeze=False, sharey=True).flat)
    most = max([number for panel in panels if panel.is_percentage for number in panel.numbers], default=0.0)
    handles: dict[str, object] = {}
    for axis, panel in zip(axes, panels, strict=False):
        _draw_column(axis, panel, rows)
        if panel.is_percentage:
            axis.set_xlim(0, min(1.05 * most, 102) or 1.0)
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)  # the first row is above
    for axis in axes[len(panels) :]:
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
    ours = [
        (value.ours, rows.index(value.name), value.error or 0.0) for value in panel.values if value.ours is not None
    ]
    numbers, places, errors = zip(*ours, strict=True)
    errors = errors if any(errors) else None
    # Small numbers, such as hours of a small model, would vanish beside large ones.
    is_wide = not panel.is_percentage and spread(panel.numbers) > LOG_SPREAD
    if is_wide:
        axis.set_xscale("log")
        axis.errorbar(numbers, places, xerr=errors, fmt="o", color=COLOURS[0], label="ours")
    else:
        axis.barh(places, numbers, height=0.6, color=COLOURS[0], alpha=0.75, xerr=errors, capsize=3, label="ours")
    printed = [(value.printed, rows.index(value.name)) for value in panel.values if value.printed is not None]
    if printed:
        style = {"marker": "|", "s": 200, "linewidths": 2.5, "color": COLOURS[1], "zorder": 3}
        axis.scatter(*zip(*printed, strict=True), label="printed", **style)  # type: ignore[arg-type]
    for value in panel.values:
        place = (1.02, rows.index(value.name))
        axis.annotate(value.text, place, xycoords=axis.get_yaxis_transform(), va="center", fontsize="small")
    axis.margins(x=0.05)
    axis.set_title(fill(panel.header, NAME), fontsize="medium")
    axis.set_xlabel("log scale" if is_wide else panel.unit, fontsize="small")
    axis.tick_params(labelsize="small")
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
