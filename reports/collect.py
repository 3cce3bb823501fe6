"""Collection of a report from a table and the results in a run store.

A report does not depend on the machine that makes it: hardware, versions and commits are those of the results.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from experiments.spec.attention_queries import queried
from experiments.spec.figure_runs import answered_runs
from experiments.spec.metrics import Derived
from experiments.spec.scales import Scale
from experiments.spec.shown_sequences import shown_sequences
from experiments.spec.table import Cell, Row, Table
from reports.claims.claims import judge
from reports.claims.judgement import JudgedClaim
from reports.pages.cells import report_cell
from reports.pages.chance import near_chance
from reports.pages.derived_cells import contradictions
from reports.pages.facts import facts_of
from reports.pages.marks import with_best, with_other_conditions, with_other_copies, without_incomparable
from reports.pages.names import cell_name
from reports.pages.report import Report, ReportCell, ReportRow
from reports.pages.sources import find_clips, find_maps, find_strip
from runner.inference.answers import AnsweredClip
from runner.store.kept_pictures import AttentionMaps, MaskStrip
from runner.store.store import RunStore


def collect(
    table: Table,
    scale: Scale,
    store: RunStore,
    *,
    seeds: tuple[int, ...] = (0,),
    overrides: Iterable[str] = (),
    rows: Iterable[str] | None = None,
) -> Report:
    """Report of a table, from the results in a store or, for runs that are not started there, from published ones.

    Raises:
        ValueError: for unknown rows and invalid overrides.
        StoreError: if a result file cannot be read.
    """
    table = table.at(scale)
    keys = None if rows is None else tuple(rows)
    texts = tuple(overrides)
    cells = table.cells(scale, rows=keys, overrides=texts, seeds=seeds)
    unmodified = table.cells(scale, rows=keys, seeds=seeds) if texts else cells
    found = _rows(cells, unmodified, store, texts)
    report_rows = with_other_conditions(with_other_copies(found, table, cells))
    report_rows = without_incomparable(report_rows, table) if scale.small else report_rows
    guesses = _guesses(table, report_rows) if scale.small else []
    notes = (*guesses, *table.notes, *contradictions(table, [row.row for row in report_rows]))
    return Report(
        table=table,
        scale=scale,
        seeds=seeds,
        overrides=texts,
        rows=with_best(report_rows, table, small=scale.small),
        facts=facts_of(table, cells, notes),
        attention_maps=_attention_maps(table, cells, store),
        mask_strips=_mask_strips(table, cells, store),
        answered_clips=_answered_clips(table, cells, store),
    )


def judged_claims(
    table: Table, scale: Scale, store: RunStore, *, seeds: tuple[int, ...] = (0,), overrides: Iterable[str] = ()
) -> tuple[JudgedClaim, ...]:
    """Verdicts on the claims of a table, from the columns of the claims alone.

    Raises:
        ValueError: for invalid overrides.
        StoreError: if a result file cannot be read.
    """
    texts = tuple(overrides)
    named = [cell for claim in table.claims for cell in claim.cells]
    keys = {cell.column for cell in named if cell.counted is None}
    metrics = [*(column.metric for column in table.columns if column.key in keys), *(cell.counted for cell in named)]
    keys |= {key for metric in metrics if isinstance(metric, Derived) for key in metric.columns}
    cells = [cell for cell in table.cells(scale, overrides=texts, seeds=seeds) if cell.column.key in keys]
    generated = any(cell.run.data.dataset.is_replaced for cell in cells if cell.tested and cell.run is not None)
    return judge(table, scale, _rows(cells, cells, store, texts), generated=generated)


def _rows(
    cells: Sequence[Cell], unmodified: Sequence[Cell], store: RunStore, overrides: tuple[str, ...]
) -> list[ReportRow]:
    """Rows of a report.

    Args:
        unmodified: the same cells without the overrides.
    """
    rows: dict[str, list[tuple[Cell, bool]]] = {}
    for cell, other in zip(cells, unmodified, strict=True):
        rows.setdefault(cell.row.key, []).append((cell, _run_ids(cell) != _run_ids(other)))
    return [_row(several[0][0].row, several, store, overrides) for several in rows.values()]


def _guesses(table: Table, rows: Iterable[ReportRow]) -> list[str]:
    """Note on the accuracies that cannot be told from those of guesses."""
    names = [
        cell_name(table, row.row, column)
        for row in rows
        for cell, column in zip(row.cells, table.columns, strict=True)
        if any(near_chance(result.record, row.row.metric_of(column)) for result in cell.seeds if result.record)
    ]
    return [f"No better than guessing, so that it shows only that the path runs: {'; '.join(names)}."] if names else []


def _attention_maps(table: Table, cells: Iterable[Cell], store: RunStore) -> dict[str, AttentionMaps]:
    """Existing attention maps of the table's figure, by the row's key."""
    found = {row: find_maps(run, query, store) for row, run, query in queried(table.figure, cells)}
    return {row: maps for row, maps in found.items() if maps is not None}


def _mask_strips(table: Table, cells: Iterable[Cell], store: RunStore) -> dict[str, MaskStrip]:
    """Existing masks of the table's figure, by the row's key."""
    found = {shown.row: find_strip(shown, store) for shown in shown_sequences(table.figure, cells)}
    return {row: strip for row, strip in found.items() if strip is not None}


def _answered_clips(table: Table, cells: Iterable[Cell], store: RunStore) -> dict[str, tuple[AnsweredClip, ...]]:
    """Existing clips with answers of the table's figure, by the row's key."""
    found = {row: find_clips(run, store) for row, run in answered_runs(table.figure, cells)}
    return {row: clips for row, clips in found.items() if clips}


def _run_ids(cell: Cell) -> tuple[tuple[str, str], ...]:
    return tuple((run.train_id, run.eval_id) for run in cell.runs) if cell.tested else ()


def _row(row: Row, cells: list[tuple[Cell, bool]], store: RunStore, overrides: tuple[str, ...]) -> ReportRow:
    """Row of a report. Derived cells are computed after the cells that they depend on.

    Args:
        cells: cells of the row, each with whether the overrides change its runs.
    """
    finished: dict[str, ReportCell] = {}
    for cell, modified in sorted(cells, key=lambda pair: isinstance(pair[0].metric, Derived)):
        finished[cell.column.key] = replace(report_cell(cell, modified, store, overrides, finished), form=cell.form)
    runs = [cell.run for cell, _ in cells if cell.run is not None]
    return ReportRow(
        row=row,
        cells=tuple(finished[cell.column.key] for cell, _ in cells),
        pretrained=any(run.pretrained for run in runs) or any(cell.released for cell in finished.values())
        if runs
        else None,
    )
