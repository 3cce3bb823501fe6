"""Fixtures of the command, and runs that were started. It sees no GPU: their number is in defaults that tests state."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from experiments.spec.catalog import find
from experiments.spec.scales import TINY
from runner.machine.files import write_atomically
from runner.store.jobs import Job, jobs_of
from runner.store.run_directory import RunDirectory
from runner.store.starts import Start, add_start
from runner.store.store import RunStore
from tests.data.numbered_videos import write_video
from tests.runner.stored_metrics import write_result


def job_of(row: str, overrides: tuple[str, ...] = (), seed: int = 0) -> Job:
    """First job of a row."""
    return jobs_of(find([row]), TINY, overrides, (seed,))[0]


def started(store: RunStore, job: Job, name: str = "") -> RunDirectory:
    """Directory of a run, with the file that says what started it."""
    directory = store.make(job.run.train_id, job.full_cell)
    add_start(directory.starts, job.start(Start(scale="tiny", overrides=job.overrides, name=name)))
    return directory


def finish_job(store: RunStore, job: Job, name: str = "", **fields: object) -> RunDirectory:
    """Write the files of a finished run, with some fields of its result."""
    directory = started(store, job, name)
    directory.save_config(job.run.description)
    write_atomically(directory.log, "log")
    write_atomically(directory.weights, "weights")
    write_result(store, job.run, 99.0, **fields)  # type: ignore[arg-type]
    return directory


TerminalOf = Callable[[int], None]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> TerminalOf:
    """Function that makes a terminal with so many characters of a line of standard output."""

    def of_width(width: int) -> None:
        monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True, raising=False)
        monkeypatch.setenv("COLUMNS", str(width))

    return of_width


@pytest.fixture
def kinetics(tmp_path: Path) -> Path:
    """Kinetics with two training videos and one test video, of four frames each."""
    root = tmp_path / "kinetics400"
    for name in ("train/a/0", "train/b/1", "val/a/2"):
        write_video(root / f"{name}.mp4", 4)
    (root / "train.csv").write_text("train/a/0.mp4 0\ntrain/b/1.mp4 1\n")
    (root / "val.csv").write_text("val/a/2.mp4 0\n")
    return root


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Folder of one's own videos."""
    for name in ("cats/a.mp4", "cats/b.mp4", "dogs/a.mp4", "dogs/b.mp4"):
        write_atomically(tmp_path / "pets" / name, "")
    return tmp_path / "pets"
