"""Leases: a marker of a dead, a silent and a suspended holder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data import leases
from data.leases import CLAIMED_ELSEWHERE, is_held, lease
from runner.store.run_directory import CLAIM
from runner.store.store import RunStore

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 3.0
# Holds the run, and writes its log again and again.
HOLDER = f"""
import sys, pathlib, itertools, time
from data import leases
leases.SECONDS, leases.RENEWED = {SECONDS}, 0.5
from runner.machine.files import write_atomically
from runner.store.store import RunStore
folder = RunStore(pathlib.Path(sys.argv[1])).run("aaa")
with folder.claim() as claimed:
    for number in itertools.count():
        write_atomically(folder.log, str(number))
        print(number, flush=True)
        time.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SECONDS", SECONDS)
    monkeypatch.setattr(leases, "RENEWED", 0.5)


def silent_marker(file: Path, age: float) -> None:
    """Marker of a process on another machine, which has not been renewed for a time."""
    with lease(file):
        text = file.read_text()
    file.write_text("".join("host=far\n" if line.startswith("host=") else line for line in text.splitlines(True)))
    renewed_at = time.time() - age
    os.utime(file, (renewed_at, renewed_at))


@pytest.mark.parametrize(("age", "held"), [(0, True), (SECONDS + 1, False)])
def test_the_lease_of_another_machine_ends_when_it_is_not_renewed(tmp_path: Path, age: float, held: bool) -> None:
    folder = RunStore(tmp_path).run("aaa")
    folder.path.mkdir()
    silent_marker(folder.path / CLAIM, age)
    assert folder.claimed is held
    with folder.claim() as mine:
        assert mine is not held


def test_a_holder_that_was_suspended_for_longer_ends_before_it_writes(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=-1, stderr=-1, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "0\n"
        holder.send_signal(signal.SIGSTOP)
        folder = RunStore(tmp_path).run("aaa")
        with folder.claim() as mine:
            assert not mine
        time.sleep(SECONDS + 1)
        with folder.claim() as mine:
            assert mine
            folder.log.write_text("of the new holder")
            holder.send_signal(signal.SIGCONT)
            _, errors = holder.communicate(timeout=60)
            assert folder.log.read_text() == "of the new holder"
        assert holder.returncode == CLAIMED_ELSEWHERE and "another one took over" in errors
    finally:
        holder.kill()


def test_the_marker_of_a_process_that_was_killed_before_it_wrote_it_is_removed(tmp_path: Path) -> None:
    (tmp_path / "claim.lease").touch()
    with lease(tmp_path / "claim.lease", timeout=0):
        assert is_held(tmp_path / "claim.lease")
    assert not is_held(tmp_path / "claim.lease")
