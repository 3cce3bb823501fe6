"""Report as a LaTeX table, by pandas."""

import re

import pandas as pd

from reports.layout import (
    best_text,
    header_levels,
    legend,
    prints_numbers,
    shown_labels,
    shows_underlined,
    warning,
)
from reports.markup import Markup, alignments
from reports.report import Report

# fmt: off
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "✓": r"$\checkmark$", "✗": r"$\times$", "–": "--", "…": r"\dots{}", "±": r"$\pm$", "×": r"$\times$",
    "†": r"$^\dagger$", "‡": r"$^\ddagger$", "§": r"\S{}", "¶": r"\P{}", "‖": r"$\|$",
    "²": r"$^2$", "₁": r"$_1$", "₂": r"$_2$", "Δ": r"$\Delta$", "β": r"$\beta$", "→": r"$\rightarrow$", "·": r"$\cdot$",
}
# fmt: on


def latex(report: Report) -> str:
    """Booktabs table in the paper's layout. The best values are bold, quoted rows are in italics.

    Requires the packages booktabs and amssymb, and T1 fonts.
    """
    table, markup = report.table, Latex()
    lines = [
        [*(markup.label(row, i, text) for i, text in enumerate(labels)), *map(markup.cell, row.cells, table.columns)]
        for row, labels in zip(report.rows, shown_labels(report), strict=True)
    ]
    levels = [[markup.header(text) for text in level] for level in header_levels(table)]
    columns = pd.Index(levels[0]) if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)
    notes = [f"{markup.escaped(sign)}: {markup.escaped(meaning)}." for sign, meaning in legend(report)]
    if any(row.row.quoted for row in report.rows):
        notes.append("Rows in italics are quoted by the paper from others, not measured here.")
    if (best := best_text(report)) is not None:
        notes.append(f"Bold values are {best}.")
    if shows_underlined(report):
        notes.append("Underlined numbers are underlined in the paper.")
    notice = warning(report)
    cells = "ours (printed)" if prints_numbers(report) else "ours"
    caption = " ".join(
        [f"{markup.escaped(table.caption)} ({markup.escaped(table.source)}), scale {report.scale.name}: {cells}."]
        + ([markup.escaped(notice)] if notice else [])
        + notes
    )
    text = pd.DataFrame(lines, columns=columns).to_latex(
        index=False,
        escape=False,
        multicolumn_format="c",
        column_format="".join(alignment[0] for alignment in alignments(report)),
        caption=caption,
        label=f"tab:{table.name.replace('/', '-')}-{report.scale.name}",
        position="t",
    )
    return "% \\usepackage[T1]{fontenc} \\usepackage{booktabs,amssymb}\n" + text


class Latex(Markup):
    """LaTeX."""

    def escaped(self, text: str) -> str:
        """Text with special characters replaced by commands."""
        return "".join(LATEX.get(character, r"\_" if character == "_" else character) for character in text)

    def bold(self, text: str) -> str:
        """Bold text."""
        return f"\\textbf{{{text}}}"

    def italic(self, text: str) -> str:
        """Text in italics."""
        return f"\\textit{{{text}}}"

    def underlined(self, text: str) -> str:
        """Underlined text."""
        return f"\\underline{{{text}}}"

    def header(self, text: str) -> str:
        """Header. Text after an underscore becomes a subscript, as in Norm_ST."""
        marked = re.sub(r"(?<=\w)_(\w+)", "\0\\1\1", text)
        return self.escaped(marked).replace("\0", r"\textsubscript{").replace("\1", "}")
