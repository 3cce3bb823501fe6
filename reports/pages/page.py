"""Page of a report: table in the paper's layout, its legend and notes, and the parts that others make."""

import shlex

from experiments.spec.paper_folders import paper_file
from reports.pages.markup import Markdown, alignments
from reports.pages.origins import origins_text
from reports.pages.report import Report
from reports.pages.table_texts import header_levels, notice, prints_numbers, shows_printed, warning


def page(report: Report, markup: Markdown, *, figure: str, plot: str, claims: str, costs: str) -> str:
    """Page, ending in a newline, with parts that others make; empty for none."""
    table, scale = report.table, report.scale
    warnings = notice(report)
    parts = [
        markup.heading(1, f"{table.name} at scale `{scale.name}`: {markup.escaped(table.caption)}"),
        markup.paragraph(f"> {markup.bold(f'Scale `{scale.name}`.')} {warnings}" if warnings else ""),
        markup.paragraph(f"{table.source}. {_cell_note(report)}"),
        figure,
        table_text(report, markup),
        markup.paragraph(markup.legend(report)),
        plot,
        claims,
        markup.heading(2, "About these numbers"),
        markup.items(_notes(report, markup)),
        origins_text(report, markup),
        costs,
        _changes(report, markup),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _cell_note(report: Report) -> str:
    cells = "A cell reads `ours (printed)`." if shows_printed(report) else "All numbers are ours."
    if not prints_numbers(report):
        cells = "All numbers are ours; the paper prints none."
    if report.facts.changes:
        cells += " Labels describe the paper's models; the end of this page lists what is changed in them."
    return cells


def table_text(report: Report, markup: Markdown) -> str:
    return markup.table(header_levels(report.table), markup.lines(report), alignments(report), len(report.table.labels))


def _notes(report: Report, markup: Markdown) -> list[str]:
    lines = list(report.facts.notes)
    if not warning(report):
        overridden = ", but for the overrides" if report.overrides else ""
        lines.insert(0, f"Nothing is made smaller than in the paper{overridden}.")
    if (readme := paper_file(report.table.paper, "README.md")) is not None:
        lines.append(f"What differs from the paper: {markup.file_link(readme)}")
    return [*lines, f"Made by `{_command(report)}`"]


def _command(report: Report) -> str:
    options = [word for text in report.overrides for word in ("-o", text)]
    seeds = [] if report.seeds == (0,) else ["--seeds", ",".join(map(str, report.seeds))]
    columns = ["--column", ",".join(report.columns)] if report.columns else []
    whole = len(report.rows) == len(report.table.rows)
    names = [report.table.name] if whole else [f"{report.table.name}:{row.row.key}" for row in report.rows]
    return shlex.join(["reproduce", "report", *names, "--scale", report.scale.name, *seeds, *columns, *options])


def _changes(report: Report, markup: Markdown) -> str:
    lines = [[f"`{path}`", markup.escaped(change)] for path, change in report.facts.changes]
    table = markup.table([["field", "paper → here"]], lines) if lines else ""
    return markup.folded("Changed in the paper's runs", table)
