"""Report as markdown: figure, table in the paper's layout, legend, claims and footer."""

from pathlib import Path

from tabulate import tabulate

from experiments.spec.scales import Scale
from experiments.spec.table import Table
from reports.claims import claim_text
from reports.figures import figures
from reports.pages.layout import (
    best_text,
    legend,
    prints_numbers,
    shown_headers,
    shown_labels,
    shown_styles,
    shows_printed,
    untested,
    warning,
)
from reports.pages.markdown_footer import footer
from reports.pages.markdown_markup import MARKDOWN, ROOT, folded, link
from reports.pages.markup import alignments
from reports.pages.report import Report

TABLES = ROOT / "reports" / "tables"


def report_path(table: Table, scale: Scale, root: Path | None = None) -> Path:
    """Path of the saved report of a table: `<paper>/<table>.<scale>.md`.

    Args:
        root: directory of reports; by default that of the committed ones.
    """
    return (root or TABLES) / f"{table.name}.{scale.name}.md"


def markdown(report: Report, path: Path | None = None, folder: Path | None = None) -> str:
    """Report as markdown, ending in a newline.

    Args:
        path: file of the report, with its picture and data beside it; by default the committed one.
        folder: directory that links start from; by default that of the file.
    """
    path = path or report_path(report.table, report.scale)
    folder = folder or path.parent
    table, scale = report.table, report.scale
    notice = " ".join(filter(None, [warning(report), untested(report)]))
    parts = [
        f"# {table.name} at scale `{scale.name}`: {MARKDOWN.escaped(table.caption)}",
        f"> **Scale `{scale.name}`.** {notice}" if notice else "",
        f"{table.source}. {_cell_note(report)}",
        _picture(report, path, folder),
        _table(report),
        _legend(report),
        _plot(report, path, folder),
        _claims(report),
        footer(report, folder),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell_note(report: Report) -> str:
    """Sentence on the meaning of a cell."""
    cells = "A cell reads `ours (printed)`." if shows_printed(report) else "All numbers are ours."
    if not prints_numbers(report):
        cells = "All numbers are ours; the paper prints none."
    if report.facts.changes:
        cells += " Labels describe the paper's models; the end of this page lists what is changed in them."
    return cells


def _picture(report: Report, path: Path, folder: Path) -> str:
    """Link to the saved picture with its data, its explanation, the text of the figure, and the folded provenance."""
    drawer = figures.drawer(report)
    if drawer is None:
        return ""
    paths = figures.files(report, path) if report.whole else {}
    parts = []
    if paths:
        data = f"\n\nDrawn from {link(paths['data'].name, paths['data'], folder)}." if "data" in paths else ""
        parts += [
            f"!{link(MARKDOWN.escaped(report.table.caption), paths['picture'], folder)}{data}",
            drawer.explanation(),
        ]
    parts.append(drawer.text())
    if paths:
        lines = "\n".join(f"- {MARKDOWN.escaped(line)}" for line in drawer.provenance_lines())
        parts.append(folded("Origin of the picture", lines))
    return "\n\n".join(filter(None, parts))


def _plot(report: Report, path: Path, folder: Path) -> str:
    """Folded plot of a table without a figure, if it is saved beside the report."""
    picture = path.with_suffix(".png")
    if not report.whole or report.table.figure is not None or not picture.exists():
        return ""
    return folded("Plot", f"!{link(MARKDOWN.escaped(report.table.caption), picture, folder)}")


def _table(report: Report) -> str:
    table = report.table
    top, *lower = shown_headers(table)
    body = [[MARKDOWN.bold(MARKDOWN.escaped(text)) if text else "" for text in line] for line in lower]
    for row, labels in zip(report.rows, shown_labels(report), strict=True):
        texts = [MARKDOWN.label(row, index, text) for index, text in enumerate(labels)]
        body.append([*texts, *map(MARKDOWN.cell, row.cells, table.columns)])
    headers = [MARKDOWN.escaped(text) for text in top]
    return tabulate(body, headers, tablefmt="pipe", disable_numparse=True, colalign=alignments(report))


def _legend(report: Report) -> str:
    signs = [f"`{sign}` {MARKDOWN.escaped(meaning)}" for sign, meaning in legend(report)]
    if any(row.row.quoted for row in report.rows):
        signs.append("*italic* rows are quoted by the paper from others, not measured here")
    if (best := best_text(report)) is not None:
        signs.append(f"**bold** values are {best}")
    if styles := shown_styles(report):
        texts = [{"bold": MARKDOWN.bold, "underlined": MARKDOWN.underlined}[style](style) for style in styles]
        signs.append(f"printed numbers are {' or '.join(texts)} as in the paper")
    return "; ".join(signs) + "." if signs else ""


def _claims(report: Report) -> str:
    """Verdicts on what the paper concludes from the table."""
    if not report.claims:
        return ""
    lines = [
        [MARKDOWN.escaped(claim), f"`{comparison}`", *map(MARKDOWN.escaped, others)]
        for claim, comparison, *others in claim_text.lines(report.claims)
    ]
    text = tabulate(lines, claim_text.HEADERS, tablefmt="pipe", disable_numparse=True)
    caution = claim_text.caution(report.overrides)
    method = folded("How claims are judged", " ".join(claim_text.method(report.claims, report.facts.unit)))
    return "\n\n".join(filter(None, ["## What the paper concludes", text, caution, method]))
