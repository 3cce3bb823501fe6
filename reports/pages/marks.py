"""Marks of cells: best values, other data or conditions than the rest, and what is not comparable with print."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from experiments.spec.metrics import Derived
from experiments.spec.table import Cell, Column, Table
from reports.pages.data_copies import Measured, on_other_copies
from reports.pages.report import ReportCell, ReportRow, quoted_values


def with_best(rows: Sequence[ReportRow], table: Table, *, small: bool) -> tuple[ReportRow, ...]:
    """Rows with the best values of ours marked, including ties after rounding. A single value is not marked.

    A value is best if no quoted value of its column is better. Values measured on other data do not count, nor do rows
    with a metric of their own. No value tested at a small scale is marked, nor is any of a column in which more
    than two, and more than half, of the values are equally good.
    """
    best: dict[str, float] = {}
    for index, column in enumerate(table.columns):
        cells = [row.cells[index] for row in rows if _may_be_best(row, row.cells[index])]
        ours = [value for cell in cells if isinstance(value := cell.value, int | float)]
        quoted = quoted_values(rows, index)
        if column.best is None or not ours or (small and table.rests_on_test(column.metric)):
            continue
        if len(ours) + len(quoted) > 1:
            rounded = [column.form.rounded(value) for value in (*ours, *quoted)]
            found = max(rounded) if column.best == "max" else min(rounded)
            if rounded.count(found) <= max(2, len(rounded) // 2):
                best[column.key] = found

    def mark(row: ReportRow, cell: ReportCell, column: Column) -> ReportCell:
        is_best = (
            isinstance(cell.value, int | float)
            and _may_be_best(row, cell)
            and best.get(column.key) == column.form.rounded(cell.value)
        )
        return replace(cell, best=is_best)

    return tuple(
        replace(row, cells=tuple(mark(row, *pair) for pair in zip(row.cells, table.columns, strict=True)))
        for row in rows
    )


def _may_be_best(row: ReportRow, cell: ReportCell) -> bool:
    return not (row.row.quoted or row.row.metric or cell.other_data)


def without_incomparable(rows: Sequence[ReportRow], table: Table) -> list[ReportRow]:
    """Rows of a small scale, without the printed values of tested cells, with which its values cannot be compared."""

    def shown(row: ReportRow, cell: ReportCell, column: Column) -> ReportCell:
        if not table.rests_on_test(row.row.metric_of(column)):
            return cell
        return replace(cell, printed=None, value=None if row.row.quoted else cell.value)

    return [
        replace(row, cells=tuple(shown(row, *pair) for pair in zip(row.cells, table.columns, strict=True)))
        for row in rows
    ]


def with_other_copies(rows: Sequence[ReportRow], table: Table, cells: Iterable[Cell]) -> list[ReportRow]:
    """Rows with marked cells: those measured on, or derived from, another copy of a data set than most."""
    runs = {run.train_id: run for cell in cells if cell.tested for run in cell.runs}
    differing = on_other_copies(
        Measured(row.row.key, cell.column, runs[result.train_id], result.record)
        for row in rows
        for cell in row.cells
        for result in cell.seeds
        if result.record is not None
    )

    def is_marked(row: ReportRow, column: Column) -> bool:
        metric = row.row.metric_of(column)
        sources = metric.columns if isinstance(metric, Derived) else (column.key,)
        return any((row.row.key, source) in differing for source in sources)

    return [
        replace(
            row,
            cells=tuple(
                replace(cell, other_data=is_marked(row, column))
                for cell, column in zip(row.cells, table.columns, strict=True)
            ),
        )
        for row in rows
    ]


def with_other_conditions(rows: Sequence[ReportRow]) -> list[ReportRow]:
    """Rows with marked measurements: those on other hardware, or at another time, than most of their column.

    If no conditions are those of most, all are marked.
    """
    usual = [_most(cell.conditions for cell in column) for column in zip(*(row.cells for row in rows), strict=True)]
    return [
        replace(
            row,
            cells=tuple(
                replace(cell, other_data=cell.other_data or cell.conditions not in (None, found))
                for cell, found in zip(row.cells, usual, strict=True)
            ),
        )
        for row in rows
    ]


def _most(conditions: Iterable[str | None]) -> str | None:
    """Conditions that more cells have than any other ones; None if there are none."""
    counts = [*Counter(filter(None, conditions)).most_common(2), (None, 0), (None, 0)]
    return counts[0][0] if counts[0][1] > counts[1][1] else None
