"""Writes the index of the tables: `python -m reproduce.write_index`, or `make index`."""

import json

from experiments.spec.catalog import captions, find
from experiments.spec.scales import PAPER, SCALES
from experiments.spec.table import Table
from reproduce.table_index import INDEX, Entry
from runner.measure.device_time import assumed_speed, device_seconds, work
from runner.store.jobs import Job, jobs_of


def entry_of(table: Table) -> Entry:
    """Entry of a table."""
    jobs = {name: jobs_of([(table, None)], scale, [], (0,)) for name, scale in SCALES.items()}
    shown = [cell.partition(":")[2].split(".")[1] for job in jobs[PAPER.name] for cell in job.cells]
    return Entry(
        rows=[row.key for row in table.rows],
        columns=list(dict.fromkeys(shown)),
        data=list(dict.fromkeys(job.run.data.dataset.name for job in jobs[PAPER.name])),
        runs={name: ["/".join(job.key) for job in found if job.cells] for name, found in jobs.items()},
        parents={name: [job.run.train_id for job in found if not job.cells] for name, found in jobs.items()},
        gpu_hours=gpu_hours(jobs[PAPER.name]),
    )


def gpu_hours(jobs: list[Job]) -> float | None:
    """Assumed hours of jobs on the default GPU, for the published sizes of the data sets, as `plan` counts them."""
    seconds, trained = 0.0, set()
    for job in jobs:
        run, dataset = job.run, job.run.data.dataset
        train, test = dataset.official_size("train"), dataset.official_size("test")
        if test is None or (train is None and run.optim is not None):
            return None
        passes = work(run, train or 0, test, trains=run.train_id not in trained)
        seconds += device_seconds(run, passes, assumed_speed())
        trained.add(run.train_id)
    return float(f"{seconds / 3600:.3g}")


def index_text() -> str:
    """Content of the index for the tables as they are."""
    entries = {selection.table.name: entry_of(selection.table) for selection in find(list(captions()))}
    lines = [f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    INDEX.write_text(index_text())
