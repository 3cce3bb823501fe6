"""Collection of a report from a table and the results in a run store.

A report does not depend on the machine that makes it: hardware, versions and commits are those of the results.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from experiments.runner.attention_files import AttentionMaps
from experiments.runner.computed_values import computed
from experiments.runner.files import StoreError
from experiments.runner.mask_strip_files import MaskStrip
from experiments.runner.store import RunStore
from experiments.spec.attention_queries import queried
from experiments.spec.edits import apply, override
from experiments.spec.metrics import Computed, Derived, Measured, OfTraining, Tested
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.shown_sequences import shown_sequences
from experiments.spec.table import Cell, Column, Row, Table
from reports.claims import judge
from reports.data_facts import data_facts
from reports.derived_cells import contradictions, derived_cell, quoted_cell
from reports.footer import Result, facts_of
from reports.judgement import JudgedClaim
from reports.labels import cell_name
from reports.report import Report, ReportCell, ReportRow, SeedResult, State, joint_state, quoted_values
from reports.sources import find_maps, find_measurement, find_result, find_strip


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
    keys = None if rows is None else tuple(rows)
    texts = tuple(overrides)
    cells = table.cells(scale, rows=keys, overrides=texts, seeds=seeds)
    unmodified = table.cells(scale, rows=keys, seeds=seeds) if texts else cells
    report_rows = _rows(cells, unmodified, store, texts)
    results = results_of(table, report_rows)
    runs = {run.train_id: run for cell in cells if cell.tested for run in cell.runs}
    data, facts = data_facts(results, runs), facts_of(table, cells, results, store, overridden=bool(texts))
    report_rows = [_with_other_data(row, data.cells, table) for row in report_rows]
    report_rows = _with_best(report_rows, table.columns, small=scale.small)
    return Report(
        table=table,
        scale=scale,
        seeds=seeds,
        overrides=texts,
        rows=report_rows,
        facts=replace(
            facts,
            data=data.fingerprints,
            official_sizes=data.official_sizes,
            deviations=(*data.deviations, *facts.deviations, *contradictions(table, [row.row for row in report_rows])),
        ),
        attention_maps=_attention_maps(table, cells, store),
        mask_strips=_mask_strips(table, cells, store),
        claims=judge(table, scale, report_rows) if keys is None else (),
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
    return judge(table, scale, _rows(cells, cells, store, texts))


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


def results_of(table: Table, rows: Iterable[ReportRow]) -> list[Result]:
    """Finished tests of some rows."""
    return [
        Result(cell_name(table, row.row, column), result.train_id, result.metrics)
        for row in rows
        for cell, column in zip(row.cells, table.columns, strict=True)
        for result in cell.seeds
        if result.metrics is not None
    ]


def _attention_maps(table: Table, cells: Iterable[Cell], store: RunStore) -> dict[str, AttentionMaps]:
    """Existing attention maps of the table's figure, by the row's key."""
    found = {row: find_maps(run, query, store) for row, run, query in queried(table.figure, cells)}
    return {row: maps for row, maps in found.items() if maps is not None}


def _mask_strips(table: Table, cells: Iterable[Cell], store: RunStore) -> dict[str, MaskStrip]:
    """Existing masks of the table's figure, by the row's key."""
    found = {shown.row: find_strip(shown, store) for shown in shown_sequences(table.figure, cells)}
    return {row: strip for row, strip in found.items() if strip is not None}


def _run_ids(cell: Cell) -> tuple[tuple[str, str], ...]:
    return tuple((run.train_id, run.eval_id) for run in cell.runs) if cell.tested else ()


def _row(row: Row, cells: list[tuple[Cell, bool]], store: RunStore, overrides: tuple[str, ...]) -> ReportRow:
    """Row of a report. Derived cells are computed after the cells that they depend on.

    Args:
        cells: cells of the row, each with whether the overrides change its runs.
    """
    finished: dict[str, ReportCell] = {}
    for cell, modified in sorted(cells, key=lambda pair: isinstance(pair[0].metric, Derived)):
        finished[cell.column.key] = replace(_cell(cell, modified, store, overrides, finished), form=cell.form)
    runs = [cell.run for cell, _ in cells if cell.run is not None]
    return ReportRow(
        row=row,
        cells=tuple(finished[cell.column.key] for cell, _ in cells),
        pretrained=any(run.pretrained for run in runs) or any(cell.released for cell in finished.values())
        if runs
        else None,
    )


def _cell(
    cell: Cell, modified: bool, store: RunStore, overrides: tuple[str, ...], others: dict[str, ReportCell]
) -> ReportCell:
    """Cell of a report, computed according to the kind of its metric.

    Args:
        others: cells of the row that are already computed.
    """
    if cell.row.quoted:
        return quoted_cell(cell, others)
    match cell.metric:
        case Derived() as metric:
            return derived_cell(cell, metric, others)
        case Measured() as metric if cell.paper_run is not None:
            return _measured_cell(cell, metric, cell.paper_run, store)
        case Computed() as metric if cell.paper_run is not None:
            return _computed_cell(cell, metric, cell.paper_run, overrides)
        case Tested() as metric if cell.paper_run is not None:
            return _tested_cell(cell, metric, modified, store)
    return ReportCell(column=cell.column.key, state="not applicable", printed=cell.printed)


def overridden(run: RunConfig, overrides: Iterable[str]) -> RunConfig:
    """Run with the overrides that are valid for it. Some overrides name fields that only smaller scales have."""
    for text in overrides:
        with suppress(ValueError):
            run = apply(run, [override(text, run)])
    return run


def _measured_cell(cell: Cell, metric: Measured, run: RunConfig, store: RunStore) -> ReportCell:
    """Cell with a value of `reproduce measure`."""
    found = find_measurement(run.train_id, metric.kind, store)
    if found is None:
        return ReportCell(column=cell.column.key, state="not run", printed=cell.printed)
    record, source = found
    value = metric.value(record, run)
    if value is None and metric.in_turns:  # measured without the runs that the value refers to
        return ReportCell(column=cell.column.key, state="not run", printed=cell.printed)
    if value is None:
        raise StoreError(
            f"the measurement {run.train_id}/measured/{metric.kind}.json has no '{metric.name}'; move it away to have "
            f"it made again"
        )
    return ReportCell(
        column=cell.column.key,
        state="measured",
        printed=cell.printed,
        value=value,
        published=source.published,
        source=source,
        conditions=metric.conditions_of(record),
        repeats=metric.repeats(record, run),
    )


def _computed_cell(cell: Cell, metric: Computed, run: RunConfig, overrides: tuple[str, ...]) -> ReportCell:
    """Cell with a value computed from the config at the paper's size."""
    as_printed = computed(metric.name, metric.of, run)
    try:
        value = computed(metric.name, metric.of, overridden(run, overrides)) if overrides else as_printed
    except ValueError:  # e.g. a crop of 40, which is valid for small models only
        return ReportCell(column=cell.column.key, state="not applicable", printed=cell.printed)
    changed = value != as_printed
    state: State = "modified" if changed else "measured"
    return ReportCell(column=cell.column.key, state=state, printed=cell.printed, value=value, modified=changed)


