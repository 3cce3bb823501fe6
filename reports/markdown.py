"""Report as markdown: figure, table in the paper's layout, legend, sources of the values and footer."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from tabulate import tabulate

from experiments.spec.catalog import paper_readme
from experiments.spec.metrics import Computed, Derived
from experiments.spec.scales import Scale
from experiments.spec.table import Table, one_line
from reports import claim_text, figures
from reports.footer import Facts
from reports.labels import row_names
from reports.layout import (
    OTHER_CODE_SIGN,
    PUBLISHED_SIGN,
    best_text,
    data_text,
    legend,
    prints_numbers,
    shown_headers,
    shown_labels,
    shows_underlined,
    warning,
)
from reports.markup import Markup, alignments
from reports.report import Report, ReportRow
from reports.sources import Source

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "reports" / "tables"
# Measured as the README says.
ELSEWHERE = (
    "On CPUs with other vector instructions, and on GPUs, trainings end with slightly other weights. Expect accuracies "
    "at scale `tiny` to differ by about 1 point there."
)
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

    def underlined(self, text: str) -> str:
        """Underlined text."""
        return f"<ins>{text}</ins>"


MARKDOWN = Markdown()


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
    notice = warning(report)
    parts = [
        f"# {table.name} at scale `{scale.name}`: {MARKDOWN.escaped(table.caption)}",
        f"> **Scale `{scale.name}`.** {notice}" if notice else "",
        f"{table.source}. {_cell_note(report)}",
        _picture(report, path, folder),
        _table(report),
        _legend(report),
        _claims(report),
        _sources(report, folder),
        _footer(report, folder),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell_note(report: Report) -> str:
    """Sentence on the meaning of a cell."""
    cells = "A cell reads `ours (printed)`."
    if not prints_numbers(report):
        cells = "All numbers are ours; the paper prints none."
    if report.facts.changes:
        cells += " Labels describe the paper's models; the footer lists what is changed in them here."
    return cells


def _picture(report: Report, path: Path, folder: Path) -> str:
    """Link to the saved picture with its data or their provenance, and the text of the figure."""
    drawer = figures.drawer(report)
    if drawer is None:
        return ""
    paths = figures.files(report, path) if report.whole else {}
    parts = []
    if paths:
        data = f"\n\nDrawn from {_link(paths['data'].name, paths['data'], folder)}." if "data" in paths else ""
        lines = "".join(f"\n- {MARKDOWN.escaped(line)}" for line in drawer.provenance_lines())
        parts.append(
            f"!{_link(MARKDOWN.escaped(report.table.caption), paths['picture'], folder)}{data}"
            + (f"\n{lines}" if lines else "")
        )
    return "\n\n".join([*parts, *filter(None, [drawer.text()])])


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
    if shows_underlined(report):
        signs.append(f"{MARKDOWN.underlined('underlined')} numbers are underlined in the paper")
    return "; ".join(signs) + "." if signs else ""


def _claims(report: Report) -> str:
    """Verdicts on what the paper concludes from the table."""
    if not report.claims:
        return ""
    lines = [[MARKDOWN.escaped(text) for text in line] for line in claim_text.lines(report.claims)]
    text = tabulate(lines, claim_text.HEADERS, tablefmt="pipe", disable_numparse=True)
    facts = report.facts
    data = data_text(facts.unit, facts.generated, facts.given)
    notes = " ".join(claim_text.notes(report.claims, report.scale, facts.unit, data, report.overrides))
    return f"## What the paper concludes\n\n{text}\n\n{notes}"


def _sources(report: Report, folder: Path) -> str:
    """Collapsed table of the results behind the values, with links to the result files and to the configs of the runs.

    Columns without result files follow below it.
    """
    names, columns = row_names(report.table), report.table.columns
    lines = [
        [MARKDOWN.escaped(names[row.row.key]), *line] for row in report.rows for line in _results(report, row, folder)
    ]
    headers = ["row", "column", "seed", "result", "run", "commit"]
    table = tabulate(lines, headers, tablefmt="pipe", disable_numparse=True) if lines else ""
    shown = [c for i, c in enumerate(columns) if any(row.cells[i].value is not None for row in report.rows)]
    headers_of = {column.key: one_line(column.header) for column in columns}
    computed = [one_line(c.header) for c in shown if isinstance(c.metric, Computed)]
    notes = [f"{', '.join(computed)}: computed from the config of each row, without a run."] if computed else []
    settings = [
        names[row.row.key]
        for row in report.rows
        if row.row.metric and any(isinstance(row.row.metric_of(column), Computed) for column in columns)
    ]
    if settings:
        notes.append(f"{', '.join(settings)}: computed from the config of each column, without a run.")
    for column in shown:
        if isinstance(column.metric, Derived):
            *first, last = (headers_of[key] for key in column.metric.columns)
            parts = " and ".join(filter(None, [", ".join(first), last]))
            cells = [row.cells[columns.index(column)] for row in report.rows if row.row.quoted]
            quoted = ", in quoted rows from their printed values" if any(c.value is not None for c in cells) else ""
            notes.append(f"{one_line(column.header)}: computed from {parts}{quoted}.")
    parts = [part for part in (table, " ".join(map(MARKDOWN.escaped, notes))) if part]
    if not parts:
        return ""
    return "\n\n".join(["<details><summary>Sources of the values</summary>", *parts, "</details>"])


def _results(report: Report, row: ReportRow, folder: Path) -> list[list[str]]:
    """Columns, seed, result file, run and commit of each result of a row."""
    headers: dict[tuple[int | None, Source], list[str]] = {}
    for cell, column in zip(row.cells, report.table.columns, strict=True):
        for origin in cell.origins:
            headers.setdefault(origin, []).append(MARKDOWN.escaped(one_line(column.header)))
    return [
        [
            ", ".join(shown),
            "" if seed is None else str(seed),
            _link(source.file.stem, source.file, folder) + (f" {PUBLISHED_SIGN}" if source.published else ""),
            _link(source.train_id, source.config, folder) if source.config.exists() else source.train_id,
            source.commit + (f" {OTHER_CODE_SIGN}" if source.commit in report.other_code else ""),
        ]
        for (seed, source), shown in headers.items()
    ]


def _footer(report: Report, folder: Path) -> str:
    facts, scale, unit = report.facts, report.scale, report.facts.unit.capitalize()
    paper = "The models and data sets of the paper" + (", but for the overrides." if report.overrides else ".")
    lines = [f"- Scale: {scale.name}. {warning(report) or paper}"]
    lines.append(f"{SEEDS_LINE}{', '.join(map(str, report.seeds))}")
    if facts.views:
        views = ", ".join(f"{name} {protocol}" for name, protocol in facts.views)
        lines.append(f"- Test views × crops: {views}")
        counts = [(name, text + _official(facts, name), cells) for name, text, cells in facts.items]
        lines.append(f"- {unit} evaluated / failed / missing: {_by_data_set(counts) or 'none, no run has finished'}")
    if facts.replaced:
        lines.append(f"- {unit} that could not be read and were replaced in training: {_by_data_set(facts.replaced)}")
    if facts.data:
        lines.append(f"- Data (fingerprints of annotations / file sizes): {'; '.join(facts.data)}")
    if facts.hardware:
        lines.append(f"- Hardware: {'; '.join(facts.hardware)}")
        if scale.small:
            lines.append(f"- {ELSEWHERE}")
        lines.append(f"- Versions: {', '.join(f'{name} {version}' for name, version in facts.versions)}")
        lines.append(f"- Commit: {', '.join(facts.commits)}")
    if report.other_code:
        code = "; ".join(f"{commit} ({difference})" for commit, difference in report.other_code.items())
        lines.append(f"- Measured with other code than that of HEAD: {code}")
    lines += [f"- {cost}" for cost in facts.costs]
    if facts.changes:
        lines.append(
            "- Changed in the paper's runs: " + ", ".join(f"`{path}` {change}" for path, change in facts.changes)
        )
    if facts.deviations:
        lines += ["- Deviations from the paper, and notes:", *(f"  - {text}" for text in facts.deviations)]
    if (readme := paper_readme(report.table.paper)) is not None:
        lines.append(f"- What differs from the paper: {_file(readme, folder)}")
    options = "".join(f" -o {text}" for text in report.overrides)
    seeds = "" if report.seeds == (0,) else f" --seeds {','.join(map(str, report.seeds))}"
    whole = len(report.rows) == len(report.table.rows)
    names = [report.table.name] if whole else [f"{report.table.name}:{row.row.key}" for row in report.rows]
    lines.append(f"- Made by `reproduce report {' '.join(names)} --scale {scale.name}{seeds}{options}`")
    return "\n".join(lines)


def _official(facts: Facts, name: str) -> str:
    """Size of the published test split of a data set, if it is known."""
    return f" of {facts.official_sizes[name]} official" if name in facts.official_sizes else ""


def _by_data_set(counts: Iterable[tuple[str, str, tuple[str, ...]]]) -> str:
    """Counts of each data set, followed by their cells if they differ."""
    return ", ".join(f"{name} {text}" + (f" ({'; '.join(cells)})" if cells else "") for name, text, cells in counts)


def _link(text: str, file: Path, folder: Path) -> str:
    """Relative link from a directory to a file."""
    return f"[{text}]({quote(Path(os.path.relpath(file, folder)).as_posix())})"


def _file(file: Path, folder: Path) -> str:
    """Link to a file of the repository, or the name of a file elsewhere."""
    if not file.is_relative_to(ROOT):
        return f"{file.name} of the paper's folder"
    return _link(file.relative_to(ROOT).as_posix(), file, folder)
