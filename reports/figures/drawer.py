"""Interface of drawers. Each type of figure in experiments/spec/figures.py has one, and tables without a figure."""

import io
from abc import ABC, abstractmethod
from textwrap import fill
from typing import TYPE_CHECKING

from reports.pages.markup import Markdown
from reports.pages.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The colours of Okabe and Ito can be distinguished by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
CHARACTERS = 13  # of a notice per inch
LINE = 0.16  # height of a line of a notice in inches


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
        """Matplotlib figure, with a notice at the bottom."""

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


def empty_figure(width: float, height: float, notice: str | None, dpi: int = 150) -> "Figure":
    """Figure of `width` x `height` inches with the notice, if there is one, in red at the bottom.

    The notice is wrapped to the width. The figure becomes higher with each line after the first.
    """
    from matplotlib.figure import Figure  # takes a second to import

    limit = int(CHARACTERS * width)
    text = "\n".join(fill(line, limit, break_on_hyphens=False) for line in (notice or "").splitlines())
    figure = Figure(figsize=(width, height + LINE * text.count("\n")), dpi=dpi, layout="constrained")
    if text:
        figure.supxlabel(text, fontsize="small", color="#B00000")
    return figure


def png(figure: "Figure") -> bytes:
    """Figure as PNG. Date and matplotlib version are left out: equal figures give equal bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
