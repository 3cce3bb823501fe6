"""Writes the index of the tables: `python -m reproduce.write_index`, or `make index`."""

import json
from collections.abc import Iterable
from dataclasses import fields, is_dataclass

from experiments.spec.catalog import INDEX, Entry, Index, contents_of, imported, natural_order, read_index
from experiments.spec.paper_folders import HOME
from experiments.spec.scales import PAPER, SCALES, Scale
from experiments.spec.table import Table
from runner.measure.device_time import assumed_speed, device_seconds, work
from runner.store.jobs import Job, jobs_of

JobsByScale = dict[str, list[Job]]


def jobs_by_scale(table: Table) -> JobsByScale:
    return {
        name: jobs_of([(table, None)], scale, [], (0,)) if table.recipe(scale) else [] for name, scale in SCALES.items()
    }


def entry_of(table: Table, module: str, jobs: JobsByScale) -> Entry:
    """Entry of a table, from its jobs at each scale. `module`: its file in the folder of its paper, without suffix."""
    return Entry(
        caption=table.caption,
        module=module,
        rows=[row.key for row in table.rows],
        columns=list(dict.fromkeys(cell.column for job in jobs[PAPER.name] for cell in job.cells)),
        data=list(dict.fromkeys(job.run.data.dataset.name for job in jobs[PAPER.name])),
        runs={name: ["/".join(job.key) for job in found if job.cells] for name, found in jobs.items()},
        parents={name: [job.run.train_id for job in found if not job.cells] for name, found in jobs.items()},
        gpu_hours={name: gpu_hours(found, SCALES[name]) for name, found in jobs.items()},
        configs=sorted(configs_of([jobs])),
    )


def configs_of(tables: Iterable[JobsByScale]) -> dict[str, dict[str, list[str]]]:
    """Fields of the configs of all runs of tables, by their classes, each with the classes of the configs in it."""
    found: dict[str, dict[str, set[str]]] = {}

    def add(config: object) -> None:
        assert is_dataclass(config)
        of_class = found.setdefault(type(config).__qualname__, {})
        for one in fields(config):
            classes, value = of_class.setdefault(one.name, set()), getattr(config, one.name)
            if is_dataclass(value) and not isinstance(value, type):
                classes.add(type(value).__qualname__)
                add(value)

    for run in {job.run for jobs in tables for found in jobs.values() for job in found}:
        add(run)
    return {name: {field: sorted(kinds) for field, kinds in found[name].items()} for name in sorted(found)}


def gpu_hours(jobs: list[Job], scale: Scale) -> float | None:
    """Assumed hours of jobs on the GPU of a scale, for the published sizes of the data sets, to three digits."""
    if scale.gpu is None or not jobs:
        return None
    seconds, trained = 0.0, set()
    for job in jobs:
        run, dataset = job.run, job.run.data.dataset
        train, test = dataset.official_size("train"), dataset.official_size("test")
        if test is None or (train is None and run.optim is not None):
            return None
        passes = work(run, train or 0, test, trains=run.train_id not in trained)
        seconds += device_seconds(run, passes, assumed_speed(scale.gpu), read_seconds=scale.read_seconds)
        trained.add(run.train_id)
    return float(f"{seconds / 3600:.3g}")


def index_text() -> str:
    papers, tables, modules = imported(HOME)
    contents = {key: contents_of(paper) for key, paper in papers.items()}
    jobs = {name: jobs_by_scale(tables[name]) for name in sorted(tables, key=natural_order)}
    entries = {name: entry_of(tables[name], modules[name], of_table) for name, of_table in jobs.items()}
    scales = {name: (scale.models, scale.gpu and scale.gpu[0]) for name, scale in SCALES.items()}
    return text_of(Index(papers=contents, scales=scales, tables=entries, configs=configs_of(jobs.values())))


def text_of(index: Index) -> str:
    """JSON with a line for each paper, each table and each class of configs."""
    parts = []
    for name, members in index.items():
        assert isinstance(members, dict)
        lines = (f"  {json.dumps(key)}: {json.dumps(member)}" for key, member in members.items())
        parts.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def renew(tables: Iterable[Table]) -> None:
    """Write the entries of some tables of this repository again, if they have changed."""
    index = read_index()
    known = index["tables"]
    ours = [table for table in tables if table.name in known]
    fresh = {table.name: entry_of(table, known[table.name]["module"], jobs_by_scale(table)) for table in ours}
    if any(known[name] != entry for name, entry in fresh.items()):
        INDEX.write_text(text_of({**index, "tables": {**known, **fresh}}), encoding="utf-8")
        read_index.cache_clear()


if __name__ == "__main__":
    INDEX.write_text(index_text(), encoding="utf-8")
