"""Base class of markup languages: styles of labels and cells. Alignment of columns."""

from abc import ABC, abstractmethod
from typing import Literal

from experiments.spec.table import Bold, Column, Value, printed_style
from reports.pages.layout import DASH, in_brackets, ours_text, printed_text
from reports.pages.report import Report, ReportCell, ReportRow

Alignment = Literal["left", "center", "right"]


class Markup(ABC):
    """Markup language."""

    @abstractmethod
    def escaped(self, text: str) -> str:
        """Plain text with the special characters of this markup escaped."""

    @abstractmethod
    def bold(self, text: str) -> str:
        """Escaped text in bold."""

    @abstractmethod
    def italic(self, text: str) -> str:
        """Escaped text in italics."""

    @abstractmethod
    def underlined(self, text: str) -> str:
        """Escaped text underlined."""

    def label(self, row: ReportRow, index: int, text: str) -> str:
        """Label of a row. Quoted rows are in italics; labels that the paper prints in bold are bold."""
        label = row.row.labels[index]
        return self._styled(text, italic=isinstance(label, str) and row.row.quoted, bold=isinstance(label, Bold))

    def cell(self, cell: ReportCell, column: Column) -> str:
        """Cell, `ours (printed)`. Quoted values are in italics; the best measured value of a column is bold.

        Printed numbers have the style that they have in the paper.
        """
        ours, printed = ours_text(cell, column), printed_text(cell, column)
        if cell.state == "quoted" and not printed:
            shown = self.printed(ours, cell.printed)
            return self.italic(shown) if cell.printed is not None else shown
        ours = self._styled(ours, italic=cell.state == "quoted", bold=cell.best)
        return f"{ours} {in_brackets(self.printed(printed, cell.printed))}" if printed else ours

    def printed(self, text: str, value: Value) -> str:
        """Text of a printed value in its style."""
        styles = {"bold": self.bold, "underlined": self.underlined, None: str}
        return styles[printed_style(value)](self.escaped(text))

    def _styled(self, text: str, *, italic: bool, bold: bool) -> str:
        if not text or text == DASH:
            return self.escaped(text)
        escaped = self.escaped(text)
        return self.italic(escaped) if italic else self.bold(escaped) if bold else escaped


def alignments(report: Report) -> list[Alignment]:
    """Alignment of each column: left for texts, centre for signs, right for numbers."""
    labels = zip(*(row.row.labels for row in report.rows), strict=True)
    printed = zip(*((cell.printed for cell in row.cells) for row in report.rows), strict=True)
    return [
        *("left" if any(isinstance(label, str) for label in column) else "center" for column in labels),
        *("left" if any(isinstance(value, str) for value in column) else "right" for column in printed),
    ]
