"""Interface of drawers. Each type of figure in experiments/spec/figures.py has one, and tables without a figure."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from reports.pages.markup import Markdown
from reports.pages.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawer(ABC):
    """Draws a report."""

    column: str | None = None
    """Key of the column whose runs have one picture each; None if there is no such column."""

    def __init__(self, report: Report) -> None:
        self.report = report

    @abstractmethod
    def has_content(self) -> bool:
        """Whether there are results to draw."""

    @abstractmethod
    def draw(self, notice: str | None) -> "Figure":
        """Matplotlib figure.

        Args:
            notice: warning shown in red at the bottom.
        """

    def data(self) -> str | None:
        """Plotted data as CSV, saved beside the picture; None if the page has them."""
        return None

    def shown_columns(self) -> tuple[str, ...]:
        """Keys of the columns whose values are drawn."""
        figure = self.report.table.figure
        return figure.columns if figure is not None else ()

    def warnings(self) -> list[str]:
        """Warnings below the picture, besides those that all pictures have."""
        return []

    def explanation(self) -> str:
        """What marks and numbers of the picture mean, in one paragraph; empty if its legend and axes say it."""
        return ""

    def text(self, markup: Markdown) -> str:
        """Table of what the picture shows; empty if the table of the report says it."""
        return ""

    def provenance_lines(self) -> list[str]:
        """Provenance of the data, one line per row; empty if the page has it."""
        return []

    def of_row(self, key: str) -> "Drawer | None":
        """Drawer of the part of the figure that shows one row, given its key; None if there is no such part."""
        return None
