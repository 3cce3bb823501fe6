"""Report as a LaTeX table."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from reports.pages.markup import Alignment, Markup, alignments
from reports.pages.report import Report
from reports.pages.table_texts import cell_text, header_levels, shown_labels, shows_printed, warning

# fmt: off
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "{": r"\{", "}": r"\}", "_": r"\_",
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
FIT = r"\resizebox{\ifdim\width>\linewidth \linewidth\else\width\fi}{!}{%"


class Latex(Markup):
    BOLD, ITALIC, UNDERLINED = r"\textbf{{{}}}", r"\textit{{{}}}", r"\underline{{{}}}"

    def escaped(self, text: str) -> str:
        return "".join(LATEX.get(character, character) for character in text)

    def header(self, text: str) -> str:
        """Header. Text after an underscore becomes a subscript, as in Norm_ST."""
        marked = re.sub(r"(?<=\w)_(\w+)", "\0\\1\1", text)
        return self.escaped(marked).replace("\0", r"\textsubscript{").replace("\1", "}")


def latex(report: Report) -> str:
    """Booktabs table in the paper's layout, no wider than its column. Best values are bold, quoted rows in italics.

    The notes stand below the table, so that the caption stays short.
    """
    table, markup = report.table, Latex()
    cells = "ours (printed)" if shows_printed(report) else "ours"
    notes = [f"Scale {report.scale.name}: {cells}.", markup.escaped((warning(report) or "").replace("`", ""))]
    environment = "table*" if _width(report) > SPANNING else "table"
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
            *_tabular(header_levels(table), markup.lines(report), alignments(report), markup),
            r"\par\smallskip",
            rf"\parbox{{\linewidth}}{{\scriptsize {' '.join(filter(None, [*notes, markup.legend(report)]))}}}",
            rf"\end{{{environment}}}",
            "",
        ]
    )


def _width(report: Report) -> int:
    """Characters of the widest texts of all columns."""
    headers = header_levels(report.table)[-1]
    rows = [
        [*labels, *map(cell_text, row.cells)] for row, labels in zip(report.rows, shown_labels(report), strict=True)
    ]
    return sum(max(map(len, texts)) for texts in zip(headers, *rows, strict=True))


def _tabular(
    levels: Sequence[Sequence[str]], lines: Sequence[Sequence[str]], align: Sequence[Alignment], markup: Latex
) -> list[str]:
    """Lines of the tabular, with a rule under each header of several columns."""
    head = []
    for depth, level in enumerate(levels, start=1):
        if depth == len(levels):
            head.append(_line(map(markup.header, level)))
            continue
        groups = groupby(enumerate(zip(*levels[:depth], strict=True), start=1), key=lambda numbered: numbered[1])
        spans = [(headers[-1], [number for number, _ in group]) for headers, group in groups]
        head.append(_line(rf"\multicolumn{{{len(s)}}}{{c}}{{{markup.header(h)}}}" for h, s in spans))
        head += [rf"\cmidrule(lr){{{span[0]}-{span[-1]}}}" for header, span in spans if header]
    return [
        rf"\begin{{tabular}}{{@{{}}{''.join(kind[0] for kind in align)}@{{}}}}",
        r"\toprule",
        *head,
        r"\midrule",
        *map(_line, lines),
        r"\bottomrule",
        r"\end{tabular}}",
    ]


def _line(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"
