"""`reproduce measure`: measures what a table's memory and speed columns show, at the paper's size."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import NamedTuple

from experiments.runner.files import write_atomically
from experiments.runner.measure import MEASUREMENTS, NotMeasurableError, TooLargeError, nearest_batch
from experiments.spec.catalog import find
from experiments.spec.metrics import Measured
from experiments.spec.run import RunConfig
from experiments.spec.table import Cell, Table
from reproduce.exit_codes import DONE, UNUSABLE
from reproduce.selection import store_of


class Measurement(NamedTuple):
    """A measurement to make: of which kind, of which cell."""

    kind: str
    cell: Cell
    run: RunConfig
    table: Table


def execute(options: argparse.Namespace) -> int:
    """Make each distinct measurement and keep it beside the runs."""
    if options.batch is not None and options.batch < 1:
        raise ValueError(f"--batch {options.batch}: it must be 1 or more")
    store, wanted = store_of(options), {}
    for table, rows in find(options.tables):
        for cell in table.cells(rows=rows):
            metric, run = cell.column.metric, cell.paper_run
            if isinstance(metric, Measured) and run is not None:
                wanted.setdefault((run.train_id, metric.kind), Measurement(metric.kind, cell, run, table))
    if not wanted:
        raise ValueError(f"{' '.join(options.tables)}: no column is measured on a device")
    code, batches = DONE, Batches(options.batch)
    for one in wanted.values():
        batch = batches.of(one)
        try:
            record = MEASUREMENTS[one.kind](one.run, batch)
        except NotMeasurableError as error:
            print(f"{one.cell.row.key}: {error}", file=sys.stderr)
            if isinstance(error, TooLargeError):
                code = UNUSABLE
            continue
        write_atomically(store.run(one.run.train_id).measurement(one.kind), json.dumps(record, indent=1) + "\n")
        name = one.cell.column.metric.name
        printed = f", printed {one.cell.printed}" if one.cell.printed is not None else ""
        print(f"{one.cell.row.key}: {name} {record[name]:.2f} with batch {batch}{printed}")
    return code


class Batches:
    """The batch of each measurement.

    Args:
        asked: the batch on the command line; None for the one at which a reference row comes nearest to its printed
            value, or 1 where the column names no such row.
    """

    def __init__(self, asked: int | None) -> None:
        self.asked = asked
        self.found: dict[tuple[str, float], int] = {}

    def of(self, measurement: Measurement) -> int:
        """The batch.

        Raises:
            ValueError: where the reference row has no printed value.
            OSError: where there is no GPU, or it is too small for one item.
        """
        column = measurement.cell.column
        metric = column.metric
        assert isinstance(metric, Measured)
        if self.asked is not None:
            return self.asked
        if metric.calibrated_by is None:
            return 1
        cells = measurement.table.cells(rows=[metric.calibrated_by])
        cell = next(cell for cell in cells if cell.column is column)
        if cell.paper_run is None or not isinstance(cell.printed, int | float):
            raise ValueError(
                f"{measurement.table.name}:{metric.calibrated_by} has no printed value; set the batch with --batch"
            )
        key = (cell.paper_run.train_id, cell.printed)
        if key not in self.found:
            self.found[key] = nearest_batch(cell.printed, value_with(cell.paper_run, metric))
        return self.found[key]


def value_with(run: RunConfig, metric: Measured) -> Callable[[int], float]:
    """The metric of a run as a function of the batch."""

    def value(batch: int) -> float:
        found = MEASUREMENTS[metric.kind](run, batch)[metric.name]
        assert isinstance(found, float)
        return found

    return value
