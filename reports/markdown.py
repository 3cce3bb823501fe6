"""Report as markdown: figure, table in the paper's layout, legend and footer."""

from pathlib import Path

from tabulate import tabulate

from experiments.spec.catalog import paper_readme
from reports import claim_text, figures
from reports.layout import legend, prints_numbers, shown_headers, shown_labels, warning
from reports.markup import Markup, alignments
from reports.report import Report

ROOT = Path(__file__).resolve().parent.parent
SEEDS_LINE = "- Seeds: "  # start of the line with the seeds of a report


class Markdown(Markup):
    """Markdown syntax."""

    def escaped(self, text: str) -> str:
        """Text with special characters escaped by backslashes."""
        for character in "\\|*<`":
            text = text.replace(character, f"\\{character}")
        return text

    def bold(self, text: str) -> str:
        """Bold text."""
        return f"**{text}**"

    def italic(self, text: str) -> str:
        """Text in italics."""
        return f"*{text}*"


MARKDOWN = Markdown()


def markdown(report: Report) -> str:
    """Report as markdown, ending in a newline."""
    table, scale = report.table, report.scale
    notice = warning(report)
    parts = [
        f"# {table.name} at scale `{scale.name}`: {MARKDOWN.escaped(table.caption)}",
        f"> **Scale `{scale.name}`.** {notice}" if notice else "",
        f"{table.source}. {_cell_note(report)}",
        _picture(report),
        _table(report),
        _legend(report),
        _claims(report),
        _footer(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell_note(report: Report) -> str:
    """Sentence on the meaning of a cell."""
    if prints_numbers(report):
        return "A measured cell reads `ours (printed)`."
    return "All numbers are ours; the paper prints none."


def _picture(report: Report) -> str:
    """Link to the saved picture with its data or their provenance, and the text of the figure."""
    drawer = figures.drawer(report)
    if drawer is None:
        return ""
    paths = figures.files(report, Path(f"{report.table.name}.{report.scale.name}.md")) if report.whole else {}
    parts = []
    if paths:
        data = f"\n\nDrawn from [{paths['data'].name}]({paths['data'].name})." if "data" in paths else ""
        lines = "".join(f"\n- {MARKDOWN.escaped(line)}" for line in drawer.provenance_lines())
        parts.append(
            f"![{MARKDOWN.escaped(report.table.caption)}]({paths['picture'].name}){data}"
            + (f"\n{lines}" if lines else "")
        )
    return "\n\n".join([*parts, *filter(None, [drawer.text()])])


def _table(report: Report) -> str:
    table = report.table
    top, *lower = shown_headers(table)
    body = [[MARKDOWN.bold(MARKDOWN.escaped(text)) if text else "" for text in line] for line in lower]
    for row, labels in zip(report.rows, shown_labels(report.rows), strict=True):
        texts = [MARKDOWN.label(row, index, text) for index, text in enumerate(labels)]
        body.append([*texts, *map(MARKDOWN.cell, row.cells, table.columns)])
    headers = [MARKDOWN.escaped(text) for text in top]
    return tabulate(body, headers, tablefmt="pipe", disable_numparse=True, colalign=alignments(report))


def _legend(report: Report) -> str:
    signs = [f"`{sign}` {MARKDOWN.escaped(meaning)}" for sign, meaning in legend(report)]
    if any(row.row.quoted for row in report.rows):
        signs.append("*italic* rows are quoted by the paper from others, not measured here")
    if any(cell.best for row in report.rows for cell in row.cells):
        signs.append("**bold** values are the best measured of their column")
    return "; ".join(signs) + "." if signs else ""


def _claims(report: Report) -> str:
    """Verdicts on what the paper concludes from the table."""
    if not report.claims:
        return ""
    lines = [[MARKDOWN.escaped(text) for text in line] for line in claim_text.lines(report.claims)]
    text = tabulate(lines, claim_text.HEADERS, tablefmt="pipe", disable_numparse=True)
    notes = " ".join(claim_text.notes(report.claims, report.scale, report.facts.unit))
    return f"## What the paper concludes\n\n{text}\n\n{notes}"


def _footer(report: Report) -> str:
    facts, scale = report.facts, report.scale
    paper = "The models and data sets of the paper" + (", but for the overrides." if report.overrides else ".")
    lines = [f"- Scale: {scale.name}. {warning(report) or paper}"]
    lines.append(f"{SEEDS_LINE}{', '.join(map(str, report.seeds))}")
    if facts.views:
        views = ", ".join(f"{name} {protocol}" for name, protocol in facts.views)
        lines.append(f"- Test views × crops: {views}")
        items = ", ".join(
            f"{name} {counts}" + (f" ({', '.join(cells)})" if cells else "") for name, counts, cells in facts.items
        )
        unit = facts.unit.capitalize()
        lines.append(f"- {unit} evaluated / failed / missing: {items or 'none, no run has finished'}")
    if facts.hardware:
        lines.append(f"- Hardware: {'; '.join(facts.hardware)}")
        lines.append(f"- Versions: {', '.join(f'{name} {version}' for name, version in facts.versions)}")
        lines.append(f"- Commit: {', '.join(facts.commits)}")
    lines += [f"- {cost}" for cost in facts.costs]
    if facts.changes:
        lines.append(
            "- Changed in the paper's runs: " + ", ".join(f"`{path}` {change}" for path, change in facts.changes)
        )
    if facts.deviations:
        lines += ["- Deviations from the paper, and notes:", *(f"  - {text}" for text in facts.deviations)]
    if (readme := paper_readme(report.table.paper)) is not None:
        lines.append(f"- What differs from the paper: {_link(readme)}")
    options = "".join(f" -o {text}" for text in report.overrides)
    seeds = "" if report.seeds == (0,) else f" --seeds {','.join(map(str, report.seeds))}"
    whole = len(report.rows) == len(report.table.rows)
    names = [report.table.name] if whole else [f"{report.table.name}:{row.row.key}" for row in report.rows]
    lines.append(f"- Made by `reproduce report {' '.join(names)} --scale {scale.name}{seeds}{options}`")
    return "\n".join(lines)


def _link(file: Path) -> str:
    """Link from a saved report to a file of the repository, or the name of a file elsewhere."""
    if not file.is_relative_to(ROOT):
        return f"{file.name} of the paper's folder"
    name = file.relative_to(ROOT).as_posix()
    return f"[{name}](../../../{name})"
