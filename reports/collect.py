"""Collection of a report from a table and the results in a run store.

A report does not depend on the machine that makes it: hardware, versions and commits are those of the results.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from experiments.spec.figure_runs import shown_runs
from experiments.spec.metrics import Derived
from experiments.spec.scales import Scale
from experiments.spec.scaling import at_scale
from experiments.spec.table import Cell, Table
from reports.pages.cells import contradictions, marked, report_cell
from reports.pages.chance import near_chance
from reports.pages.facts import facts_of
from reports.pages.report import Report, ReportCell, ReportRow
from reports.pages.table_texts import cell_name
from runner.store.store import RunStore

if TYPE_CHECKING:
    from reports.claims.verdicts import JudgedClaim
    from runner.store.picture_files import KeptPictures


def collect(
    table: Table,
    scale: Scale,
    store: RunStore,
    *,
    seeds: tuple[int, ...] = (0,),
    overrides: Iterable[str] = (),
    rows: Iterable[str] | None = None,
    columns: Sequence[str] = (),
) -> Report:
    """Report of a table or some columns, from the results in a store, or of published ones for other runs."""
    if columns:
        from experiments.spec.columns import of_columns  # here: most reports have all

        table = of_columns(table, columns)
    table = at_scale(table, scale)
    texts = tuple(overrides)
    cells = table.cells(scale, rows=rows, overrides=texts, seeds=seeds)
    found = marked(_rows(table, scale, cells, store, texts), table, comparable=scale.comparable)
    shown = [cell for row in found for cell in row.cells]
    notes = (*table.notes, *_comparisons(table, shown), *contradictions(table, [row.row for row in found]))
    report = Report(
        table=table,
        scale=scale,
        seeds=seeds,
        overrides=texts,
        columns=tuple(columns),
        rows=found,
        facts=facts_of(table, cells, notes if scale.comparable else (*_guesses(table, shown), *notes)),
        pictures=_pictures(table, cells, store),
    )
    if scale.comparable or scale.on_cpu:
        return report
    from reports.pages.small_models import with_facts  # here: other scales do not need it

    return with_facts(report)


def _comparisons(table: Table, cells: Sequence[ReportCell]) -> tuple[str, ...]:
    """Sentences on released weights, and on results that others made again."""
    if not any(cell.released or cell.other_measurements or any(one.others for one in cell.seeds) for cell in cells):
        return ()
    from reports.pages.agreement import comparisons  # here: few reports have any

    return tuple(comparisons(table, cells))


def _pictures(table: Table, cells: Sequence[Cell], store: RunStore) -> "dict[str, KeptPictures]":
    if table.figure is None:
        return {}
    from runner.store.kept_pictures import kept_pictures  # here: most tables show none

    found = ((one.row, kept_pictures(one, store.shown(one.run))) for one in shown_runs(table.figure, cells))
    return {row: pictures for row, pictures in found if pictures is not None}


def judged_claims(
    table: Table, scale: Scale, store: RunStore, *, seeds: tuple[int, ...] = (0,), overrides: Iterable[str] = ()
) -> "tuple[JudgedClaim, ...]":
    """Verdicts on the claims of a table, from the columns of the claims alone."""
    from reports.claims.judge import judge  # here: reports of tables without claims do not need it

    texts = tuple(overrides)
    named = [cell for claim in table.claims for cell in claim.cells]
    keys = {cell.column for cell in named if cell.counted is None}
    metrics = [*(column.metric for column in table.columns if column.key in keys), *(cell.counted for cell in named)]
    keys |= {key for metric in metrics if isinstance(metric, Derived) for key in metric.columns}
    cells = [cell for cell in table.cells(scale, overrides=texts, seeds=seeds) if cell.column.key in keys]
    return judge(table, scale, _rows(table, scale, cells, store, texts))


def _rows(
    table: Table, scale: Scale, cells: Sequence[Cell], store: RunStore, overrides: tuple[str, ...]
) -> list[ReportRow]:
    """Rows of a report. Derived cells are computed after the cells that they depend on."""
    rows = []
    for _, of_row in groupby(cells, key=lambda cell: cell.row.key):
        own, found = list(of_row), dict[str, ReportCell]()
        for cell in sorted(own, key=lambda cell: isinstance(cell.metric, Derived)):
            shown = cell if _is_comparable(cell, table, scale) else replace(cell, printed=None)
            found[cell.column.key] = report_cell(shown, store, found, overrides)
        rows.append(ReportRow(row=own[0].row, cells=tuple(found[cell.column.key] for cell in own)))
    return rows


def _is_comparable(cell: Cell, table: Table, scale: Scale) -> bool:
    """Whether our value can be compared with the printed one: not one of a small model or of the user's own data."""
    if cell.tested and cell.run is not None and cell.run.data.dataset.own_folder is not None:
        return False
    return scale.comparable or not table.rests_on_test(cell.metric)


def _guesses(table: Table, cells: Iterable[ReportCell]) -> list[str]:
    names = [
        cell_name(table, cell.row, cell.column)
        for cell in cells
        if any(near_chance(result.test.record, cell.metric) for result in cell.seeds if result.test is not None)
    ]
    return [f"No better than guessing, so that it shows only that the path runs: {'; '.join(names)}."] if names else []
