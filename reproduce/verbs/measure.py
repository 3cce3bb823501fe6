"""`reproduce measure`: measures the values of memory and speed columns, at the paper's size, or the speed of reading.

Some measurements are made for all rows of all named tables in turns, and saved when all of their rounds have finished.
The others are made and saved one after another.
"""

import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from data.config import DataConfig
from experiments.spec.catalog import find
from experiments.spec.metrics import IN_TURNS, TOO_LARGE, Measured
from experiments.spec.run import RunConfig
from experiments.spec.scales import find_scale
from experiments.spec.table import Cell, Table
from reproduce.next_command import say_next
from reproduce.options import DONE, UNUSABLE, Measure
from reproduce.selection import jobs, resources_of, store_of
from runner.machine.files import write_atomically
from runner.machine.messages import one_line
from runner.measure.device_time import READING, device_name, measured_reading, step_speed, trained_per_second
from runner.measure.memory import NotMeasurableError, measured
from runner.measure.throughput import Turns
from runner.store.provenance import hardware, provenance
from runner.store.records import sealed
from runner.store.store import RunStore


class Measurement(NamedTuple):
    metric: Measured
    cell: Cell
    run: RunConfig
    table: Table


def execute(options: Measure) -> int:
    """Make each distinct measurement and save it with the runs.

    What cannot be measured here is named on stderr. The exit code tells whether anything was measured; that a run does
    not fit into the memory is a measurement, too.
    """
    if options.reading:
        return measure_reading(options)
    for name in ("columns", "data", "device_jitter", "overrides", "scale", "seeds", "workers"):
        if getattr(options, name) != getattr(Measure, name):
            raise ValueError(f"{name} goes with --reading: measured columns have runs of their own")
    store, measurements = store_of(options), {}
    for table, rows in find(options.tables):
        for cell in table.cells(rows=rows):
            metric, run = cell.metric, cell.paper_run
            if isinstance(metric, Measured) and run is not None:
                measurements.setdefault((run.train_id, metric.kind), Measurement(metric, cell, run, table))
    if not measurements:
        raise ValueError(f"{' '.join(options.tables)}: no column is measured on a device")
    store.check_writable()
    num_made = measure_each([m for m in measurements.values() if not m.metric.in_turns], options, store)
    for kind in IN_TURNS:
        if several := [m for m in measurements.values() if m.metric.kind == kind]:
            num_made += measure_in_turns(kind, several, options, store)
    if num_made:
        say_next("report", options)
        return DONE
    return UNUSABLE


def measure_reading(options: Measure) -> int:
    """Measure the reading of each distinct kind of training items, and the training step of each run."""
    from runner.measure.reading import ReadingSpeed, reading_speed, step_seconds  # here: it imports what reads videos

    store, resources, scale = store_of(options), resources_of(options), find_scale(options.scale)
    found = [(job, job.run.optim) for job in jobs(options) if job.run.optim is not None]
    if not found:
        raise ValueError(f"{' '.join(options.tables)}: no run is trained")
    store.check_writable()
    lists, of_data = resources.item_lists(), dict[DataConfig, ReadingSpeed]()
    for job, optim in found:
        run, unit = job.run, job.run.data.dataset.unit
        root, size = resources.root(run.data), options.batch or resources.split_of(run).micro_batch
        if run.data not in of_data:
            items, workers = lists.items(run.data, "train"), resources.num_workers(run.data)
            of_data[run.data] = reading_speed(run.data, items, workers, size, root, resources.device_jitter)
            print(of_data[run.data].text(run.data), flush=True)
        record = {"batch_size": size, "precision": optim.precision, **provenance(), **of_data[run.data]._asdict()}
        if step_speed(run, store) is None and (scale.on_cpu or torch.cuda.is_available()):
            record |= step_seconds(run, size)
        write(run, READING, {**record, "hardware": device_name(hardware())}, store, job.full_cell)
        speed, reading = step_speed(run, store), measured_reading(run, store, root, resources)
        if speed is None or reading is None:
            print(f"{job.name}: without a GPU, its training step is not measured", flush=True)
        else:
            rate = trained_per_second(run, speed)
            print(f"{job.name}: {rate:.3g} {unit}/s, {speed.source}; {reading.text(unit, rate)}", flush=True)
    say_next("plan", options)
    return DONE


def measure_each(measurements: Iterable[Measurement], options: Measure, store: RunStore) -> int:
    """Make measurements one by one; returns their number. Rows left out for the same reason are named together."""
    num_made = 0
    for table, of_table in itertools.groupby(measurements, lambda measurement: measurement.table.name):
        left_out: dict[str, list[str]] = {}  # reason -> rows
        for measurement in of_table:
            metric = measurement.metric
            try:
                record = measured(metric, measurement.run, options.batch or metric.batch_size or 1)
            except NotMeasurableError as error:
                left_out.setdefault(one_line(error), []).append(measurement.cell.row.key)
                continue
            save(measurement, record, store)
            num_made += 1
        for reason, rows in left_out.items():
            print(f"{table}: {', '.join(dict.fromkeys(rows))}: {reason}", file=sys.stderr)
    return num_made


def measure_in_turns(kind: str, measurements: Sequence[Measurement], options: Measure, store: RunStore) -> int:
    """Make measurements of one kind in turns, and save them after the last round; returns their number."""
    by_cell = {f"{m.table.name}:{m.cell.row.key}.{m.cell.column.key}": m for m in measurements}

    def say(text: str) -> None:
        print(f"{kind}: {one_line(text)}", file=sys.stderr, flush=True)

    try:
        turns = Turns(IN_TURNS[kind], batch_size=options.batch, rounds=options.rounds, say=say)
        records = turns.records({name: m.run for name, m in by_cell.items()})
    except NotMeasurableError as error:
        say(str(error))
        return 0
    for name, record in records.items():
        save(by_cell[name], record, store)
    return len(records)


def write(run: RunConfig, kind: str, record: dict[str, object], store: RunStore, cell: str) -> None:
    directory = store.make(run.train_id, cell)
    directory.save_config(run.description)
    text = json.dumps(sealed({"train_id": run.train_id, **record}), indent=1)
    write_atomically(directory.measurement(kind), text + "\n")


def save(measurement: Measurement, record: dict[str, object], store: RunStore) -> None:
    """Write the record of a measurement, and print its value. That a batch is too large replaces no value."""
    metric, cell, run, table = measurement
    earlier = store.measurement(run.train_id, metric.kind)
    if TOO_LARGE not in record or earlier is None or TOO_LARGE in earlier.record:
        write(run, metric.kind, record, store, f"{table.name}:{cell.row.key}.{cell.column.key}")
    if TOO_LARGE in record:
        print(
            f"{cell.row.key}: {metric.name}: batch {record['batch_size']} does not fit into the memory of this device"
        )
        return
    value = metric.value(record, run)
    assert value is not None
    number = f"{value:.2f}" if value >= 1 else f"{value:.2g}"
    printed = f", printed {cell.printed}" if cell.printed is not None else ""
    print(f"{cell.row.key}: {metric.name} {number} with batch {record['batch_size']}{printed}")
