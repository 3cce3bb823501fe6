"""Report as a LaTeX table, by pandas."""

import re
import textwrap
from collections.abc import Sequence
from itertools import groupby

import pandas as pd

from reports.pages.layout import (
    best_text,
    cell_text,
    header_levels,
    legend,
    shown_labels,
    shown_styles,
    shows_printed,
    warning,
)
from reports.pages.markup import Alignment, Markup, alignments
from reports.pages.report import Report

# fmt: off
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "✓": r"$\checkmark$", "✗": r"$\times$", "–": "--", "…": r"\dots{}", "±": r"$\pm$", "×": r"$\times$",
    "†": r"$^\dagger$", "‡": r"$^\ddagger$", "§": r"$^\S$", "‖": r"$^\|$", "−": r"$-$",
    "²": r"$^2$", "⁶": r"$^6$", "⁹": r"$^9$", "ₘ": r"$_m$",
    "₁": r"$_1$", "₂": r"$_2$", "Δ": r"$\Delta$", "β": r"$\beta$", "ρ": r"$\rho$",
    "→": r"$\rightarrow$", "·": r"$\cdot$",
}
# fmt: on


# Packages that a document needs.
PREAMBLE = r"% \usepackage[T1]{fontenc} \usepackage{amssymb,array,booktabs,graphicx}"
# Tables wider than a column of a two-column page shrink to it, or span both columns if they would become too small.
SPANNING = 60  # characters of a row from which a table spans both columns
LEAST_WIDTH = 12  # characters of a line of a header
LONG = 40  # characters of a cell from which the texts of its column are broken into lines
BROKEN = r">{\raggedright\arraybackslash}p{16em}"
FIT = r"\resizebox{\ifdim\width>\linewidth \linewidth\else\width\fi}{!}{%"


def latex(report: Report) -> str:
    """Booktabs table in the paper's layout, no wider than its column. Best values are bold, quoted rows in italics.

    The notes stand below the table, so that the caption stays short.
    """
    table, markup = report.table, Latex()
    lines = [
        [*(markup.label(row, i, text) for i, text in enumerate(labels)), *map(markup.cell, row.cells, table.columns)]
        for row, labels in zip(report.rows, shown_labels(report), strict=True)
    ]
    body, headers = _body_widths(report), header_levels(table)
    broken = [_broken(level, spans, body) for level, spans in zip(headers, _spans(headers), strict=True)]
    widths = [max(width, *map(len, header)) for width, header in zip(body, broken[-1], strict=True)]
    types = [_column_type(*pair) for pair in zip(alignments(report), widths, strict=True)]
    levels = [[markup.header_lines(lines, t) for lines, t in zip(level, types, strict=True)] for level in broken]
    columns = pd.Index(levels[0]) if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)
    tabular = pd.DataFrame(lines, columns=columns).to_latex(
        index=False,
        escape=False,
        multicolumn_format="c",
        column_format="@{}" + "".join(types) + "@{}",
    )
    characters = sum(LONG if kind == BROKEN else width for kind, width in zip(types, widths, strict=True))
    environment = "table*" if characters > SPANNING else "table"
    return "\n".join(
        [
            PREAMBLE,
            rf"\begin{{{environment}}}[t]",
            r"\centering",
            r"\setlength{\belowcaptionskip}{4pt}",
            rf"\caption{{{markup.escaped(table.caption)} ({markup.escaped(table.source)}).}}",
            rf"\label{{tab:{table.name.replace('/', '-')}-{report.scale.name}}}",
            r"\footnotesize",
            r"\setlength{\tabcolsep}{4pt}",
            FIT,
            _with_group_rules(tabular, levels).rstrip() + "}",
            r"\par\smallskip",
            rf"\parbox{{\linewidth}}{{\scriptsize {' '.join(_notes(report, markup))}}}",
            rf"\end{{{environment}}}",
            "",
        ]
    )


