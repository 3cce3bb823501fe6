"""Panels of grouped bars over cells of a table, ours beside the printed ones, as a picture, and their data as CSV."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING, Literal, NamedTuple

from experiments.spec.figures import BarPanel, Bars
from reports.figures.colours import COLOURS
from reports.figures.drawer import Drawer
from reports.figures.empty_figure import empty_figure
from reports.pages.csv_text import csv_text
from reports.pages.labels import row_names
from reports.pages.report import Report, ReportCell, ReportRow, quoted_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Origin = Literal["ours", "printed", "quoted"]
GROUP = 0.8  # width of a group; groups are 1 apart
LABEL = 24  # characters per line of the label of an axis


class Bar(NamedTuple):
    """Bar of a row in a group of bars.

    `origin`: whether the value is measured here, printed beside it, or that of a row quoted from another paper.
    `std`: sample standard deviation over the `num_seeds` finished seeds.
    """

    panel: str
    row: str
    column: str
    x: str
    origin: Origin
    y: float
    std: float | None
    num_seeds: int
    released: bool
    scale: str
    published: bool


def bars(report: Report, figure: Bars) -> list[Bar]:
    """Bars of all panels. Cells without a number are left out."""
    return [bar for panel in figure.panels for bar in bars_of(report, panel)]


def bars_of(report: Report, panel: BarPanel) -> Iterator[Bar]:
    """Bars of a panel, group by group."""
    rows = {row.row.key: row for row in report.rows}
    for column, tick in zip(panel.columns, panel.ticks, strict=True):
        for row in (rows[key] for key in panel.rows if key in rows):
            cell = next(cell for cell in row.cells if cell.column == column)
            for origin, number in _numbers(row, cell):
                is_ours = origin == "ours"
                yield Bar(
                    panel=panel.title,
                    row=row.row.key,
                    column=column,
                    x=tick,
                    origin=origin,
                    y=round(number, 10),
                    std=round(cell.std, 10) if is_ours and cell.std is not None else None,
                    num_seeds=cell.num_seeds if is_ours else 0,
                    released=is_ours and cell.released,
                    scale=report.scale.name,
                    published=is_ours and cell.published,
                )


def _numbers(row: ReportRow, cell: ReportCell) -> Iterator[tuple[Origin, float]]:
    """Numbers of a cell with their origins, from left to right."""
    if row.row.quoted:
        number = quoted_number(cell)
        if number is not None:
            yield "quoted", float(number)
        return
    if isinstance(cell.value, int | float):
        yield "ours", float(cell.value)
    if isinstance(cell.printed, int | float):
        yield "printed", float(cell.printed)


class BarPanels(Drawer):
    """Draws panels of bars."""

    def __init__(self, report: Report, figure: Bars) -> None:
        super().__init__(report)
        self.figure = figure

    def has_content(self) -> bool:
        return any(bar.origin == "ours" for bar in bars(self.report, self.figure))

    def data(self) -> str:
        return csv_text(Bar._fields, bars(self.report, self.figure))

    def draw(self, notice: str | None) -> "Figure":
        panels = self.figure.panels
        colours = dict(zip(dict.fromkeys(self.figure.rows), cycle(COLOURS), strict=False))
        figure = empty_figure(4.6 * len(panels), 4.6, notice)
        for axis, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axis, panel, self.report, colours)
        return figure


def _draw(axis: "Axes", panel: BarPanel, report: Report, colours: Mapping[str, str]) -> None:
    """Groups of a panel. Printed and quoted values are hatched.

    Args:
        colours: colour of each row.
    """
    found, names = list(bars_of(report, panel)), row_names(report.table)
    series = [
        (row, origin)
        for row in panel.rows
        for origin in ("ours", "printed", "quoted")
        if any((bar.row, bar.origin) == (row, origin) for bar in found)
    ]
    width = GROUP / max(1, len(series))
    for index, (row, origin) in enumerate(series):
        own = [bar for bar in found if (bar.row, bar.origin) == (row, origin)]
        centres = [panel.columns.index(bar.column) - GROUP / 2 + width * (index + 0.5) for bar in own]
        drawn = axis.bar(
            centres,
            [bar.y for bar in own],
            width,
            yerr=[bar.std or 0.0 for bar in own] if any(bar.std for bar in own) else None,
            capsize=3,
            color=colours[row] if origin == "ours" else "white",
            edgecolor=colours[row],
            hatch=None if origin == "ours" else "////",
            label=f"{names[row]} ({origin})",
        )
        axis.bar_label(drawn, fmt="%.1f", padding=2, fontsize="small")
    axis.set_title(panel.title)
    axis.set_ylabel(fill(panel.y_label, LABEL))
    axis.set_xticks(range(len(panel.columns)), panel.ticks)
    axis.margins(y=0.1)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), fontsize="small", frameon=False)
