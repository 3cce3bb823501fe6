"""Test protocols in the footer of a report."""

from dataclasses import replace

from experiments.spec.catalog import load
from experiments.spec.scales import PAPER
from experiments.spec.table import Cell, one_line
from reports.pages.labels import cell_name, row_names
from reports.pages.protocols import Protocol, protocols_of

TABLE = load("motionformer/table4")
ROW, OTHER = TABLE.rows[:2]
FIRST, SECOND = [column for column in TABLE.columns if column.metric.needs_test][:2]


def protocols(*views: int) -> tuple[Protocol, ...]:
    """Protocols of two rows in two columns on one data set.

    Args:
        views: number of views of each cell, row by row.
    """
    places = {(row.key, column.key) for row in (ROW, OTHER) for column in (FIRST, SECOND)}
    cells = [c for c in TABLE.cells(PAPER, rows=(ROW.key, OTHER.key)) if (c.row.key, c.column.key) in places]
    assert len(cells) == 4
    return protocols_of(TABLE, [with_views(cell, number) for cell, number in zip(cells, views, strict=True)])


def with_views(cell: Cell, views: int) -> Cell:
    assert cell.run is not None
    data = replace(cell.run.data, dataset=replace(cell.run.data.dataset, name="videos"))
    return replace(cell, run=replace(cell.run, data=data, evaluation=replace(cell.run.evaluation, views=views)))


def test_a_single_protocol_needs_no_cells() -> None:
    assert protocols(1, 1, 1, 1) == (Protocol("videos", "1 × 3", ()),)


def test_several_protocols_are_followed_by_their_rows() -> None:
    names = row_names(TABLE)
    assert protocols(10, 10, 2, 2) == (
        Protocol("videos", "2 × 3", (names[OTHER.key],)),
        Protocol("videos", "10 × 3", (names[ROW.key],)),
    )


def test_protocols_of_columns_are_followed_by_their_headers() -> None:
    assert protocols(1, 2, 1, 2) == (
        Protocol("videos", "1 × 3", (one_line(FIRST.header),)),
        Protocol("videos", "2 × 3", (one_line(SECOND.header),)),
    )


def test_other_protocols_are_followed_by_their_cells() -> None:
    (_, _, most), (_, _, one) = protocols(1, 1, 1, 2)
    assert one == (cell_name(TABLE, OTHER, SECOND),) and len(most) == 3