def _column_type(alignment: Alignment, width: int) -> str:
    return BROKEN if alignment == "left" and width > LONG else alignment[0]


def _body_widths(report: Report) -> list[int]:
    """Characters of the widest text of each column below its headers."""
    table = report.table
    rows = [
        [*labels, *(cell_text(cell, column) for cell, column in zip(row.cells, table.columns, strict=True))]
        for row, labels in zip(report.rows, shown_labels(report), strict=True)
    ]
    return [max(map(len, texts), default=0) for texts in zip(*rows, strict=True)]


def _spans(levels: Sequence[Sequence[str]]) -> list[list[int]]:
    """Number of columns that share each header, and those above it."""
    found = []
    for depth in range(1, len(levels) + 1):
        sizes = (len(list(group)) for _, group in groupby(zip(*levels[:depth], strict=True)))
        found.append([size for size in sizes for _ in range(size)])
    return found


def _broken(level: Sequence[str], spans: list[int], widths: list[int]) -> list[list[str]]:
    """Lines of each header: those of a single column are broken at the width of its texts."""
    return [
        textwrap.wrap(text, max(width, LEAST_WIDTH), break_long_words=False) if span == 1 else [text]
        for text, span, width in zip(level, spans, widths, strict=True)
    ]


def _with_group_rules(tabular: str, levels: list[list[str]]) -> str:
    r"""Tabular with a \cmidrule under each header of several columns."""
    lines = tabular.splitlines()
    top = lines.index(r"\toprule")
    for depth in reversed(range(1, len(levels))):
        groups = groupby(enumerate(zip(*levels[:depth], strict=True), start=1), key=lambda numbered: numbered[1])
        spans = [(headers[-1], [number for number, _ in group]) for headers, group in groups]
        rules = [rf"\cmidrule(lr){{{numbers[0]}-{numbers[-1]}}}" for header, numbers in spans if header]
        lines[top + 1 + depth : top + 1 + depth] = rules
    return "\n".join(lines)


def _notes(report: Report, markup: "Latex") -> list[str]:
    """Sentences below the table: scale, meaning of a cell, warning, signs and styles."""
    cells = "ours (printed)" if shows_printed(report) else "ours"
    notes = [
        f"Scale {report.scale.name}: {cells}.",
        *([markup.escaped(notice.replace("`", ""))] if (notice := warning(report)) else []),
    ]
    notes += [f"{markup.escaped(sign)}: {markup.escaped(meaning)}." for sign, meaning in legend(report)]
    if any(row.row.quoted for row in report.rows):
        notes.append("Rows in italics are quoted by the paper from others, not measured here.")
    if (best := best_text(report)) is not None:
        notes.append(f"Bold values are {best}.")
    if styles := shown_styles(report):
        notes.append(f"Printed numbers are {' or '.join(styles)} as in the paper.")
    return notes


class Latex(Markup):
    """LaTeX."""

    def escaped(self, text: str) -> str:
        return "".join(LATEX.get(character, r"\_" if character == "_" else character) for character in text)

    def bold(self, text: str) -> str:
        return f"\\textbf{{{text}}}"

    def italic(self, text: str) -> str:
        return f"\\textit{{{text}}}"

    def underlined(self, text: str) -> str:
        return f"\\underline{{{text}}}"

    def header_lines(self, lines: list[str], column_type: str) -> str:
        """Header of one or more lines above a column of this type."""
        if len(lines) < 2:
            return self.header("".join(lines))
        position = column_type if column_type in ("r", "c") else "l"
        stacked = r" \\ ".join(map(self.header, lines))
        return rf"\shortstack[{position}]{{{stacked}}}"

    def header(self, text: str) -> str:
        """Header. Text after an underscore becomes a subscript, as in Norm_ST."""
        marked = re.sub(r"(?<=\w)_(\w+)", "\0\\1\1", text)
        return self.escaped(marked).replace("\0", r"\textsubscript{").replace("\1", "}")
