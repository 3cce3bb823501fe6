"""Rows in processes of their own: trained once, shared between commands, stopped without loss."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from experiments.catalog import find
from experiments.launch import Launcher, jobs_of, reason_of
from experiments.listing import plan_json, plan_text
from experiments.resources import Resources
from experiments.scales import PAPER, TINY
from experiments.store import RunStore, write_atomically

ROOT = Path(__file__).resolve().parents[2]
ROW = "motionformer/table4:joint"
SMALL = [
    "data.dataset.stand_in.num_train=32",
    "data.dataset.stand_in.num_val=8",
    "optim.batch_size=8",
    "model.depth=1",
    "evaluation.views=1",
]


def start(runs: Path, epochs: int) -> subprocess.Popen[str]:
    words = [word for override in [*SMALL, f"optim.epochs={epochs}"] for word in ("-o", override)]
    command = [sys.executable, "-m", "experiments", "run", ROW, "--runs", str(runs), *words]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def trainings(runs: Path) -> list[int]:
    """How many times each run was trained: Lightning opens one event file a training."""
    return [len(list(run.glob("tb/events*"))) for run in sorted(runs.glob("*")) if (run / "config.json").exists()]


def test_two_commands_share_a_table_and_a_third_trains_nothing(tmp_path: Path) -> None:
    both = [start(tmp_path, 2), start(tmp_path, 2)]
    for process in both:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        assert "2 of 2 runs done" in out
    once = trainings(tmp_path)
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*/metrics/*.json")}
    assert len(stamps) == 2
    third = start(tmp_path, 2)
    out, err = third.communicate(timeout=240)
    assert third.returncode == 0, err
    assert "2 of 2 runs done, 2 of them before this call" in out
    assert trainings(tmp_path) == once
    assert {file: file.stat().st_mtime_ns for file in tmp_path.glob("*/metrics/*.json")} == stamps
    for file in stamps:
        metrics = json.loads(file.read_text())
        assert metrics["videos"] == {"evaluated": 8, "failed": 0, "missing": 0}


def test_ctrl_c_stops_the_rows_with_their_checkpoints_and_leaves_no_process(tmp_path: Path) -> None:
    process = start(tmp_path, 500)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("*/checkpoints/last.ckpt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "write their checkpoints" in err and "Traceback" not in err
    assert list(tmp_path.glob("*/checkpoints/last.ckpt"))
    assert not list(tmp_path.glob("*/metrics/*.json"))
    for pid in children.stdout.split():
        assert not Path(f"/proc/{pid}").exists()
    states = [job.directory(RunStore(tmp_path)).state(job.run.eval_id) for job in jobs(500)]
    assert "interrupted" in states


def test_a_row_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    broken, sound = (job.directory(RunStore(tmp_path)) for job in jobs(1))
    write_atomically(broken.config, '{"seed": 99}')
    process = start(tmp_path, 1)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "1 of 2 runs done" in out
    assert "describes another run than its name says; move" in err
    assert "Traceback" not in err
    assert list(sound.path.glob("metrics/*.json"))
    assert broken.failure.read_text().count("\n") == 1


def test_why_a_run_failed_is_read_from_its_log_where_a_full_disk_left_nothing_else(tmp_path: Path) -> None:
    directory = RunStore(tmp_path).run("aaa")
    assert reason_of(directory, 3) is None
    directory.path.mkdir()
    directory.log.write_text("error: an older one\nEpoch 0\nerror: cannot write x: No space left on device\n")
    assert reason_of(directory, 3) == "cannot write x: No space left on device"
    assert reason_of(directory, -9) is None  # it was killed and said nothing
    directory.failure.write_bytes(b"\xff damaged\n")
    assert reason_of(directory, 3) == "\ufffd damaged"


def test_a_run_that_another_command_works_on_is_looked_at_again_later_without_a_process(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    first, second = jobs(1)
    launcher = Launcher(store, [], parallel=1, threads=1)
    with first.directory(store).claim() as mine:
        assert mine
        assert launcher.next_to_start([first, second]) is second
        assert first.not_before > time.monotonic()
    first.not_before = 0.0
    assert launcher.next_to_start([first, second]) is first


def test_a_run_waits_for_the_weights_that_it_starts_from_and_for_nothing_else(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    planned = jobs_of(find(["motionformer/table4:joint"]), PAPER, [], (0,))
    joint, source, ssv2 = planned
    assert ssv2.run.start_from == source.run
    launcher = Launcher(store, [], parallel=1, threads=1)
    joint.outcome = "done"
    assert launcher.next_to_start(planned) is source
    source.outcome = "failed"
    write_atomically(source.directory(store).weights, "trained; its test failed")
    assert launcher.next_to_start(planned) is ssv2
    source.directory(store).weights.unlink()
    assert launcher.next_to_start(planned) is None
    assert (ssv2.outcome, ssv2.reason) == ("blocked", f"{source.name}, which it starts from, failed")


def test_a_run_that_cannot_be_trained_is_not_tried_again_for_each_of_its_tests(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    tests = [job for job in jobs_of(find(["motionformer/figure3:joint"]), TINY, [], (0,)) if "k400" in job.cell]
    assert len(tests) == 5
    assert len({job.run.train_id for job in tests}) == 1
    launcher = Launcher(store, [], parallel=1, threads=1)
    tests[0].outcome = "failed"
    assert launcher.next_to_start(tests) is None
    assert [job.outcome for job in tests[1:]] == ["blocked"] * 4
    assert "another test of the same run, failed" in tests[1].reason


def test_a_plan_counts_the_training_of_a_run_once_for_all_its_tests(tmp_path: Path) -> None:
    tests = jobs_of(find(["motionformer/figure3:joint"]), TINY, [], (0,))
    plans = plan_json(tests, RunStore(tmp_path), Resources())
    costs = [float(str(plan["petaflops_left"])) for plan in plans if "k400" in str(plan["run"])]
    assert len(costs) == 5
    assert costs[0] > 5 * costs[1] > 0
    assert costs[1:] == [costs[1]] * 4
    assert "2 distinct runs with 9 tests for 9 cells, 9 to do" in plan_text(tests, RunStore(tmp_path), Resources())


def jobs(epochs: int) -> list:
    return jobs_of(find([ROW]), TINY, [*SMALL, f"optim.epochs={epochs}"], (0,))
