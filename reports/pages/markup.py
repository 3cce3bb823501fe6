"""Markup languages of reports: styles of labels and cells, and blocks of a page."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tabulate import tabulate

from experiments.spec.table import Bold, Value, one_line, printed_style
from reports.pages.report import Report, ReportCell, ReportRow
from reports.pages.table_texts import (
    DASH,
    best_text,
    in_brackets,
    legend,
    ours_text,
    printed_text,
    shown_headers,
    shown_labels,
    shown_styles,
)

ROOT = Path(__file__).resolve().parents[2]
Alignment = Literal["left", "center", "right"]


class Markup(ABC):
    """Markup language. Templates of its styles take escaped text."""

    BOLD: str
    ITALIC: str
    UNDERLINED: str

    @abstractmethod
    def escaped(self, text: str) -> str:
        """Plain text with the special characters of this markup escaped."""

    def code(self, sign: str) -> str:
        """Plain text as code, where this markup has it."""
        return self.escaped(sign)

    def bold(self, text: str) -> str:
        return self.BOLD.format(text)

    def italic(self, text: str) -> str:
        return self.ITALIC.format(text)

    def underlined(self, text: str) -> str:
        return self.UNDERLINED.format(text)

    def legend(self, report: Report) -> str:
        """Signs and styles of a table with their meanings in one sentence; empty without any."""
        notes = [f"{self.code(sign)} {self.escaped(meaning)}" for sign, meaning in legend(report)]
        if any(row.row.quoted for row in report.rows):
            notes.append(f"{self.italic('italic')} rows are quoted by the paper from others, not measured here")
        if (best := best_text(report)) is not None:
            notes.append(f"{self.bold('bold')} values are {best}")
        if styles := shown_styles(report):
            texts = [{"bold": self.bold, "underlined": self.underlined}[style](style) for style in styles]
            notes.append(f"printed numbers are {' or '.join(texts)} as in the paper")
        measured = dict.fromkeys(
            (one_line(cell.column.header), cell.measurement.record["hardware"])
            for cell in report.cells
            if cell.measurement is not None
        )
        notes += [self.escaped(f"{header} measured on {hardware}") for header, hardware in measured]
        return "; ".join(notes) + "." if notes else ""

    def lines(self, report: Report) -> list[list[str]]:
        return [
            [*(self.label(row, index, text) for index, text in enumerate(labels)), *map(self.cell, row.cells)]
            for row, labels in zip(report.rows, shown_labels(report), strict=True)
        ]

    def label(self, row: ReportRow, index: int, text: str) -> str:
        """Label of a row. Quoted rows are in italics; labels that the paper prints in bold are bold."""
        label = row.row.labels[index]
        return self._styled(text, italic=isinstance(label, str) and row.row.quoted, bold=isinstance(label, Bold))

    def cell(self, cell: ReportCell) -> str:
        """Cell, `ours (printed)`. Quoted values are in italics; the best measured value of a column is bold.

        Printed numbers have the style that they have in the paper.
        """
        ours, printed = ours_text(cell), printed_text(cell)
        if cell.state == "quoted" and not printed:
            shown = self.printed(ours, cell.printed)
            return self.italic(shown) if cell.printed is not None else shown
        ours = self._styled(ours, italic=cell.state == "quoted", bold=cell.best)
        return f"{ours} {in_brackets(self.printed(printed, cell.printed))}" if printed else ours

    def printed(self, text: str, value: Value) -> str:
        styles = {"bold": self.bold, "underlined": self.underlined, None: str}
        return styles[printed_style(value)](self.escaped(text))

    def _styled(self, text: str, *, italic: bool, bold: bool) -> str:
        if not text or text == DASH:
            return self.escaped(text)
        escaped = self.escaped(text)
        return self.italic(escaped) if italic else self.bold(escaped) if bold else escaped


class Markdown(Markup):
    """Markdown, with links that start from a folder."""

    BOLD, ITALIC, UNDERLINED = "**{}**", "*{}*", "<ins>{}</ins>"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def escaped(self, text: str) -> str:
        return re.sub(r"[\\|*<`]", r"\\\g<0>", text)

    def code(self, sign: str) -> str:
        return f"`{sign}`"

    def address(self, file: Path) -> str:
        return quote(Path(os.path.relpath(file, self.folder)).as_posix())

    def link(self, text: str, file: Path) -> str:
        return f"[{text}]({self.address(file)})"

    def file_link(self, file: Path) -> str:
        """Link to a file of the repository, or the name of a file elsewhere."""
        inside = file.is_relative_to(ROOT)
        return self.link(file.relative_to(ROOT).as_posix(), file) if inside else f"{file.name} of the paper's folder"

    def picture(self, text: str, file: Path) -> str:
        return f"![{self.escaped(text)}]({self.address(file)})"

    def heading(self, level: int, text: str) -> str:
        return f"{'#' * level} {text}"

    def paragraph(self, text: str) -> str:
        """Paragraph of escaped text; empty without any."""
        return text

    def items(self, lines: Sequence[str]) -> str:
        return "\n".join(f"- {line}" for line in lines)

    def table(
        self,
        headers: Sequence[Sequence[str]],
        lines: Sequence[Sequence[str]],
        align: Sequence[str] = (),
        num_labels: int = 1,
    ) -> str:
        """Table of escaped cells.

        Args:
            headers: plain headers, line by line, those of several columns on each of them. Markdown has one line; the
                others are bold.
            num_labels: number of columns that name a row.
        """
        top, *lower = shown_headers(headers)
        body = [[self.bold(self.escaped(text)) if text else "" for text in line] for line in lower]
        escaped = [self.escaped(text) for text in top]
        columns = align or ["left"] * len(top)
        return tabulate([*body, *lines], escaped, tablefmt="pipe", disable_numparse=True, colalign=columns)

    def folded(self, summary: str, *parts: str) -> str:
        """Blocks that a click on the summary shows; empty without any."""
        shown = [part for part in parts if part]
        return "\n\n".join([f"<details><summary>{summary}</summary>", *shown, "</details>"]) if shown else ""


class Unlinked(Markdown):
    """Markdown for viewers without files and folds, as TensorBoard is."""

    UNDERLINED = "_{}_"

    def __init__(self) -> None:
        super().__init__(ROOT)

    def link(self, text: str, file: Path) -> str:
        return text

    def picture(self, text: str, file: Path) -> str:
        return ""

    def folded(self, summary: str, *parts: str) -> str:
        shown = [part for part in parts if part]
        return "\n\n".join([self.heading(3, summary), *shown]) if shown else ""


def alignments(report: Report) -> list[Alignment]:
    """Alignment of each column: left for texts, centre for signs, right for numbers."""
    labels = zip(*(row.row.labels for row in report.rows), strict=True)
    printed = ([cell.printed for cell in report.column(column.key)] for column in report.table.columns)
    return [
        *("left" if any(isinstance(label, str) for label in column) else "center" for column in labels),
        *("left" if any(isinstance(value, str) for value in column) else "right" for column in printed),
    ]
