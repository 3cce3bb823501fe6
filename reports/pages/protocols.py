"""Numbers of views and crops of the tests of a table, by data set."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from experiments.spec.table import Cell, Table, one_line
from reports.pages.labels import cell_name, row_names


class Protocol(NamedTuple):
    """Test protocol of a data set.

    `views`: "views × crops".
    `shown_in`: rows, columns or cells that are tested so; empty if it is the only protocol of the data set.
    """

    data: str
    views: str
    shown_in: tuple[str, ...]


def protocols_of(table: Table, tested: Iterable[Cell]) -> tuple[Protocol, ...]:
    """Test protocols of each data set of the tested cells."""
    cells: dict[str, dict[tuple[int, int], list[Cell]]] = {}
    for cell in tested:
        if cell.run is not None:
            protocol = (cell.run.evaluation.views, cell.run.evaluation.crops)
            cells.setdefault(cell.run.data.dataset.name, {}).setdefault(protocol, []).append(cell)
    return tuple(
        Protocol(data, f"{views} × {crops}", parts)
        for data, by_protocol in sorted(cells.items())
        for (views, crops), parts in zip(
            sorted(by_protocol), distinguished(table, [by_protocol[key] for key in sorted(by_protocol)]), strict=True
        )
    )


def distinguished(table: Table, groups: Sequence[Sequence[Cell]]) -> list[tuple[str, ...]]:
    """Names of the rows of each group of cells; of the columns or the cells if groups have rows in common.

    A single group has no names.
    """
    if len(groups) == 1:
        return [()]
    names = row_names(table)
    kinds: tuple[Callable[[Cell], str], ...] = (
        lambda cell: names[cell.row.key],
        lambda cell: one_line(cell.column.header),
        lambda cell: cell_name(table, cell.row, cell.column),
    )
    found = [[tuple(dict.fromkeys(map(name_of, group))) for group in groups] for name_of in kinds]
    return next((by_kind for by_kind in found if are_disjoint(by_kind)), found[-1])


def are_disjoint(groups: Sequence[Sequence[str]]) -> bool:
    return len({name for group in groups for name in group}) == sum(map(len, groups))