def _tested_cell(cell: Cell, metric: Tested, modified: bool, store: RunStore) -> ReportCell:
    """Cell with the mean over the finished tests, one per seed."""
    results = tuple(_seed_result(run, metric, store) for run in cell.runs)
    values = [result.value for result in results if result.value is not None]
    state = joint_state([result.state for result in results])
    return ReportCell(
        column=cell.column.key,
        state="modified" if modified and state == "done" else state,
        printed=cell.printed,
        value=statistics.fmean(values) if values else None,
        std=statistics.stdev(values) if len(values) > 1 else None,
        num_seeds=len(values),
        num_requested=len(results),
        seeds=results,
        modified=modified,
        released=any(result.released for result in results),
        published=any(result.source.published for result in results if result.source is not None),
        progress=_joint_progress(results),
    )


def _seed_result(run: RunConfig, metric: Tested, store: RunStore) -> SeedResult:
    """Result of one seed, or the state of its unfinished run."""
    result = SeedResult(seed=run.seed, train_id=run.train_id, eval_id=run.eval_id, state="not run")
    if isinstance(metric, OfTraining) and run.optim is None:
        return replace(result, state="not applicable")
    found = find_result(run, store)
    if found is None:
        directory = store.run(run.train_id)
        state = directory.state(run)
        return replace(result, state=state, progress=directory.fraction_done() if state == "running" else None)
    metrics, source = found
    value = metric.value(metrics)
    if value is None and metric.is_optional:  # e.g. released weights: their training is not measured here
        return replace(result, state="not applicable", metrics=metrics, source=source)
    if value is None or not math.isfinite(value):
        raise StoreError(
            f"the result {run.train_id}/metrics/{run.eval_id}.json has no '{metric.name}'; move it away to have it "
            f"made again"
        )
    return replace(result, state="done", value=value, metrics=metrics, source=source)


def _joint_progress(results: tuple[SeedResult, ...]) -> float | None:
    """Mean progress over the seeds of a cell; None if no seed is running."""
    if not any(result.progress is not None for result in results):
        return None
    return statistics.fmean(1.0 if r.state == "done" else r.progress or 0.0 for r in results)


def _with_other_data(row: ReportRow, cells: frozenset[str], table: Table) -> ReportRow:
    """Row with marked cells.

    Args:
        cells: names of the cells that were measured on other data.
    """
    keys = {column.key for column in table.columns if cell_name(table, row.row, column) in cells}

    def is_marked(column: Column) -> bool:
        metric = row.row.metric_of(column)
        return not keys.isdisjoint(metric.columns if isinstance(metric, Derived) else (column.key,))

    marked = (
        replace(cell, other_data=is_marked(column)) for cell, column in zip(row.cells, table.columns, strict=True)
    )
    return replace(row, cells=tuple(marked))


def _with_best(rows: list[ReportRow], columns: tuple[Column, ...], *, small: bool) -> tuple[ReportRow, ...]:
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
