"""The interface of the drawers of figures: one for each kind of figure in experiments/spec/figures.py."""

from abc import ABC, abstractmethod

from matplotlib.figure import Figure

from reports.report import Report


class Drawer(ABC):
    """Draws the figure of a report.

    `keeps_data`: whether the data of the picture are kept beside it as CSV.
    `column`: key of the column whose runs have pictures of their own, if any.
    """

    keeps_data: bool = True
    column: str | None = None

    def __init__(self, report: Report) -> None:
        self.report = report

    @abstractmethod
    def has_content(self) -> bool:
        """Whether there is anything to draw yet."""

    @abstractmethod
    def data(self) -> str:
        """All that the picture depends on, as text; CSV where it is kept."""

    @abstractmethod
    def draw(self, notice: str | None) -> Figure:
        """The picture.

        Args:
            notice: what a reader must know before looking, in red at the bottom.
        """

    def text(self) -> str:
        """Markdown that stands below the picture."""
        return ""

    def provenance_lines(self) -> list[str]:
        """The provenance of the picture's data, a line a row, where the footer does not tell it."""
        return []

    def of_row(self, key: str) -> "Drawer | None":
        """The drawer of the part of the picture that shows one row, by the row's key; None where it shows no part."""
        return None
