"""Cells of derived columns: from the measured cells of their row or, in quoted rows, from its printed ones.

A printed value of a derived column is compared with the one that follows from the printed cells of its row.
"""

import statistics
from collections.abc import Iterable, Mapping

from experiments.spec.metrics import Derived
from experiments.spec.table import Cell, Row, Table
from reports.pages.names import cell_name
from reports.pages.report import UNFINISHED, ReportCell, State, joint_state


def derived_cell(cell: Cell, metric: Derived, others: Mapping[str, ReportCell]) -> ReportCell:
    """Cell of a derived metric, computed for each seed, so that its `std` is that of the derived value.

    Args:
        others: the other cells of the row, by column.
    """
    sources = [others[key] for key in metric.columns]
    by_seed: list[dict[str, float]] = []
    for seed in cell.seeds:
        values: dict[str, float] = {}
        for source in sources:
            found = next((r.value for r in source.seeds if r.seed == seed), None) if source.seeds else source.value
            if isinstance(found, int | float):
                values[source.column] = found
        by_seed.append(values)
    derived = [value for value in map(metric.value, by_seed) if value is not None]
    states: list[State] = [source.state for source in sources if source.state in UNFINISHED]
    varies = any(source.seeds for source in sources)
    complete = len(derived) == len(cell.seeds) and not states
    return ReportCell(
        column=cell.column.key,
        state="derived" if complete else joint_state(states or ["not run"]),
        printed=cell.printed,
        value=statistics.fmean(derived) if derived else None,
        std=statistics.stdev(derived) if len(derived) > 1 else None,
        num_seeds=len(derived) if varies else 0,
        num_requested=len(cell.seeds) if varies else 0,
        modified=any(source.modified for source in sources),
        released=any(source.released for source in sources),
        published=bool(derived) and any(source.published for source in sources),
    )


def quoted_cell(cell: Cell, others: Mapping[str, ReportCell]) -> ReportCell:
    """Cell of a quoted row, with a value if its metric is derived and the cells that it needs are printed.

    Args:
        others: the other cells of the row, by column.
    """
    printed = {key: float(other.printed) for key, other in others.items() if isinstance(other.printed, int | float)}
    value = cell.metric.value(printed) if isinstance(cell.metric, Derived) else None
    return ReportCell(column=cell.column.key, state="quoted", printed=cell.printed, value=value)


def derived_in_print(table: Table, row: Row, metric: Derived) -> float | None:
    """Derived value of the printed cells of a row; None if one of them is not printed or is no number."""
    cells = zip(table.columns, row.paper, strict=False)  # a row may have no printed cells
    return metric.value({column.key: float(value) for column, value in cells if isinstance(value, int | float)})


def contradictions(table: Table, rows: Iterable[Row]) -> list[str]:
    """Sentences on printed values of derived columns that do not follow from the printed cells of their rows.

    A value follows if it is at most half a unit of the last printed digit away.
    """
    found = []
    for row in rows:
        for column, printed in zip(table.columns, row.paper, strict=False):
            metric = row.metric_of(column)
            if not (isinstance(metric, Derived) and isinstance(printed, int | float)):
                continue
            value, form = derived_in_print(table, row, metric), column.form
            if value is not None and abs(value - printed) > 0.5 * 10 ** -form.decimals(printed) + 1e-9:
                found.append(
                    f"{cell_name(table, row, column)}: printed {form.text(printed)}, the {metric.noun} of its cells is "
                    f"{form.text(value)}."
                )
    return found
