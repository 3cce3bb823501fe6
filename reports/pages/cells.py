"""Cells of a report, computed according to the kind of their metric."""

import math
import statistics
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from experiments.spec.edits import apply, override
from experiments.spec.metrics import Computed, Derived, Measured, OfTraining, Tested
from experiments.spec.run import RunConfig
from experiments.spec.table import Cell
from reports.pages.derived_cells import derived_cell, quoted_cell
from reports.pages.report import ReportCell, SeedResult, State, joint_state
from reports.pages.sources import find_measurement, find_result
from runner.machine.files import StoreError
from runner.measure.computed_values import computed
from runner.store.records import fields_of_test
from runner.store.store import RunStore


def report_cell(
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
        measurement=record,
        conditions=metric.conditions_of(record),
        device=record["hardware"],
        repeats=metric.repeats(record, run),
    )


def _computed_cell(cell: Cell, metric: Computed, run: RunConfig, overrides: tuple[str, ...]) -> ReportCell:
    """Cell with a value computed from the config at the paper's size."""
    as_printed = computed(metric.name, metric.of, run)
    try:
        value = computed(metric.name, metric.of, overridden(run, overrides)) if overrides else as_printed
    except ValueError:  # e.g. a crop of 40, which is valid for small models only
        return ReportCell(column=cell.column.key, state="not applicable", printed=cell.printed)
    if value is None:
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
        printed=None if any(run.data.dataset.own_folder is not None for run in cell.runs) else cell.printed,
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
    record, source = found
    value = metric.value(fields_of_test(record))
    if value is None and metric.is_optional:  # e.g. released weights: their training is not measured here
        return replace(result, state="not applicable", record=record, source=source)
    if value is None or not math.isfinite(value):
        raise StoreError(
            f"the result {run.train_id}/metrics/{run.eval_id}.json has no '{metric.name}'; move it away to have it "
            f"made again"
        )
    return replace(result, state="done", value=value, record=record, source=source)


def _joint_progress(results: tuple[SeedResult, ...]) -> float | None:
    """Mean progress over the seeds of a cell; None if no seed is running."""
    if not any(result.progress is not None for result in results):
        return None
    return statistics.fmean(1.0 if r.state == "done" else r.progress or 0.0 for r in results)
