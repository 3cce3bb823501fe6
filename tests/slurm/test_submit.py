"""`reproduce submit` on a SLURM of two nodes: what ends a job changes no result."""

import json
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.slurm.cluster import Cluster, wait_for
from tests.slurm.conftest import Reproduce

TABLE = "sixth/table1:ours"  # a training, a test of its weights, and a training that starts from them
TRAINING = ["sixth/table1:unbiased", "--column", "distance", "-o", "optim.epochs=500"]
RUN = "sixth.table1.unbiased.distance-*"  # its folder, whose name its job has


class Result(NamedTuple):
    """What is equal after each interruption."""

    weights: str
    distance: float


def result(runs: Path) -> Result:
    (file,) = runs.glob(f"{RUN}/metrics/*.json")
    record = json.loads(file.read_text())
    return Result(record["weights_digest"], record["distance"])


@pytest.fixture(scope="module")
def uninterrupted(reproduce: Reproduce, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Result of `reproduce run`."""
    runs = tmp_path_factory.mktemp("uninterrupted")
    done = reproduce(runs, "run", *TRAINING)
    assert done.returncode == 0, done.stderr
    return result(runs)


def job(cluster: Cluster) -> str:
    """State of the last job of the training."""
    found = [state for name, state in cluster.states().items() if fnmatch(name, RUN)]
    return found[0] if found else ""


def wait_for_training(cluster: Cluster, runs: Path, resumes: int = 0) -> str:
    """Wait until the training has gone on so many times, and has made some epochs. Returns the name of its job."""
    log = next(runs.glob(RUN)) / "log.txt"

    def trains() -> bool:
        *before, last = log.read_text().split("note: resumes from") if log.exists() else [""]
        return len(before) >= resumes and last.count("progress: epoch") > 10

    wait_for(lambda: job(cluster) == "RUNNING" and trains(), 300)
    return log.parent.name


def processes(runs: Path) -> list[int]:
    """Ids of the processes of a run, without srun."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            program, *words = file.read_bytes().split(b"\0")
            if b"python" in program and any(word.startswith(bytes(runs)) for word in words):
                found.append(int(file.parent.name))
    return found


def ended(cluster: Cluster) -> bool:
    return {*cluster.states().values()}.isdisjoint({"PENDING", "RUNNING", "COMPLETING"})


def test_runs_with_parents_go_through_jobs_to_a_report(
    cluster: Cluster, reproduce: Reproduce, runs: Path, clone: Path
) -> None:
    submitted = reproduce(runs, "submit", TABLE, "--sbatch=--hold")
    assert submitted.returncode == 0, submitted.stderr
    first, *_, last = submitted.stdout.splitlines()
    numbers = [int(first.rpartition(" ")[2]) + more for more in range(4)]
    assert first == f"{TABLE}.distance: job {numbers[0]}"
    assert last == "report: job {3} after {0}, {1}, {2}".format(*numbers)
    again = reproduce(runs, "submit", TABLE)
    assert again.stdout.splitlines()[0] == f"{TABLE}.distance: job {numbers[0]}: JobHeldUser, queued"
    assert "report" not in again.stdout
    assert "3 runs: 3 queued" in reproduce(runs, "status", TABLE).stdout
    (clone / "runner" / "jobs" / "run_process.py").write_text("raise SystemExit(7)")  # it runs what was committed
    try:
        refused = reproduce(runs, "submit", TABLE)
        cluster("scontrol", "release", *map(str, numbers))
        wait_for(lambda: ended(cluster), 300)
    finally:
        subprocess.run(["git", "-C", str(clone), "checkout", "--quiet", "."], check=True)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1) and "what is committed" in refused.stderr
    assert {*cluster.states().values()} == {"COMPLETED"}
    (text,) = (file.read_text() for file in runs.glob("submitted/*.txt"))
    assert "3 of 3 runs done, 3 of them before this call" in text and re.search(r"\*\*Weighted sum\*\* .* 0\.1", text)
    assert "All 3 runs are done." in reproduce(runs, "submit", TABLE).stdout


