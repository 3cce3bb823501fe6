"""Panels of lines and of grouped bars over cells of a table, and their points as CSV."""

import re
import statistics
from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from itertools import cycle, pairwise
from textwrap import fill
from typing import TYPE_CHECKING, Literal, NamedTuple

from experiments.spec.figures import BarPanel, Bars, CellPanel, Panel, Panels
from reports.figures.drawer import COLOURS, MARKERS, Drawer, empty_figure, error_of, errors_text
from reports.pages.report import Report, ReportCell
from reports.pages.table_texts import row_names
from reports.pages.tidy_frame import csv_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Origin = Literal["ours", "printed", "quoted"]
STYLES = tuple(zip(COLOURS, MARKERS, strict=True))  # each colour with its own marker
NUMBER = re.compile(r"\d+(\.\d+)?")
MOST_STEPS = 20  # length of an axis in its shortest steps between ticks
GROUP = 0.8  # width of a group of bars; groups are 1 apart
LABEL = 24  # characters per line of the label of an axis of bars


class Point(NamedTuple):
    """Value of a row in a column of a panel.

    `origin`: whether it is measured here, printed beside it, or that of a row quoted from another paper.
    `y`, `std`: mean and sample standard deviation over the `num_seeds` finished seeds.
    `error`: half of the error bar.
    `released`, `published`: whether any of its values comes from released weights, or from published results.
    """

    panel: str
    y_label: str
    row: str
    column: str
    x: str
    origin: Origin
    y: float
    std: float | None
    error: float | None
    num_seeds: int
    released: bool
    published: bool
    scale: str


def points_of(report: Report, panel: CellPanel) -> Iterator[Point]:
    """Points of a panel, row by row. Cells without a number are left out.

    In a relative panel, the values of another row are subtracted seed by seed. Printed and quoted numbers are those of
    panels that name their rows.
    """
    rows = {row.row.key: {cell.column.key: cell for cell in row.cells} for row in report.rows}
    base = rows.get(panel.relative_to) if panel.relative_to is not None else None
    for key in (key for key in panel.rows or rows if key in rows):
        for column, tick in zip(panel.columns, panel.ticks, strict=True):
            cell = rows[key][column]
            cells = [cell] if base is None else [cell, base[column]]
            point = partial(Point, panel.title, panel.y_label, key, column, tick, scale=report.scale.name)
            if (ours := _ours(*cells)) is not None:
                y, std, num_seeds = ours
                released, published = any(c.released for c in cells), any(c.published for c in cells)
                std = None if std is None else round(std, 10)
                error = error_of(cell) if base is None else std
                yield point("ours", round(y, 10), std, error, num_seeds, released, published)
            printed = cell.quoted_number if cell.row.quoted else cell.printed
            if panel.rows and isinstance(printed, int | float):
                origin: Origin = "quoted" if cell.row.quoted else "printed"
                yield point(origin, round(float(printed), 10), None, None, 0, released=False, published=False)


def _ours(cell: ReportCell, base: ReportCell | None = None) -> tuple[float, float | None, int] | None:
    """Our number in a cell, or its difference from that of another row, with its standard deviation and seeds."""
    if base is None:
        is_ours = isinstance(cell.value, int | float) and not cell.row.quoted
        return (float(cell.value or 0), cell.std, cell.num_seeds) if is_ours else None
    pairs = [(one.value, base.by_seed[seed].value) for seed, one in cell.by_seed.items() if seed in base.by_seed]
    differences = [ours - other for ours, other in pairs if ours is not None and other is not None]
    differences = differences[: max(len(cell.seeds), len(base.seeds))]  # one, if no seed has an effect on either
    if not differences:
        return None
    return statistics.fmean(differences), statistics.stdev(differences) if differences[1:] else None, len(differences)


class CellPanels(Drawer[list[Point]]):
    """Draws panels of cells, if there are numbers of ours."""

    def __init__(self, report: Report, panels: Sequence[CellPanel]) -> None:
        super().__init__(report)
        points = [point for panel in panels for point in points_of(report, panel)]
        self.shown = points if any(point.origin == "ours" for point in points) else []

    def data(self) -> str:
        return csv_text(Point._fields, self.shown)

    def errors(self) -> list[str]:
        return errors_text(self.report, [point.column for point in self.shown if point.error])


