"""Panels of lines over the columns of a table, as a picture, and their data as CSV."""

import re
import statistics
from collections.abc import Hashable, Iterator, Sequence
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, NamedTuple

from experiments.spec.figures import Panel, Panels
from experiments.spec.table import Value
from reports.figures.colours import COLOURS, MARKERS
from reports.figures.drawer import Drawer
from reports.figures.empty_figure import empty_figure
from reports.pages.csv_text import csv_text
from reports.pages.labels import row_name
from reports.pages.report import Report, ReportCell, ReportRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = tuple(zip(COLOURS, MARKERS, strict=True))  # each colour with its own marker
NUMBER = re.compile(r"\d+(\.\d+)?")
MOST_STEPS = 20  # length of an axis in its shortest steps between ticks


class Point(NamedTuple):
    """Point of a line: one row in one column of a panel.

    `y`, `std`: mean and sample standard deviation over the `num_seeds` finished seeds.
    `released`: whether any of its values comes from released weights.
    `published`: whether any of its values comes from published results.
    """

    panel: str
    y_label: str
    row: str
    column: str
    x: str
    y: float
    std: float | None
    num_seeds: int
    released: bool
    scale: str
    published: bool


def points(report: Report, panels: Panels) -> Iterator[Point]:
    """Points of the panels. Cells without results are left out."""
    for panel in (panel for line in panels.grid for panel in line):
        for row in report.rows:
            for column, tick in zip(panel.columns, panel.ticks, strict=True):
                values = _values(report, panel, row, column)
                if values:
                    std = statistics.stdev(values) if len(values) > 1 else None
                    yield Point(
                        panel=panel.title,
                        y_label=panel.y_label,
                        row=row.row.key,
                        column=column,
                        x=tick,
                        y=round(statistics.fmean(values), 10),
                        std=None if std is None else round(std, 10),
                        num_seeds=len(values),
                        released=any(cell.released for cell in _sources(report, panel, row, column)),
                        scale=report.scale.name,
                        published=any(cell.published for cell in _sources(report, panel, row, column)),
                    )


def _values(report: Report, panel: Panel, row: ReportRow, column: str) -> list[float]:
    """Value of each finished seed. In a relative panel, the value of the other row with the same seed is subtracted."""
    values, *others = map(_by_seed, _sources(report, panel, row, column))
    if panel.relative_to is None:
        return list(values.values())
    return [value - base[seed] for base in others for seed, value in values.items() if seed in base]


def _sources(report: Report, panel: Panel, row: ReportRow, column: str) -> list[ReportCell]:
    """Cell of a row and, in a relative panel, the cell of the row that it is compared with, if the report has it."""
    rows = [row, *(other for other in report.rows if other.row.key == panel.relative_to)]
    return [next(cell for cell in source.cells if cell.column == column) for source in rows]


def _by_seed(cell: ReportCell) -> dict[int, float]:
    values: dict[int, Value] = {result.seed: result.value for result in cell.seeds}
    return {seed: float(value) for seed, value in values.items() if isinstance(value, int | float)}


class LinePanels(Drawer):
    """Draws panels of lines."""

    def __init__(self, report: Report, panels: Panels) -> None:
        super().__init__(report)
        self.panels = panels

    def has_content(self) -> bool:
        return any(result.metrics for row in self.report.rows for cell in row.cells for result in cell.seeds)

    def data(self) -> str:
        """Points of the panels, as CSV. The last column says which are published, if any are."""
        found = list(points(self.report, self.panels))
        width = len(Point._fields) - (not any(point.published for point in found))
        return csv_text(Point._fields[:width], [point[:width] for point in found])

    def draw(self, notice: str | None) -> "Figure":
        return draw(self.report, self.panels, notice)


def draw(report: Report, panels: Panels, notice: str | None) -> "Figure":
    """Panels below a common legend."""
    rows, columns = len(panels.grid), len(panels.grid[0])
    figure = empty_figure(5.2 * columns, 3.1 * rows + 0.6, notice)
    axes = figure.subplots(rows, columns, sharex="col", squeeze=False)
    found = list(points(report, panels))
    first: dict[Hashable, Axes] = {}
    for line, row in zip(axes, panels.grid, strict=True):
        for axis, panel in zip(line, row, strict=True):
            same = first.setdefault(_quantity(report, panel), axis)
            if same is not axis:
                axis.sharey(same)
            _draw(axis, panel, report, [p for p in found if (p.panel, p.y_label) == (panel.title, panel.y_label)])
    for axis, panel in zip(axes[0], panels.grid[0], strict=True):
        axis.set_title(panel.title)
    for axis, panel in zip(axes[-1], panels.grid[-1], strict=True):
        axis.set_xlabel(panel.x_label)
    handles, labels = axes[0][0].get_legend_handles_labels()
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _quantity(report: Report, panel: Panel) -> Hashable:
    """What a panel shows. Panels of the same quantity have the same range."""
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


def _draw(axis: "Axes", panel: Panel, report: Report, found: list[Point]) -> None:
    places = dict(zip(panel.ticks, positions(panel.ticks), strict=True))
    for row, (color, marker) in zip(report.rows, cycle(STYLES), strict=False):
        line = [point for point in found if point.row == row.row.key]
        name = row_name(report.table, row.row)
        axis.errorbar(
            [places[point.x] for point in line],
            [point.y for point in line],
            yerr=[point.std or 0.0 for point in line] if any(point.std for point in line) else None,
            color=color,
            marker=marker,
            capsize=3,
            label=name,
        )
    axis.set_xticks(list(places.values()), panel.ticks)
    axis.set_ylabel(panel.y_label)
    low, high = axis.get_ylim()
    margin = max(0.0, panel.least_span - (high - low)) / 2
    axis.set_ylim(low - margin, high + margin)
    axis.grid(alpha=0.3)
