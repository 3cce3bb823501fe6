"""Footer of a report as markdown: what a reader needs first, and the rest folded."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from tabulate import tabulate

from experiments.spec.catalog import paper_readme
from experiments.spec.metrics import Computed, Derived
from experiments.spec.table import one_line
from reports.pages.footer import Facts
from reports.pages.labels import row_names
from reports.pages.layout import PUBLISHED_SIGN, warning
from reports.pages.markdown_markup import MARKDOWN, file_link, folded, link
from reports.pages.report import Report, ReportRow
from reports.pages.sources import Source

# Measured as the README says.
ELSEWHERE = (
    "On CPUs with other vector instructions, and on GPUs, trainings end with slightly other weights. Expect accuracies "
    "at scale `tiny` to differ by about 1 point there."
)
SEEDS_LINE = "- Seeds: "  # start of the line with the seeds of a report
OF_THE_PAPER = "The models and data sets of the paper"


def footer(report: Report, folder: Path) -> str:
    """Protocol, counts and differences from the paper; folded, the sources of the values and how they were made."""
    parts = [
        "## About these numbers\n\n" + "\n".join(_lines(report, folder)),
        _sources(report, folder),
        folded("Data, hardware, versions and costs", "\n".join(_provenance(report))),
        _changes(report.facts),
    ]
    return "\n\n".join(part for part in parts if part)


def _lines(report: Report, folder: Path) -> list[str]:
    """Lines that everyone should read."""
    facts, scale, unit = report.facts, report.scale, report.facts.unit.capitalize()
    models = "" if warning(report) else f" {OF_THE_PAPER}{', but for the overrides' if report.overrides else ''}."
    lines = [f"- Scale: {scale.name}.{models}", f"{SEEDS_LINE}{', '.join(map(str, report.seeds))}"]
    if facts.views:
        lines.append(f"- Test views × crops: {_by_data_set(facts.views)}")
        counts = [(name, text + _official(facts, name), cells) for name, text, cells in facts.items]
        lines.append(f"- {unit} evaluated / failed / missing: {_by_data_set(counts) or 'none, no run has finished'}")
    lines += _replaced(facts) if _items_were_replaced(facts) else []
    lines += [f"- {conditions}" for conditions in facts.conditions]
    if facts.changes:
        fields = "1 field" if len(facts.changes) == 1 else f"{len(facts.changes)} fields"
        lines.append(f"- Changed in the paper's runs: {fields}, listed at the end")
    if (readme := paper_readme(report.table.paper)) is not None:
        lines.append(f"- What differs from the paper: {file_link(readme, folder)}")
    if facts.deviations:
        lines += ["- Deviations from the paper, and notes:", *(f"  - {text}" for text in facts.deviations)]
    return [*lines, f"- Made by `{_command(report)}`"]


def _command(report: Report) -> str:
    """Command that prints the report."""
    options = [word for text in report.overrides for word in ("-o", text)]
    seeds = [] if report.seeds == (0,) else ["--seeds", ",".join(map(str, report.seeds))]
    whole = len(report.rows) == len(report.table.rows)
    names = [report.table.name] if whole else [f"{report.table.name}:{row.row.key}" for row in report.rows]
    return shlex.join(["reproduce", "report", *names, "--scale", report.scale.name, *seeds, *options])


def _sources(report: Report, folder: Path) -> str:
    """Folded table of the results behind the values, with links to the result files and to the configs of the runs.

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
    return folded("Sources of the values", table, " ".join(map(MARKDOWN.escaped, notes)))


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
            link(source.file.stem, source.file, folder) + (f" {PUBLISHED_SIGN}" if source.published else ""),
            link(source.train_id, source.config, folder) if source.config.exists() else source.train_id,
            source.commit,
        ]
        for (seed, source), shown in headers.items()
    ]


def _provenance(report: Report) -> list[str]:
    """Lines on the data, the machine, the code and the costs of this implementation."""
    facts = report.facts
    lines = [] if _items_were_replaced(facts) else _replaced(facts)
    if facts.data:
        lines.append(f"- Data (fingerprints of annotations / file sizes): {'; '.join(facts.data)}")
    if facts.hardware:
        lines.append(f"- Hardware: {'; '.join(facts.hardware)}")
        if facts.batches:
            lines.append(
                f"- Training batches (devices × items at a time × accumulation): {_by_data_set(facts.batches)}"
            )
        lines += [f"- {ELSEWHERE}"] if report.scale.small else []
        lines.append(f"- Versions: {', '.join(f'{name} {version}' for name, version in facts.versions)}")
        lines.append(f"- Commit: {', '.join(facts.commits)}")
    return [*lines, *(f"- {cost}" for cost in facts.costs)]


def _items_were_replaced(facts: Facts) -> bool:
    return any(count != "0" for _, count, _ in facts.replaced)


def _replaced(facts: Facts) -> list[str]:
    """Line on training items that could not be read; none without trainings."""
    shown = _by_data_set(facts.replaced)
    return (
        [f"- {facts.unit.capitalize()} that could not be read and were replaced in training: {shown}"] if shown else []
    )


def _changes(facts: Facts) -> str:
    """Folded table of the changed fields of the paper's runs."""
    lines = [[f"`{path}`", MARKDOWN.escaped(change)] for path, change in facts.changes]
    table = tabulate(lines, ["field", "paper → here"], tablefmt="pipe", disable_numparse=True) if lines else ""
    return folded("Changed in the paper's runs", table)


def _official(facts: Facts, name: str) -> str:
    """Size of the published test split of a data set, if it is known."""
    return f" of {facts.official_sizes[name]} official" if name in facts.official_sizes else ""


def _by_data_set(counts: Iterable[tuple[str, str, tuple[str, ...]]]) -> str:
    """Texts of each data set, followed by their cells if they differ."""
    return ", ".join(f"{name} {text}" + (f" ({'; '.join(cells)})" if cells else "") for name, text, cells in counts)