@pytest.mark.slow
def test_jobs_generate_the_data_that_they_share_once(
    cluster: Cluster, reproduce: Reproduce, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins = runs.with_name("stand-ins")
    monkeypatch.setitem(cluster.environment, "STAND_IN_CACHE", str(stand_ins))
    rows = ["motionformer/table4:joint", "motionformer/table4:divided", "--column", "k400"]
    few = ("optim.epochs=1", "data.dataset.stand_in.num_train=32", "data.dataset.stand_in.num_val=16")
    reproduce(runs, "submit", *rows, *(word for text in few for word in ("-o", text)), "--sbatch=--hold")
    assert not stand_ins.exists()  # the login node has generated none
    cluster("scontrol", "release", *cluster("squeue", "--noheader", "--format=%i").split())
    wait_for(lambda: ended(cluster), 300)
    assert len([*runs.glob("motionformer.table4.*/metrics/*.json")]) == 2
    assert len([*stand_ins.glob("*/")]) == 1


@pytest.mark.slow
def test_a_failed_job_cancels_those_that_need_it(cluster: Cluster, reproduce: Reproduce, runs: Path) -> None:
    printed = reproduce(runs, "submit", TABLE, "--dry-run").stdout
    folder = runs / next(line for line in printed.splitlines() if "--job-name=sixth" in line).partition("=")[2]
    folder.mkdir(parents=True)
    (folder / "config.json").mkdir()  # cannot be written
    reproduce(runs, "submit", TABLE)
    wait_for(lambda: ended(cluster), 300)
    ours = {name.partition("-")[0]: state for name, state in cluster.states().items() if "sixth.table1" in name}
    assert ours == {
        "sixth.table1.ours.distance": "FAILED",
        "sixth.table1.ours.tested": "CANCELLED",
        "sixth.table1.ours.tuned": "CANCELLED",
        "report.sixth.table1": "COMPLETED",
    }
    assert "3 runs: 1 failed, 2 not run" in reproduce(runs, "status", TABLE).stdout


@pytest.mark.slow
def test_stops_before_the_time_limit_preemptions_and_requeues_change_no_result(
    cluster: Cluster, reproduce: Reproduce, runs: Path, uninterrupted: Result
) -> None:
    reproduce(runs, "submit", *TRAINING)
    name = wait_for_training(cluster, runs)
    cluster("scancel", f"--name={name}", "--signal=USR1")
    wait_for_training(cluster, runs, resumes=1)
    cluster("sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    wait_for_training(cluster, runs, resumes=2)
    number = cluster("squeue", "--noheader", f"--name={name}", "--format=%i").strip()
    cluster("scontrol", "requeuehold", number)
    wait_for(lambda: job(cluster) == "PENDING", 60)
    assert "1 run: 1 requeued" in reproduce(runs, "status", *TRAINING).stdout
    cluster("scontrol", "release", number)
    wait_for(lambda: ended(cluster), 400)
    assert job(cluster) == "COMPLETED" and result(runs) == uninterrupted


@pytest.mark.slow
def test_the_time_limit_in_the_middle_of_a_training_changes_no_result(
    cluster: Cluster, reproduce: Reproduce, runs: Path, tmp_path: Path
) -> None:
    longer, whole = [*TRAINING[:-1], "optim.epochs=8000"], tmp_path / "whole"  # six minutes on an idle core
    assert reproduce(whole, "run", *longer).returncode == 0
    limit = ("--sbatch=--time=00:02:00", "--sbatch=--signal=USR1@70")  # which comes up to a minute early
    reproduce(runs, "submit", *longer, *limit)
    wait_for(lambda: ended(cluster), 3600)
    assert job(cluster) == "COMPLETED" and result(runs) == result(whole)
    assert (next(runs.glob(RUN)) / "log.txt").read_text().count("note: resumes from") >= 9


@pytest.mark.slow
def test_a_killed_or_cancelled_job_is_not_requeued_and_the_same_command_goes_on(
    cluster: Cluster, reproduce: Reproduce, runs: Path, uninterrupted: Result
) -> None:
    reproduce(runs, "submit", *TRAINING)
    name = wait_for_training(cluster, runs)
    for process in processes(runs):
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: job(cluster) == "FAILED", 60)
    reproduce(runs, "submit", *TRAINING)
    wait_for_training(cluster, runs, resumes=1)
    cluster("scancel", f"--name={name}")
    wait_for(lambda: job(cluster) == "CANCELLED", 60)
    wait_for(lambda: ended(cluster), 120)
    assert "1 run: 1 interrupted" in reproduce(runs, "status", *TRAINING).stdout
    reproduce(runs, "submit", *TRAINING)
    wait_for(lambda: ended(cluster), 400)
    assert job(cluster) == "COMPLETED" and result(runs) == uninterrupted


@pytest.mark.slow
def test_two_submits_at_once_train_once(
    cluster: Cluster, reproduce: Reproduce, runs: Path, uninterrupted: Result
) -> None:
    with ThreadPoolExecutor() as pool:
        [*pool.map(lambda _: reproduce(runs, "submit", *TRAINING), range(2))]
    wait_for(lambda: ended(cluster), 600)
    assert job(cluster) == "COMPLETED" and result(runs) == uninterrupted
    assert (next(runs.glob(RUN)) / "log.txt").read_text().count("progress: epoch 1/") == 1


@pytest.mark.slow
def test_a_training_on_two_nodes_is_stopped_and_goes_on(
    cluster: Cluster, reproduce: Reproduce, runs: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    for folder in (whole, runs):
        reproduce(folder, "submit", *TRAINING, "--nodes", "2")
        if folder == runs:
            name = wait_for_training(cluster, runs)
            cluster("scancel", f"--name={name}", "--signal=USR1")
            wait_for_training(cluster, runs, resumes=1)
        wait_for(lambda: ended(cluster), 600)
        assert job(cluster) == "COMPLETED"
    assert result(runs) == result(whole)
    assert "trains on 2" in (next(runs.glob(RUN)) / "log.txt").read_text()