class LinePanels(CellPanels):
    """Grid of panels with a line for each row."""

    def __init__(self, report: Report, figure: Panels) -> None:
        super().__init__(report, [panel for line in figure.grid for panel in line])
        self.grid = figure.grid

    def draw(self, notice: str | None) -> "Figure":
        """Panels below a common legend. Panels of the same quantity have the same range."""
        rows, columns = len(self.grid), len(self.grid[0])
        figure = empty_figure(5.2 * columns, 3.1 * rows + 0.6, notice)
        axes = figure.subplots(rows, columns, sharex="col", squeeze=False)
        first: dict[Hashable, Axes] = {}
        for line, row in zip(axes, self.grid, strict=True):
            for axis, panel in zip(line, row, strict=True):
                same = first.setdefault(_quantity(self.report, panel), axis)
                if same is not axis:
                    axis.sharey(same)
                draw_lines(axis, panel, self.report)
        for axis, panel in zip(axes[0], self.grid[0], strict=True):
            axis.set_title(panel.title)
        for axis, panel in zip(axes[-1], self.grid[-1], strict=True):
            axis.set_xlabel(panel.x_label)
        handles, labels = axes[0][0].get_legend_handles_labels()
        if len(labels) > 1:
            figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
        return figure


def _quantity(report: Report, panel: Panel) -> Hashable:
    columns = [column for column in report.table.columns if column.key in panel.columns]
    data = frozenset((c.metric.name, c.base.data.dataset.name if c.base is not None else None) for c in columns)
    return panel.y_label, panel.relative_to, data


def positions(ticks: Sequence[str]) -> list[float]:
    """Places of the ticks: their numbers, or even steps for other texts and where the labels of numbers would touch.

    Numbers may have a common factor, as in 1×3, 2×3.
    """
    parts = [tick.partition("×") for tick in ticks]
    if len({rest for _, _, rest in parts}) == 1 and all(NUMBER.fullmatch(number) for number, _, _ in parts):
        numbers = [float(number) for number, _, _ in parts]
        steps = [after - before for before, after in pairwise(numbers)]
        if all(step * MOST_STEPS >= numbers[-1] - numbers[0] and step > 0 for step in steps):
            return numbers
    return [float(index) for index in range(len(ticks))]


def draw_lines(axis: "Axes", panel: Panel, report: Report) -> None:
    """A line with its markers and error bars for each row."""
    places = dict(zip(panel.ticks, positions(panel.ticks), strict=True))
    found, names = list(points_of(report, panel)), row_names(report.table)
    for row, (color, marker) in zip(report.rows, cycle(STYLES), strict=False):
        line = [point for point in found if point.row == row.row.key]
        axis.errorbar(
            [places[point.x] for point in line],
            [point.y for point in line],
            yerr=[point.error or 0.0 for point in line] if any(point.error for point in line) else None,
            color=color,
            marker=marker,
            capsize=3,
            label=names[row.row.key],
        )
    axis.set_xticks(list(places.values()), panel.ticks)
    axis.set_ylabel(panel.y_label)
    low, high = axis.get_ylim()
    margin = max(0.0, panel.least_span - (high - low)) / 2
    axis.set_ylim(low - margin, high + margin)
    axis.grid(alpha=0.3)


class BarPanels(CellPanels):
    """Panels of groups of bars, side by side."""

    def __init__(self, report: Report, figure: Bars) -> None:
        super().__init__(report, figure.panels)
        self.bars = figure.panels
        self.colours = dict(zip(dict.fromkeys(figure.rows), cycle(COLOURS), strict=False))

    def draw(self, notice: str | None) -> "Figure":
        figure = empty_figure(4.6 * len(self.bars), 4.6, notice)
        for axis, panel in zip(figure.subplots(1, len(self.bars), squeeze=False)[0], self.bars, strict=True):
            self.draw_groups(axis, panel)
        return figure

    def draw_groups(self, axis: "Axes", panel: BarPanel) -> None:
        """A group for each column. Printed and quoted values are hatched."""
        found, names = list(points_of(self.report, panel)), row_names(self.report.table)
        shown = {(point.row, point.origin) for point in found}
        series = [(row, one) for row in panel.rows for one in ("ours", "printed", "quoted") if (row, one) in shown]
        width = GROUP / max(1, len(series))
        for index, (row, origin) in enumerate(series):
            own = [point for point in found if (point.row, point.origin) == (row, origin)]
            centres = [panel.columns.index(point.column) - GROUP / 2 + width * (index + 0.5) for point in own]
            drawn = axis.bar(
                centres,
                [point.y for point in own],
                width,
                yerr=[point.error or 0.0 for point in own] if any(point.error for point in own) else None,
                capsize=3,
                color=self.colours[row] if origin == "ours" else "white",
                edgecolor=self.colours[row],
                hatch=None if origin == "ours" else "////",
                label=f"{names[row]} ({origin})",
            )
            axis.bar_label(drawn, fmt="%.1f", padding=2, fontsize="small")
        axis.set_title(panel.title)
        axis.set_ylabel(fill(panel.y_label, LABEL))
        axis.set_xticks(range(len(panel.columns)), panel.ticks)
        axis.margins(y=0.1)
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), fontsize="small", frameon=False)
