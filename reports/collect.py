"""Joins a table with the results in a run store: the cells of the report, and the facts of its footer.

Nothing here depends on the machine that reports: hardware, versions and commits are those of the results.
"""

import math
import statistics
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from experiments.runner.attention_files import AttentionMaps, held_maps, maps_id
from experiments.runner.files import StoreError
from experiments.runner.store import RunStore
from experiments.spec.attention_queries import queried
from experiments.spec.edits import apply, override
from experiments.spec.metrics import Computed, Derived, Measured, OfTraining, Tested
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Cell, Column, Row, Table
from reports.footer import Result, facts_of
from reports.report import UNFINISHED, Report, ReportCell, ReportRow, SeedResult, State, rounded


def collect(
    table: Table,
    scale: Scale,
    store: RunStore,
    *,
    seeds: tuple[int, ...] = (0,),
    overrides: Iterable[str] = (),
    rows: Iterable[str] | None = None,
) -> Report:
    """The report of a table: results made here or, where there are none, published ones.

    Raises:
        ValueError: for an unknown row or an override that does not fit.
        StoreError: when a result file cannot be read.
    """
    keys = None if rows is None else tuple(rows)
    texts = tuple(overrides)
    cells = table.cells(scale, rows=keys, overrides=texts, seeds=seeds)
    plain = table.cells(scale, rows=keys, seeds=seeds) if texts else cells
    width = len(table.columns)
    lines = []
    for start in range(0, len(cells), width):
        pairs = zip(cells[start : start + width], plain[start : start + width], strict=True)
        lines.append(
            _row(cells[start].row, [(cell, _run_ids(cell) != _run_ids(other)) for cell, other in pairs], store, texts)
        )
    lines = _with_best(lines, table.columns)
    return Report(
        table=table,
        scale=scale,
        seeds=seeds,
        overrides=texts,
        rows=lines,
        facts=facts_of(table, cells, results_of(lines), store),
        attention_maps=_attention_maps(table, cells, store),
    )


def publish(report: Report, store: RunStore) -> int:
    """Copy the small result files behind the report to the store's published results; returns how many runs.

    Raises:
        StoreError: when they cannot be written.
    """
    results = {
        (result.train_id, result.eval_id)
        for row in report.rows
        for cell in row.cells
        for result in cell.seeds
        if result.value is not None
    }
    for train_id, eval_id in sorted(results):
        store.publish(train_id, eval_id)
    for train_id, kind in set(report.facts.measurements):
        store.publish_measurement(train_id, kind)
    cells = report.table.cells(report.scale, overrides=report.overrides, seeds=report.seeds)
    for _, run, query in queried(report.table.figure, cells):
        if run.data.dataset.stand_in is not None:  # frames of real videos are not ours to publish
            store.publish_attention_maps(run.train_id, maps_id(run, query))
    return len(results)


def results_of(rows: Iterable[ReportRow]) -> list[Result]:
    """The finished tests behind some rows."""
    return [
        Result(f"{row.row.key}.{cell.column}", result.train_id, result.metrics)
        for row in rows
        for cell in row.cells
        for result in cell.seeds
        if result.metrics is not None
    ]


def _attention_maps(table: Table, cells: Iterable[Cell], store: RunStore) -> dict[str, AttentionMaps]:
    """The attention maps of the table's figure that exist, by row."""
    found = {row: held_maps(run, store, query) for row, run, query in queried(table.figure, cells)}
    return {row: maps for row, maps in found.items() if maps is not None}


def _run_ids(cell: Cell) -> tuple[tuple[str, str], ...]:
    return tuple((run.train_id, run.eval_id) for run in cell.runs) if cell.tested else ()


def _row(row: Row, cells: list[tuple[Cell, bool]], store: RunStore, overrides: tuple[str, ...]) -> ReportRow:
    """The cells of a row; derived ones after those they are derived from.

    Args:
        cells: with whether the overrides change their runs.
    """
    made: dict[str, ReportCell] = {}
    for cell, modified in sorted(cells, key=lambda pair: isinstance(pair[0].column.metric, Derived)):
        made[cell.column.key] = _cell(cell, modified, store, overrides, made)
    return ReportRow(row=row, cells=tuple(made[cell.column.key] for cell, _ in cells))


def _cell(
    cell: Cell, modified: bool, store: RunStore, overrides: tuple[str, ...], others: dict[str, ReportCell]
) -> ReportCell:
    """A cell by the kind of its metric.

    Args:
        others: the cells of the row that are made already.
    """
    if cell.row.quoted:
        return ReportCell(column=cell.column.key, state="quoted", printed=cell.printed)
    match cell.column.metric:
        case Derived() as metric:
            return _derived_cell(cell, metric, others)
        case Measured() as metric if cell.paper_run is not None:
            return _measured_cell(cell, metric, cell.paper_run, store)
        case Computed() as metric if cell.paper_run is not None:
            return _computed_cell(cell, metric, cell.paper_run, overrides)
        case Tested() as metric if cell.paper_run is not None:
            return _tested_cell(cell, metric, modified, store)
    return ReportCell(column=cell.column.key, state="not run", printed=cell.printed)


