"""Comparison of the code that measured the values of a report with the code at HEAD."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

from experiments.runner.provenance import separate
from experiments.spec.metrics import Derived
from reports.report import Report, ReportCell, ReportRow

ROOT = Path(__file__).resolve().parent.parent
# Files that can change results, as pathspecs of git. Configs have ids.
RESULT_CODE = (
    "data", "experiments/runner", "lightning_modules", "models", "requirements.txt", ":(exclude)*.md",
)  # fmt: skip


def with_code_marks(report: Report) -> Report:
    """Report whose cells are marked if the code that measured them differs from HEAD, or may differ.

    The marks depend on HEAD, so they are for reading and not for reports to be committed.
    """
    commits = {source.commit for row in report.rows for cell in row.cells for _, source in cell.origins}
    other_code = differences(commits)
    rows = tuple(_marked(row, report, other_code) for row in report.rows)
    return replace(report, rows=rows, other_code=other_code)


def _marked(row: ReportRow, report: Report, other_code: dict[str, str]) -> ReportRow:
    measured = {cell.column: any(source.commit in other_code for _, source in cell.origins) for cell in row.cells}

    def mark(cell: ReportCell, columns: tuple[str, ...]) -> ReportCell:
        return replace(cell, other_code=cell.value is not None and any(measured[key] for key in columns))

    metrics = {column.key: row.row.metric_of(column) for column in report.table.columns}
    derived = {key: metric.columns for key, metric in metrics.items() if isinstance(metric, Derived)}
    return replace(row, cells=tuple(mark(cell, derived.get(cell.column, (cell.column,))) for cell in row.cells))


def differences(commits: set[str]) -> dict[str, str]:
    """Difference from HEAD of each commit whose code differs, or may differ, in files that can change results.

    Outside a git repository there is no HEAD, and the result is empty.
    """
    try:
        head = _git("rev-parse", "--short=10", "HEAD").strip()
    except (OSError, subprocess.CalledProcessError):
        return {}
    found = {commit: _difference(commit, head) for commit in sorted(commits)}
    return {commit: text for commit, text in found.items() if text is not None}


def _difference(commit: str, head: str) -> str | None:
    found = [(name, _code_difference(name, head)) for name in separate(commit)]
    return "; ".join(f"{name}: {text}" if len(found) > 1 else text for name, text in found if text is not None) or None


def _code_difference(commit: str, head: str) -> str | None:
    name, _, changes = commit.partition("+")
    if changes:
        return f"with changes that were not committed, HEAD is {head}"
    if not re.fullmatch("[0-9a-f]{7,40}", name):
        return f"not known, HEAD is {head}"
    try:
        files = _git("diff", "--name-only", name, head, "--", *RESULT_CODE).splitlines()
    except subprocess.CalledProcessError:
        return f"not in this repository, HEAD is {head}"
    if not files:
        return None
    return f"{len(files)} file{'s' if len(files) > 1 else ''} that can change results differ from HEAD {head}"


def _git(*arguments: str) -> str:
    """Output of a git command in the repository of this file."""
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout
