"""Cells of a report, computed according to the kind of their metric, and the best ones of their columns."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from experiments.spec.edits import all_overridden
from experiments.spec.metrics import TOO_LARGE, Computed, Derived, Measured, OfTraining, Tested
from experiments.spec.run import RunConfig
from experiments.spec.table import Cell, Row, Table
from reports.pages.data_copies import on_other_copies
from reports.pages.report import UNFINISHED, ReportCell, ReportRow, SeedResult, State, joint_state, quoted_numbers
from reports.pages.table_texts import cell_name
from runner.machine.files import StoreError
from runner.measure.computed_values import computed
from runner.store.published import other_measurements, other_tests
from runner.store.records import fields_of_test
from runner.store.store import RunStore


def report_cell(
    cell: Cell, store: RunStore, others: Mapping[str, ReportCell], overrides: tuple[str, ...]
) -> ReportCell:
    """Cell of a report. `others`: those of its row, by column, that a derived one depends on."""
    if cell.row.quoted:
        return quoted_cell(cell, others)
    match cell.metric:
        case Derived() as metric:
            return derived_cell(cell, metric, others)
        case Measured() as metric if cell.paper_run is not None:
            return _measured_cell(cell, metric, cell.paper_run, store)
        case Computed() as metric if cell.paper_run is not None:
            return _computed_cell(cell, metric, cell.paper_run, overrides)
        case Tested() as metric if cell.run is not None:
            return _tested_cell(cell, metric, store)
    return ReportCell(cell=cell, state="not applicable")


def _measured_cell(cell: Cell, metric: Measured, run: RunConfig, store: RunStore) -> ReportCell:
    found = store.measurement(run.train_id, metric.kind)
    if found is None:
        return ReportCell(cell=cell, state="not run")
    of_store = partial(ReportCell, cell=cell, published=found.directory.is_published, measurement=found)
    if TOO_LARGE in found.record:
        return of_store(state="too large")
    value = metric.value(found.record, run)
    if value is None and metric.in_turns:  # it may have been made without the runs that the value refers to
        return ReportCell(cell=cell, state="not run")
    if value is None:
        raise StoreError(
            f"the measurement {run.train_id}/measured/{metric.kind}.json has no '{metric.name}'; move it away to have "
            f"it made again"
        )
    return of_store(state="measured", value=value, other_measurements=other_measurements(found, store))


def _computed_cell(cell: Cell, metric: Computed, run: RunConfig, overrides: tuple[str, ...]) -> ReportCell:
    as_printed = computed(metric.name, metric.of, run)
    try:
        value = computed(metric.name, metric.of, all_overridden(run, overrides)) if overrides else as_printed
    except ValueError:  # e.g. a crop of 40, which is valid for small models only
        value = None
    if value is None:
        return ReportCell(cell=cell, state="not applicable")
    changed = value != as_printed
    return ReportCell(cell=cell, state="modified" if changed else "measured", value=value, modified=changed)


def _tested_cell(cell: Cell, metric: Tested, store: RunStore) -> ReportCell:
    results = tuple(_seed_result(run, metric, store) for run in cell.runs)
    values = [result.value for result in results if result.value is not None]
    state = joint_state(result.state for result in results)
    return ReportCell(
        cell=cell,
        state="modified" if cell.modified and state == "done" else state,
        value=statistics.fmean(values) if values else None,
        std=statistics.stdev(values) if len(values) > 1 else None,
        num_seeds=len(values),
        num_requested=len(results),
        seeds=results,
        modified=cell.modified,
        released=any(result.released for result in results),
        published=any(result.published for result in results),
    )


def _seed_result(run: RunConfig, metric: Tested, store: RunStore) -> SeedResult:
    if isinstance(metric, OfTraining) and run.optim is None:
        return SeedResult(run=run, state="not applicable")
    found = store.test(run, store.shown(run))
    if found is None:
        directory = store.run(run.train_id)
        state = directory.state(run)
        return SeedResult(run=run, state=state, progress=directory.fraction_done() if state == "running" else None)
    value = metric.value(fields_of_test(found.record))
    if value is None:  # e.g. released weights: their training is not measured here
        return SeedResult(run=run, state="not applicable", test=found)
    return SeedResult(run=run, state="done", value=value, test=found, others=other_tests(run, found, store))


def derived_cell(cell: Cell, metric: Derived, others: Mapping[str, ReportCell]) -> ReportCell:
    """Cell of a derived metric, computed for each seed, so that its `std` is that of the derived value."""
    sources = {key: others[key] for key in metric.columns}
    derived = []
    varies = any(len(source.seeds) > 1 for source in sources.values())
    for seed in cell.seeds if varies else cell.seeds[:1]:
        found = {key: _of_seed(source, seed) for key, source in sources.items()}
        derived.append(metric.value({key: value for key, value in found.items() if isinstance(value, int | float)}))
    values = [value for value in derived if value is not None]
    states: list[State] = [source.state for source in sources.values() if source.state in UNFINISHED]
    is_tested = any(source.seeds for source in sources.values())
    complete = len(values) == len(derived) and not states
    return ReportCell(
        cell=cell,
        state="derived" if complete else joint_state(states or ["not run"]),
        value=statistics.fmean(values) if values else None,
        std=statistics.stdev(values) if len(values) > 1 else None,
        num_seeds=len(values) if is_tested else 0,
        num_requested=len(derived) if is_tested else 0,
        modified=any(source.modified for source in sources.values()),
        released=any(source.released for source in sources.values()),
        published=bool(values) and any(source.published for source in sources.values()),
    )


def _of_seed(cell: ReportCell, seed: int) -> float | str | None:
    """Value of a cell for a seed; the only one of a cell without seeds."""
    return cell.by_seed[seed].value if cell.seeds else cell.value


def quoted_cell(cell: Cell, others: Mapping[str, ReportCell]) -> ReportCell:
    """Cell of a quoted row, with a value if its metric is derived and the cells that it needs are printed."""
    printed = {key: float(other.printed) for key, other in others.items() if isinstance(other.printed, int | float)}
    value = cell.metric.value(printed) if isinstance(cell.metric, Derived) else None
    return ReportCell(cell=cell, state="quoted", value=value)


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


def marked(rows: Sequence[ReportRow], table: Table, *, comparable: bool) -> tuple[ReportRow, ...]:
    """Rows with marked cells. Without tested values that can be compared, none of these is the best."""
    others, columns = on_other_copies([cell for row in rows for cell in row.cells]), []
    for cells in zip(*(row.cells for row in rows), strict=True):
        usual = _most(cell.conditions for cell in cells)
        found = [
            replace(cell, other_data=(cell.row.key, cell.column.key) in others or cell.conditions not in (None, usual))
            for cell in cells
        ]
        has_best = comparable or not table.rests_on_test(cells[0].column.metric)
        columns.append(_with_best(found) if has_best else found)
    return tuple(replace(row, cells=cells) for row, cells in zip(rows, zip(*columns, strict=True), strict=True))


def _with_best(cells: list[ReportCell]) -> list[ReportCell]:
    """Column with the best values of ours marked, including ties after rounding. A single value is not marked.

    A value is best if no quoted value of its column is better. Values measured on other data do not count, nor do rows
    with a metric of their own. None is marked if more than two, and more than half, of the values are equally good.
    """
    column = cells[0].column
    ours = {
        index: column.form.rounded(cell.value)
        for index, cell in enumerate(cells)
        if isinstance(cell.value, int | float) and not (cell.row.quoted or cell.row.metric or cell.other_data)
    }
    rounded = [*ours.values(), *map(column.form.rounded, quoted_numbers(cells))]
    if column.best is None or not ours or len(rounded) < 2:
        return cells
    best = max(rounded) if column.best == "max" else min(rounded)
    if rounded.count(best) > max(2, len(rounded) // 2):
        return cells
    return [replace(cell, best=ours.get(index) == best) for index, cell in enumerate(cells)]


def _most(conditions: Iterable[str | None]) -> str | None:
    """Conditions that more cells have than any other ones; None if there are none."""
    counts = [*Counter(filter(None, conditions)).most_common(2), (None, 0), (None, 0)]
    return counts[0][0] if counts[0][1] > counts[1][1] else None