def overridden(run: RunConfig, overrides: Iterable[str]) -> RunConfig:
    """A run at the paper's size with the overrides that fit it; some name fields of smaller scales alone."""
    for text in overrides:
        with suppress(ValueError):
            run = apply(run, [override(text, run)])
    return run


def _measured_cell(cell: Cell, metric: Measured, run: RunConfig, store: RunStore) -> ReportCell:
    """A cell of what `reproduce measure` measures."""
    record = store.measurement(run.train_id, metric.kind)
    value = record.get(metric.name) if record is not None else None
    if record is not None and not isinstance(value, int | float):
        raise StoreError(
            f"the measurement {run.train_id}/measured/{metric.kind}.json has no '{metric.name}'; move it away to have "
            f"it made again"
        )
    state: State = "not run" if record is None else "measured"
    return ReportCell(column=cell.column.key, state=state, printed=cell.printed, value=value)


def _computed_cell(cell: Cell, metric: Computed, run: RunConfig, overrides: tuple[str, ...]) -> ReportCell:
    """A cell computed from the config at the paper's size."""
    as_printed = metric.of(run)
    try:
        value = metric.of(overridden(run, overrides)) if overrides else as_printed
    except ValueError:  # an override for a small model, as a crop of 40, need not fit the paper's
        return ReportCell(column=cell.column.key, state="not run", printed=cell.printed)
    changed = value != as_printed
    state: State = "modified" if changed else "measured"
    return ReportCell(column=cell.column.key, state=state, printed=cell.printed, value=value, modified=changed)


def _tested_cell(cell: Cell, metric: Tested, modified: bool, store: RunStore) -> ReportCell:
    """A cell of finished tests, one a seed."""
    results = tuple(_seed_result(run, metric, store) for run in cell.runs)
    values = [result.value for result in results if result.value is not None]
    state = _joint_state([result.state for result in results])
    return ReportCell(
        column=cell.column.key,
        state="modified" if modified and state == "done" else state,
        printed=cell.printed,
        value=statistics.fmean(values) if values else None,
        std=statistics.stdev(values) if len(values) > 1 else None,
        num_seeds=len(values),
        num_asked=len(results),
        seeds=results,
        modified=modified,
        released=any(result.released for result in results),
        progress=_joint_progress(results),
    )


def _derived_cell(cell: Cell, metric: Derived, others: dict[str, ReportCell]) -> ReportCell:
    """A derived cell: computed seed by seed, so that its spread is that of the derived value."""
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
        state="derived" if complete else _joint_state([*states, "not run"]),
        printed=cell.printed,
        value=statistics.fmean(derived) if derived else None,
        std=statistics.stdev(derived) if len(derived) > 1 else None,
        num_seeds=len(derived) if varies else 0,
        num_asked=len(cell.seeds) if varies else 0,
        modified=any(source.modified for source in sources),
        released=any(source.released for source in sources),
    )


def _seed_result(run: RunConfig, metric: Tested, store: RunStore) -> SeedResult:
    """The result of one seed, or the state of its run."""
    result = SeedResult(seed=run.seed, train_id=run.train_id, eval_id=run.eval_id, state="not run")
    metrics = store.metrics(run.train_id, run.eval_id)
    if metrics is None:
        directory = store.run(run.train_id)
        state = directory.state(run.eval_id)
        return replace(result, state=state, progress=directory.fraction_done() if state == "running" else None)
    value = metrics.get(metric.name)
    if value is None and isinstance(metric, OfTraining):  # of released weights, which others trained
        return replace(result, metrics=metrics)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise StoreError(
            f"the result {run.train_id}/metrics/{run.eval_id}.json has no '{metric.name}'; move it away to have it "
            f"made again"
        )
    return replace(result, state="done", value=float(value), metrics=metrics)


def _joint_state(states: Iterable[State]) -> State:
    """Done when all are; else the first of UNFINISHED that one of them has."""
    found = set(states)
    for state in UNFINISHED:
        if state in found:
            return state
    return "done"


def _joint_progress(results: tuple[SeedResult, ...]) -> float | None:
    """The finished part of all seeds of a cell together, while one of them runs."""
    if not any(result.progress is not None for result in results):
        return None
    return statistics.fmean(1.0 if r.state == "done" else r.progress or 0.0 for r in results)


def _with_best(rows: list[ReportRow], columns: tuple[Column, ...]) -> tuple[ReportRow, ...]:
    """Marks the best measured values, ties to the digits shown included; a lone value is no best."""
    best: dict[str, float] = {}
    for index, column in enumerate(columns):
        values = [value for row in rows if isinstance(value := row.cells[index].value, int | float)]
        if column.best is not None and len(values) > 1:
            best[column.key] = rounded(column, max(values) if column.best == "max" else min(values))

    def mark(cell: ReportCell, column: Column) -> ReportCell:
        is_best = isinstance(cell.value, int | float) and best.get(column.key) == rounded(column, cell.value)
        return replace(cell, best=is_best)

    return tuple(replace(row, cells=tuple(map(mark, row.cells, columns))) for row in rows)
