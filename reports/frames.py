"""A report as a pandas frame, and the formats that pandas writes: CSV and LaTeX."""

import re

import pandas as pd

from experiments.table import Column, Difference
from reports.layout import header_levels, legend, ours_text, printed_text, prints_numbers, shown_labels, warning
from reports.report import Report, ReportCell, ReportRow

# fmt: off
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "✓": r"$\checkmark$", "✗": r"$\times$", "–": "--", "…": r"\dots{}", "±": r"$\pm$", "×": r"$\times$",
    "†": r"$^\dagger$", "²": r"$^2$", "Δ": r"$\Delta$", "→": r"$\rightarrow$", "·": r"$\cdot$",
}
# fmt: on


def frame(report: Report) -> pd.DataFrame:
    """One line a row: key, labels, then for each column our value, how it came about, and the printed one."""
    table = report.table
    lines = []
    for row in report.rows:
        line: dict[str, object] = {"row": row.row.key, **dict(zip(table.labels, row.row.labels, strict=True))}
        for cell in row.cells:
            line[cell.column] = cell.value
            line[f"{cell.column}:std"] = cell.std
            line[f"{cell.column}:num_seeds"] = cell.num_seeds
            line[f"{cell.column}:state"] = cell.state
            line[f"{cell.column}:released"] = cell.released
            line[f"{cell.column}:printed"] = cell.printed
        lines.append(line)
    data = pd.DataFrame(lines, dtype=object)
    data.insert(0, "scale", report.scale.name)
    data.insert(0, "table", table.name)
    return data


def comma_separated(report: Report) -> str:
    """The frame as CSV: values in full, ticks as True and False."""
    return frame(report).to_csv(index=False)


def latex(report: Report) -> str:
    """A booktabs table in the paper's layout: bold for the best, italic for what is quoted.

    It needs the packages booktabs and amssymb, and T1 fonts.
    """
    table = report.table
    lines = [
        [*(_label(row, i, text) for i, text in enumerate(labels)), *map(_cell, row.cells, table.columns)]
        for row, labels in zip(report.rows, shown_labels(report.rows), strict=True)
    ]
    levels = [[_header(text) for text in level] for level in header_levels(table)]
    columns = pd.Index(levels[0]) if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)
    notes = [f"{_escape(sign)}: {_escape(meaning)}." for sign, meaning in legend(report)]
    if any(row.row.quoted for row in report.rows):
        notes.append("Rows in italics are quoted by the paper from others, not measured here.")
    notice = warning(report)
    cells = "ours (printed)" if prints_numbers(report) else "ours"
    caption = " ".join(
        [f"{_escape(table.caption)} ({_escape(table.source)}), scale {report.scale.name}: {cells}."]
        + ([_escape(notice)] if notice else [])
        + notes
    )
    text = pd.DataFrame(lines, columns=columns).to_latex(
        index=False,
        escape=False,
        multicolumn_format="c",
        column_format="".join(_column_format(report)),
        caption=caption,
        label=f"tab:{table.name.replace('/', '-')}-{report.scale.name}",
        position="t",
    )
    return "% \\usepackage[T1]{fontenc} \\usepackage{booktabs,amssymb}\n" + text


def _column_format(report: Report) -> list[str]:
    labels = zip(*(row.row.labels for row in report.rows), strict=True)
    printed = zip(*((cell.printed for cell in row.cells) for row in report.rows), strict=True)
    return [
        *("l" if any(isinstance(label, str) for label in column) else "c" for column in labels),
        *("l" if any(isinstance(value, str) for value in column) else "r" for column in printed),
    ]


def _label(row: ReportRow, index: int, text: str) -> str:
    style = "textit" if row.row.quoted else "textbf" if row.row.bold and index == 0 else ""
    return _styled(_escape(text), style if isinstance(row.row.labels[index], str) else "")


def _cell(cell: ReportCell, column: Column | Difference) -> str:
    ours = _styled(
        _escape(ours_text(cell, column)), "textit" if cell.state == "quoted" else "textbf" if cell.best else ""
    )
    printed = _escape(printed_text(cell, column))
    return f"{ours} ({printed})" if printed else ours


def _header(text: str) -> str:
    """A header; what follows an underscore is a subscript, as in Norm_ST."""
    return _escape(re.sub(r"(?<=\w)_(\w+)", "\0\\1\1", text)).replace("\0", r"\textsubscript{").replace("\1", "}")


def _escape(text: str) -> str:
    return "".join(LATEX.get(character, r"\_" if character == "_" else character) for character in text)


def _styled(text: str, style: str) -> str:
    return f"\\{style}{{{text}}}" if text and style else text
