"""Tables of some of their columns."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from experiments.spec.catalog import Selection, find
from experiments.spec.metrics import Derived
from experiments.spec.table import Table


def of_columns(table: Table, keys: Sequence[str]) -> Table:
    """Table of some columns and of those that these are computed from, with the claims on them; without a figure."""
    of_all = {column.key: column.metric for column in table.columns}
    for key in keys:
        if key not in of_all:
            raise ValueError(f"table '{table.name}' has no column '{key}'; its columns are {', '.join(of_all)}")
    needed = {*keys, *(key for one in keys if isinstance(m := of_all[one], Derived) for key in m.columns)}
    chosen = [index for index, key in enumerate(of_all) if key in needed]
    return replace(
        table,
        columns=tuple(table.columns[index] for index in chosen),
        rows=tuple(replace(row, paper=tuple(row.paper[i] for i in chosen if row.paper)) for row in table.rows),
        claims=tuple(one for one in table.claims if {cell.column for cell in one.cells} <= needed),
        figure=None,
        scaled_figures={},
    )


def find_columns(names: Iterable[str], keys: Sequence[str]) -> list[Selection]:
    """Tables and rows selected by names, as `find`, reduced to columns; without keys with all."""
    selections = find(names)
    return [Selection(of_columns(table, keys), rows) for table, rows in selections] if keys else selections
