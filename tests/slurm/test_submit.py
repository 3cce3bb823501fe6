"""`reproduce submit` on a SLURM of two nodes: what ends a job changes no result."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, wait_for
from tests.slurm.conftest import Reproduce

TABLE = "sixth/table1:ours"  # a training, a test of its weights, and a training that starts from them


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
def test_a_failed_job_cancels_those_that_need_it(cluster: Cluster, reproduce: Reproduce, runs: Path) -> None:
    printed = reproduce(runs, "submit", TABLE, "--dry-run").stdout
    folder = runs / next(line for line in printed.splitlines() if "--job-name=sixth" in line).partition("=")[2]
    folder.mkdir(parents=True)
    (folder / "config.json").mkdir()  # cannot be written
    reproduce(runs, "submit", TABLE)
    wait_for(lambda: ended(cluster), 300)
    states = {name.partition("-")[0]: state for name, state in cluster.states().items()}
    assert states == {
        "sixth.table1.ours.distance": "FAILED",
        "sixth.table1.ours.tested": "CANCELLED",
        "sixth.table1.ours.tuned": "CANCELLED",
        "report.sixth.table1": "COMPLETED",
    }
    assert "3 runs: 1 failed, 2 not run" in reproduce(runs, "status", TABLE).stdout
