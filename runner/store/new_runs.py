"""New runs: their folders, named after a cell, and what starts them."""

from pathlib import Path

from msgspec import structs

from data.leases import lease
from runner.machine.files import unwritable
from runner.store.folders import run_folders
from runner.store.jobs import Job
from runner.store.run_directory import RunDirectory
from runner.store.starts import Start
from runner.store.store import RunStore


def folder_for(train_id: str, cell: str, store: RunStore) -> Path:
    """Folder of a run or, if it is new, the one that it gets, named after a cell."""
    name = f"{cell.replace('/', '.').replace(':', '.')}-" if cell else ""
    return run_folders(store.root).get(train_id, store.root / f"{name}{train_id}")


def directory_for(train_id: str, cell: str, store: RunStore) -> RunDirectory:
    """Directory of a run, named after a cell if it is new. Two processes that make one get the same."""
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        with lease(store.root / ".new_run.lease"):
            folder = folder_for(train_id, cell, store)
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(store.root, error) from None
    store.folders.add(folder)
    return store.run(train_id)


def start_of(job: Job, call: Start) -> Start:
    """What starts a job, given what starts all jobs of a call."""
    return structs.replace(call, cell=job.full_cell, seed=job.run.seed, metric=job.run.objective.metrics[0])
