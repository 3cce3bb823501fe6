"""Summaries of the committed reports, one line of `summary.csv` each."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from experiments.spec.catalog import captions
from experiments.spec.metrics import Computed
from experiments.spec.number_formats import value_text
from experiments.spec.scales import SCALES
from experiments.spec.table import Value
from reports.claims.judgement import JudgedClaim
from reports.pages.labels import cell_name
from reports.pages.layout import cell_text
from reports.pages.report import Report, ReportCell
from runner.machine.files import write_atomically

FILE = "summary.csv"


class Summary(NamedTuple):
    """Counts of a report, as text.

    Args:
        tests: cells of rows that are not quoted whose values come from tests; `tested`: those with a value.
        costs: their other cells, computed from the config or measured; `filled`: those with a value.
        counted: cells computed from a config that the paper prints; `as_printed`: those as it prints them.
        largest_miss: largest difference of a counted number from the printed one in percent; empty if none differs.
        missed: cell with the largest miss or, without one, a text that differs from the printed one.
        claims: claims of the table; `printed_support`, `support`, `contradicted`: claims that the printed numbers and
            ours support, and that ours do not support; `never`: claims that no run can ever decide.
    """

    table: str
    scale: str
    tests: str
    tested: str
    costs: str
    filled: str
    counted: str
    as_printed: str
    largest_miss: str
    missed: str
    claims: str
    printed_support: str
    support: str
    contradicted: str
    never: str

    @property
    def decidable(self) -> str:
        """Claims of the table that a run can decide."""
        return str(int(self.claims) - int(self.never))


class Count(NamedTuple):
    """Cell computed from a config, for which the paper prints a value.

    `miss`: difference from the printed number in percent, after rounding as printed; None for texts.
    """

    name: str
    is_as_printed: bool
    miss: float | None


def summary(report: Report) -> Summary:
    """Summary of a report."""
    found: dict[bool, list[ReportCell]] = {True: [], False: []}
    for row in (row for row in report.rows if not row.row.quoted):
        for cell, column in zip(row.cells, report.table.columns, strict=True):
            if cell.state != "not applicable":
                found[report.table.rests_on_test(row.row.metric_of(column))].append(cell)
    tests, costs = found[True], found[False]
    counts = list(counted(report))
    largest = max(counts, key=lambda count: (count.miss or 0.0, not count.is_as_printed), default=None)
    miss = largest.miss if largest else None
    verdicts = [_verdict(judged) for judged in report.claims]
    return Summary(
        table=report.table.name,
        scale=report.scale.name,
        tests=str(len(tests)),
        tested=str(sum(cell.value is not None for cell in tests)),
        costs=str(len(costs)),
        filled=str(sum(cell.value is not None for cell in costs)),
        counted=str(len(counts)),
        as_printed=str(sum(count.is_as_printed for count in counts)),
        largest_miss=f"{float(f'{miss:.2g}'):g}" if miss else "",
        missed=largest.name if largest and not largest.is_as_printed else "",
        claims=str(len(verdicts)),
        printed_support=str(sum(all(j.printed == "supported" for j in judged.judgements) for judged in report.claims)),
        support=str(verdicts.count("supported")),
        contradicted=str(verdicts.count("not supported")),
        never=str(verdicts.count("never")),
    )


def counted(report: Report) -> Iterator[Count]:
    """Cells computed from a config at the paper's size, for which the paper prints a value of the same kind."""
    for row in report.rows:
        for cell, column in zip(row.cells, report.table.columns, strict=True):
            is_counted = isinstance(row.row.metric_of(column), Computed) and cell.state == "measured"
            if is_counted and cell.printed is not None and _is_number(cell.value) == _is_number(cell.printed):
                form = cell.form or column.form
                ours, printed = value_text(cell.value, form), value_text(cell.printed, form)
                name = f"{cell_name(report.table, row.row, column)}: {cell_text(cell, column)}"
                miss = _miss(float(ours), cell.printed) if _is_number(cell.value) and _is_number(cell.printed) else None
                yield Count(name, ours == printed, miss)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _miss(ours: float, printed: Value) -> float:
    """Difference from a printed number, in percent of it."""
    assert isinstance(printed, int | float)
    return 100 * abs(ours - printed) / abs(printed) if printed else 100.0 * (ours != printed)


def _verdict(judged: JudgedClaim) -> str:
    """Verdict on a claim: not supported if a comparison is not, never if one can never be, supported if all are."""
    verdicts = {judgement.verdict for judgement in judged.judgements}
    if "not supported" in verdicts:
        return "not supported"
    if "never" in verdicts:
        return "never"
    return "supported" if verdicts == {"supported"} else "undecided"


def read(folder: Path) -> dict[tuple[str, str], Summary]:
    """Saved summaries by table and scale; empty without a file.

    Raises:
        ValueError: if the file is not one of summaries.
    """
    try:
        lines = list(csv.reader((folder / FILE).read_text(encoding="utf-8").splitlines()))
    except FileNotFoundError:
        return {}
    if not lines or lines[0] != list(Summary._fields) or any(len(line) != len(lines[0]) for line in lines):
        raise ValueError(
            f"{folder / FILE} has no summaries; remove it, and `reproduce report '*' --publish` writes it again"
        )
    return {(line[0], line[1]): Summary(*line) for line in lines[1:]}


def save(summaries: Iterable[Summary], folder: Path) -> None:
    """Save summaries of tables that exist, in the order of the catalog.

    Raises:
        StoreError: if the file cannot be written.
    """
    names, scales = list(captions()), list(SCALES)
    known = [line for line in summaries if line.table in names and line.scale in scales]
    ordered = sorted(known, key=lambda line: (names.index(line.table), scales.index(line.scale)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Summary._fields)
    writer.writerows(ordered)
    write_atomically(folder / FILE, text.getvalue())
