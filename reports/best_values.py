"""Marks of the best values of columns."""

from dataclasses import replace

from experiments.spec.metrics import Computed, Measured
from experiments.spec.table import Column
from reports.report import ReportCell, ReportRow, quoted_values


def with_best(rows: list[ReportRow], columns: tuple[Column, ...], *, small: bool) -> tuple[ReportRow, ...]:
    """Rows with the best values of ours marked, including ties after rounding. A single value is not marked.

    A value is best if no quoted value of its column is better. Values measured on other data do not count, nor do rows
    with a metric of their own. Results of small models cannot be compared with quoted values, so columns with both have
    no best value.
    """
    best: dict[str, float] = {}
    for index, column in enumerate(columns):
        cells = [row.cells[index] for row in rows if _may_be_best(row, row.cells[index])]
        ours = [value for cell in cells if isinstance(value := cell.value, int | float)]
        quoted = quoted_values(rows, index)
        comparable = not quoted or not small or isinstance(column.metric, Computed | Measured)
        if column.best is not None and ours and len(ours) + len(quoted) > 1 and comparable:
            best[column.key] = column.form.rounded((max if column.best == "max" else min)(*ours, *quoted))

    def mark(row: ReportRow, cell: ReportCell, column: Column) -> ReportCell:
        is_best = (
            isinstance(cell.value, int | float)
            and _may_be_best(row, cell)
            and best.get(column.key) == column.form.rounded(cell.value)
        )
        return replace(cell, best=is_best)

    return tuple(
        replace(row, cells=tuple(mark(row, *pair) for pair in zip(row.cells, columns, strict=True))) for row in rows
    )


def _may_be_best(row: ReportRow, cell: ReportCell) -> bool:
    return not (row.row.quoted or row.row.metric or cell.other_data)
