"""Numbers in the plot of the rows of a table without a figure."""

import math
from typing import NamedTuple

from experiments.spec.metrics import GFLOPS, GFLOPS_AND_VIEWS
from experiments.spec.number_formats import value_text
from experiments.spec.table import Column, one_line
from reports.pages.labels import row_names
from reports.pages.layout import DASH
from reports.pages.report import Report, ReportRow, quoted_number

COSTS = (GFLOPS.name, GFLOPS_AND_VIEWS.name)
MOST_PANELS = 6
PANELS_PER_LINE = 2  # so that texts are readable in a picture of 900 pixels
LEAST_SPREAD = 1.05  # largest / smallest GFLOPs, without the outer quarters, in a plot against GFLOPs
LOG_SPREAD = 50  # largest / smallest number, above which an axis is logarithmic


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
    def prints_numbers(self) -> bool:
        return any(value.printed is not None for panel in self.panels for value in panel.values)

    @property
    def grid(self) -> tuple[int, int]:
        """Number of lines of panels, and of panels side by side."""
        lines = -(-len(self.panels) // PANELS_PER_LINE)
        return lines, -(-len(self.panels) // lines)


def plotted(report: Report) -> Plot | None:
    """Values of the plot of a report; None if there is nothing of ours to plot.

    Tables with a figure have no plot, nor have those whose rows are quantities of their own. Accuracies of rows that
    mostly have the same GFLOPs are bars.
    """
    if report.table.figure is not None or any(row.row.metric is not None for row in report.rows):
        return None
    columns = report.table.columns
    cost = next((c for c in columns if c.metric.name in COSTS), None)
    tested = [c for c in columns if c.metric.needs_test]
    shown = (tested or [c for c in columns if c is cost or not has_texts(report, c)])[:MOST_PANELS]
    if tested and cost is not None:
        panels = panels_of(report, shown, cost)
        if spread(middle_half(costs_of(panels))) >= LEAST_SPREAD:
            return Plot(panels, one_line(cost.header))
    panels = panels_of(report, shown, None)
    return Plot(panels, None) if panels else None


def has_texts(report: Report, column: Column) -> bool:
    """Whether a column names settings, such as views and crops, and not a quantity."""
    place = report.table.columns.index(column)
    return any(isinstance(row.cells[place].value, str) for row in report.rows)


def spread(numbers: list[float]) -> float:
    """Largest / smallest number; 1 if there are none or not only positive ones."""
    return max(numbers) / min(numbers) if numbers and min(numbers) > 0 else 1.0


def costs_of(panels: list[Panel]) -> list[float]:
    return [x for panel in panels for value in panel.values for x in value.x or () if x is not None]


def middle_half(numbers: list[float]) -> list[float]:
    """Numbers without the smallest and the largest quarter."""
    quarter = len(numbers) // 4
    return sorted(numbers)[quarter : len(numbers) - quarter]


def panels_of(report: Report, columns: list[Column], cost: Column | None) -> list[Panel]:
    """Panels of the columns with any number of ours."""
    panels = [Panel(c.key, one_line(c.header), c.metric.is_percentage, values(report, c, cost)) for c in columns]
    return [panel for panel in panels if any(value.ours is not None for value in panel.values)]


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
        return None, number(cell.printed if isinstance(cell.printed, str) else quoted_number(cell)), None
    return number(cell.value), number(cell.printed), cell.std


def cell_text(row: ReportRow, column: Column, ours: float | None, printed: float | None) -> str:
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
