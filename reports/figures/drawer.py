"""Interface of drawers. Each type of figure in experiments/spec/figures.py has one, see `DRAWERS`."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from reports.pages.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawer(ABC):
    """Draws the figure of a report.

    `saves_data`: whether the plotted data are saved with the picture, as CSV.
    `column`: key of the column whose runs have one picture each; None if there is no such column.
    """

    saves_data: bool = True
    column: str | None = None

    def __init__(self, report: Report) -> None:
        self.report = report

    @abstractmethod
    def has_content(self) -> bool:
        """Whether there are results to draw."""

    @abstractmethod
    def data(self) -> str:
        """Everything that determines the picture, as text; as CSV if `saves_data`."""

    @abstractmethod
    def draw(self, notice: str | None) -> "Figure":
        """Matplotlib figure.

        Args:
            notice: warning shown in red at the bottom.
        """

    def explanation(self) -> str:
        """What marks and numbers of the picture mean, in one paragraph; empty if its legend and axes say it."""
        return ""

    def text(self) -> str:
        return ""

    def provenance_lines(self) -> list[str]:
        """Provenance of the data, one line per row; empty if the footer contains it."""
        return []

    def of_row(self, key: str) -> "Drawer | None":
        """Drawer of the part of the figure that shows one row, given its key; None if there is no such part."""
        return None
