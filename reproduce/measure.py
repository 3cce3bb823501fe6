"""`reproduce measure`: measures the values of memory and speed columns, at the paper's size.

Some measurements are made for all rows of all named tables in turns, and saved when all of their rounds have finished.
The others are made and saved one after another.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from experiments.runner.acceptance import sealed
from experiments.runner.files import write_atomically
from experiments.runner.measure import NotMeasurableError, TooLargeError, measured, nearest_batch
from experiments.runner.messages import one_line
from experiments.runner.store import RunStore
from experiments.runner.turns import Turns
from experiments.spec.catalog import find
from experiments.spec.metrics import IN_TURNS, Measured
from experiments.spec.run import RunConfig
from experiments.spec.table import Cell, Table
from reports.labels import cell_name
from reproduce.exit_codes import DONE, UNUSABLE
from reproduce.next_command import say_next
from reproduce.selection import store_of


class Measurement(NamedTuple):
    """Measurement of a metric for a cell."""

    metric: Measured
    cell: Cell
    run: RunConfig
    table: Table


def execute(options: argparse.Namespace) -> int:
    """Make each distinct measurement and save it with the runs."""
    for option, value in (("--batch", options.batch), ("--rounds", options.rounds)):
        if value is not None and value < 1:
            raise ValueError(f"{option} {value}: it must be 1 or more")
    store, measurements = store_of(options), {}
    for table, rows in find(options.tables):
        for cell in table.cells(rows=rows):
            metric, run = cell.metric, cell.paper_run
            if isinstance(metric, Measured) and run is not None:
                measurements.setdefault((run.train_id, metric.kind), Measurement(metric, cell, run, table))
    if not measurements:
        raise ValueError(f"{' '.join(options.tables)}: no column is measured on a device")
    in_turns: dict[str, list[Measurement]] = {}
    for measurement in measurements.values():
        if measurement.metric.in_turns:
            in_turns.setdefault(measurement.metric.kind, []).append(measurement)
    codes = [measure_each([m for m in measurements.values() if not m.metric.in_turns], options.batch, store)]
    codes += [measure_in_turns(several, options.batch, options.rounds, store) for several in in_turns.values()]
    if max(codes) == DONE:
        say_next("report", options)
    return max(codes)


def measure_each(measurements: Iterable[Measurement], batch_size: int | None, store: RunStore) -> int:
    """Make measurements one after another. The exit code tells whether each run fits."""
    code, batches = DONE, Batches(batch_size)
    for measurement in measurements:
        batch = batches.of(measurement)
        try:
            record = measured(measurement.metric, measurement.run, batch)
        except NotMeasurableError as error:
            print(f"{measurement.cell.row.key}: {one_line(error)}", file=sys.stderr)
            if isinstance(error, TooLargeError):
                code = UNUSABLE
            continue
        if (reference := batches.reference(measurement)) is not None:
            cell = cell_name(measurement.table, reference.row, reference.column)
            record["calibrated"] = {"table": measurement.table.name, "cell": cell, "printed": reference.printed}
        save(measurement, record, store)
    return code


def measure_in_turns(
    measurements: Sequence[Measurement], batch_size: int | None, rounds: int | None, store: RunStore
) -> int:
    """Make measurements of one kind in turns, and save them after the last round.

    The exit code tells whether each run fits.
    """
    by_cell = {f"{m.table.name}:{m.cell.row.key}.{m.cell.column.key}": m for m in measurements}
    kind = measurements[0].metric.kind

    def say(text: str) -> None:
        print(f"{kind}: {one_line(text)}", file=sys.stderr, flush=True)

    try:
        records = Turns(IN_TURNS[kind], batch_size=batch_size, rounds=rounds, say=say).records(
            {name: m.run for name, m in by_cell.items()}
        )
    except NotMeasurableError as error:
        say(str(error))
        return UNUSABLE if isinstance(error, TooLargeError) else DONE
    for name, record in records.items():
        save(by_cell[name], record, store)
    return DONE if len(records) == len(by_cell) else UNUSABLE


def save(measurement: Measurement, record: dict[str, object], store: RunStore) -> None:
    """Write the record of a measurement, and print its value."""
    _, cell, run, _ = measurement
    record = sealed({"train_id": run.train_id, **record})
    directory = store.run(run.train_id)
    directory.save_config(run.description)
    write_atomically(directory.measurement(measurement.metric.kind), json.dumps(record, indent=1) + "\n")
    value = measurement.metric.value(record, run)
    assert value is not None
    number = f"{value:.2f}" if value >= 1 else f"{value:.2g}"
    printed = f", printed {cell.printed}" if cell.printed is not None else ""
    print(f"{cell.row.key}: {measurement.metric.name} {number} with batch {record['batch_size']}{printed}")


class Batches:
    """Batch size of each measurement.

    Args:
        fixed: batch size for all measurements. None for the batch size at which the measured value of the column's
            reference row is nearest to its printed value; in a column without one, for that of the metric, or else 1.
    """

    def __init__(self, fixed: int | None) -> None:
        self.fixed = fixed
        self.calibrated: dict[tuple[str, float], int] = {}

    def of(self, measurement: Measurement) -> int:
        """Batch size of a measurement.

        Raises:
            ValueError: if the reference row has no printed value.
            OSError: if there is no GPU, or if it is too small for one item.
        """
        cell = self.reference(measurement)
        if cell is None:
            return self.fixed or measurement.metric.batch_size or 1
        if cell.paper_run is None or not isinstance(cell.printed, int | float):
            raise ValueError(
                f"{measurement.table.name}:{cell.row.key} has no printed value; set the batch with --batch"
            )
        key = (cell.paper_run.train_id, cell.printed)
        if key not in self.calibrated:
            self.calibrated[key] = nearest_batch(cell.printed, value_with(cell.paper_run, measurement.metric))
        return self.calibrated[key]

    def reference(self, measurement: Measurement) -> Cell | None:
        """Cell whose printed value determines the batch size; None for a fixed batch size or a column without one."""
        if self.fixed is not None or measurement.metric.calibrated_by is None:
            return None
        cells = measurement.table.cells(rows=[measurement.metric.calibrated_by])
        return next(cell for cell in cells if cell.column is measurement.cell.column)


def value_with(run: RunConfig, metric: Measured) -> Callable[[int], float]:
    """Metric of a run as a function of the batch size."""

    def value(batch: int) -> float:
        found = metric.value(measured(metric, run, batch), run)
        assert found is not None
        return found

    return value
