"""Joins a table with the results in a run store: what each cell shows, and the facts that stand under the table.

Nothing here depends on the machine that reports: hardware, versions and commits are those that the results carry.
"""

import math
import statistics
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from experiments.attention_maps import AttentionMaps, held_maps, maps_id
from experiments.cost import measure
from experiments.drawing import AttentionStrips
from experiments.run import RunConfig, apply, override
from experiments.scales import Scale
from experiments.store import RunStore, StoreError
from experiments.table import Cell, Column, Difference, Row, Table
from reports.facts import Result, facts_of
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
    for train_id in {run.train_id for run in report.facts.measured_memory}:
        store.publish_memory(train_id)
    drawing = report.table.drawing
    if isinstance(drawing, AttentionStrips):
        cells = report.table.cells(report.scale, overrides=report.overrides, seeds=report.seeds)
        for _, run, query in drawing.queried(cells):
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
    """The maps that are there to be drawn, by row."""
    queried = table.drawing.queried(cells) if isinstance(table.drawing, AttentionStrips) else ()
    found = {row: held_maps(run, store, query) for row, run, query in queried}
    return {row: maps for row, maps in found.items() if maps is not None}


def _run_ids(cell: Cell) -> tuple[tuple[str, str], ...]:
    return tuple((run.train_id, run.eval_id) for run in cell.runs) if cell.trained else ()


def _row(row: Row, cells: list[tuple[Cell, bool]], store: RunStore, overrides: tuple[str, ...]) -> ReportRow:
    """The cells of a row; derived ones after those they are derived from."""
    made: dict[str, ReportCell] = {}
    for cell, modified in cells:
        if isinstance(cell.column, Column):
            made[cell.column.key] = _measured_cell(cell, modified, store, overrides)
    for cell, _ in cells:
        if isinstance(cell.column, Difference):
            made[cell.column.key] = _derived_cell(cell, cell.column, made)
    return ReportRow(row=row, cells=tuple(made[cell.column.key] for cell, _ in cells))


def overridden(run: RunConfig, overrides: Iterable[str]) -> RunConfig:
    """A run at the paper's size with the overrides that fit it: some name what only smaller scales have."""
    for text in overrides:
        with suppress(ValueError):
            run = apply(run, [override(text, run)])
    return run


def _measured_cell(cell: Cell, modified: bool, store: RunStore, overrides: tuple[str, ...]) -> ReportCell:
    column = cell.column
    assert isinstance(column, Column)
    if cell.row.quoted:
        return ReportCell(column=column.key, state="quoted", printed=cell.printed)
    if cell.paper_run is None:
        return ReportCell(column=column.key, state="not run", printed=cell.printed)
    if column.metric == "memory":
        record = store.memory(cell.paper_run.train_id)
        peak = record["peak_gib"] if record else None
        return ReportCell(
            column=column.key, state="measured" if record else "not run", printed=cell.printed, value=peak
        )
    if not cell.trained:
        as_printed = measure(column.metric, cell.paper_run)
        try:
            value = measure(column.metric, overridden(cell.paper_run, overrides)) if overrides else as_printed
        except ValueError:  # what fits a small model, as a crop of 40, need not fit the paper's
            return ReportCell(column=column.key, state="not run", printed=cell.printed)
        changed = value != as_printed
        return ReportCell(
            column=column.key,
            state="modified" if changed else "measured",
            printed=cell.printed,
            value=value,
            modified=changed,
        )
    results = tuple(_seed_result(run, column.metric, store) for run in cell.runs)
    values = [result.value for result in results if result.value is not None]
    state = _joint_state([result.state for result in results])
    return ReportCell(
        column=column.key,
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


def _derived_cell(cell: Cell, column: Difference, made: dict[str, ReportCell]) -> ReportCell:
    """A derived cell: computed seed by seed, so that what varies is the derived value."""
    if cell.row.quoted:
        return ReportCell(column=column.key, state="quoted", printed=cell.printed)
    sources = [made[key] for key in (column.left, column.right)]
    by_seed: list[dict[str, float]] = []
    for seed in cell.seeds:
        values: dict[str, float] = {}
        for source in sources:
            found = next((r.value for r in source.seeds if r.seed == seed), None) if source.seeds else source.value
            if isinstance(found, int | float):
                values[source.column] = found
        by_seed.append(values)
    derived = [value for value in map(column.value, by_seed) if value is not None]
    states: list[State] = [source.state for source in sources if source.state in UNFINISHED]
    varies = any(source.seeds for source in sources)
    complete = len(derived) == len(cell.seeds) and not states
    return ReportCell(
        column=column.key,
        state="derived" if complete else _joint_state([*states, "not run"]),
        printed=cell.printed,
        value=statistics.fmean(derived) if derived else None,
        std=statistics.stdev(derived) if len(derived) > 1 else None,
        num_seeds=len(derived) if varies else 0,
        num_asked=len(cell.seeds) if varies else 0,
        modified=any(source.modified for source in sources),
        released=any(source.released for source in sources),
    )


def _seed_result(run: RunConfig, metric: str, store: RunStore) -> SeedResult:
    train_id, eval_id = run.train_id, run.eval_id
    metrics = store.measured(train_id, eval_id)
    if metrics is not None:
        value = metrics.get(metric)
        if metric == "device_hours" and value is None:  # released weights, which others trained
            return SeedResult(seed=run.seed, train_id=train_id, eval_id=eval_id, state="not run", metrics=metrics)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise StoreError(
                f"the result {train_id}/metrics/{eval_id}.json has no '{metric}'; move it away to have it made again"
            )
        return SeedResult(
            seed=run.seed, train_id=train_id, eval_id=eval_id, state="done", value=float(value), metrics=metrics
        )
    directory = store.run(train_id)
    state = directory.state(eval_id)
    return SeedResult(
        seed=run.seed,
        train_id=train_id,
        eval_id=eval_id,
        state=state,
        progress=directory.fraction_done() if state == "running" else None,
    )


def _joint_state(states: Iterable[State]) -> State:
    """Done when all are; else the most telling of the unfinished ones."""
    found = set(states)
    for state in UNFINISHED:
        if state in found:
            return state
    return "done"


def _joint_progress(results: tuple[SeedResult, ...]) -> float | None:
    """How far all seeds of a cell are together, while one of them runs."""
    if not any(result.progress is not None for result in results):
        return None
    return statistics.fmean(1.0 if r.state == "done" else r.progress or 0.0 for r in results)


def _with_best(rows: list[ReportRow], columns: tuple[Column | Difference, ...]) -> tuple[ReportRow, ...]:
    """Marks the best measured values, ties to the digits shown included; a lone value is no best."""
    best: dict[str, float] = {}
    for index, column in enumerate(columns):
        values = [value for row in rows if isinstance(value := row.cells[index].value, float)]
        if column.best is not None and len(values) > 1:
            best[column.key] = rounded(column, max(values) if column.best == "max" else min(values))

    def mark(cell: ReportCell, column: Column | Difference) -> ReportCell:
        is_best = isinstance(cell.value, float) and best.get(column.key) == rounded(column, cell.value)
        return replace(cell, best=is_best)

    return tuple(replace(row, cells=tuple(map(mark, row.cells, columns))) for row in rows)
