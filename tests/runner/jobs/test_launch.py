"""Execution of jobs in separate processes: no run is trained twice, and stops lose no step."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import find
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import PAPER, TINY
from reproduce.command import main
from runner.jobs.failure_file import Failure, save_failure
from runner.jobs.launch import Launcher, default_parallel
from runner.machine.files import write_atomically
from runner.machine.messages import OUT_OF_MEMORY
from runner.machine.resources import Resources
from runner.store.jobs import Job, jobs_of
from runner.store.store import RunStore
from runner.training.batch_split import SplitFile
from tests.runner.stored_metrics import write_result

ROOT = Path(__file__).resolve().parents[3]
ROW = "motionformer/table4:joint"
SMALL = [
    "data.dataset.stand_in.num_train=32",
    "data.dataset.stand_in.num_val=8",
    "optim.batch_size=8",
    "model.depth=1",
    "evaluation.views=1",
]


def small(epochs: int) -> list[str]:
    return [word for override in [*SMALL, f"optim.epochs={epochs}"] for word in ("-o", override)]


def start(runs: Path, epochs: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reproduce", "run", ROW, "--runs", str(runs), *small(epochs)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=allow_ctrl_c,
    )  # fmt: skip


def allow_ctrl_c() -> None:
    """Give a child process the default handler of SIGINT, which background jobs of a shell ignore and pass on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def trainings(runs: Path) -> list[int]:
    """Number of trainings of each run. Lightning opens one event file per training."""
    return [len(list(run.glob("tb/events*"))) for run in sorted(runs.glob("*")) if (run / "config.json").exists()]


def test_two_parallel_commands_divide_the_runs_and_a_third_trains_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [start(tmp_path, 2), start(tmp_path, 2)]
    for process in both:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        assert "2 of 2 runs done" in out
    counts = trainings(tmp_path)
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*/metrics/*.json")}
    assert len(stamps) == 2
    assert main(["run", ROW, "--runs", str(tmp_path), *small(2)]) == 0
    assert "2 of 2 runs done, 2 of them before this call" in capsys.readouterr().out
    assert trainings(tmp_path) == counts
    assert {file: file.stat().st_mtime_ns for file in tmp_path.glob("*/metrics/*.json")} == stamps
    for file in stamps:
        metrics = json.loads(file.read_text())
        assert metrics["videos"] == {"evaluated": 8, "failed": 0, "missing": 0}


def test_ctrl_c_saves_checkpoints_and_ends_all_processes(tmp_path: Path) -> None:
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
    states = [job.directory(RunStore(tmp_path)).state(job.run) for job in jobs(500)]
    assert "interrupted" in states


@pytest.mark.usefixtures("jobs_in_this_process")
def test_a_row_that_fails_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, sound = (job.directory(RunStore(tmp_path)) for job in jobs(1))
    write_atomically(broken.config, '{"seed": 99}')
    assert main(["run", ROW, "--runs", str(tmp_path), *small(1)]) == 1
    out, err = capsys.readouterr()
    assert "1 of 2 runs done" in out
    assert "is the config of another run: it differs at data; restore it, or move" in err
    assert "Traceback" not in err
    assert list(sound.path.glob("metrics/*.json"))
    assert broken.failure.read_text().splitlines()[1:] == ["exit code 3"]


class Ended:
    """Process that has ended with an exit code."""

    def __init__(self, returncode: int) -> None:
        self.returncode = returncode


def test_a_run_whose_device_had_too_little_memory_is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(tmp_path)
    one, _ = jobs(1)
    launcher = Launcher(store, [], parallel=1, threads=1)
    for code, failures, outcome in ((OUT_OF_MEMORY, [8], None), (-9, [8, 4], None), (-9, [8, 4], "failed")):
        one.memory_failures = one.directory(store).memory_failures
        file = SplitFile(one.directory(store).batch_split, "2 x GPU")
        file.update(micro_batch=2, out_of_memory=failures)
        one.process = Ended(code)  # type: ignore[assignment]
        launcher._set_outcome(one)
        assert (one.outcome, one.process) == (outcome, None)
    assert one.reason.startswith("the process was ended by SIGKILL")


def test_a_process_that_another_one_of_its_run_ended_has_the_reason_and_the_exit_code_of_that(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    one, _ = jobs(1)
    save_failure(one.directory(store).failure, Failure("a video is unreadable", 3))
    one.process = Ended(-9)  # type: ignore[assignment]
    Launcher(store, [], parallel=1, threads=1)._set_outcome(one)
    assert (one.outcome, one.reason, one.exit_code) == ("failed", "a video is unreadable", 3)


def test_notes_are_shown_at_once_and_progress_without_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(tmp_path)
    one, _ = jobs(1)
    launcher = Launcher(store, [], parallel=1, threads=1)
    log = one.directory(store).log
    log.parent.mkdir(parents=True)
    log.write_text("a warning\nnote: resumes from last.ckpt\nprogress: epoch 1/4: loss 2\nprogress: epo")
    launcher._show_log(one)
    launcher._show_log(one)
    assert capsys.readouterr().err.splitlines() == [
        f"{one.name}: resumes from last.ckpt", f"{one.name}: epoch 1/4: loss 2",
    ]  # fmt: skip
    with log.open("a") as file:
        file.write("ch 2/4\nnote: bad files\n")
    launcher.show_bars = True
    launcher._show_log(one)
    assert "epoch 2/4" not in (shown := capsys.readouterr().err) and f"{one.name}: bad files" in shown


def test_a_claimed_run_is_not_started_until_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(tmp_path)
    first, second = jobs(1)
    launcher = Launcher(store, [], parallel=1, threads=1)
    with first.directory(store).claim() as claimed:
        assert claimed
        assert launcher.next_to_start([first, second]) is second
        assert first.not_before > time.monotonic()
        first.not_before = 1.0
        assert launcher.next_to_start([first, second]) is second
        waiting = f"{first.name}: another process executes this run; waiting for its result\n"
        assert capsys.readouterr().err == waiting
    first.not_before = 0.0
    assert launcher.next_to_start([first, second]) is first


def test_a_run_waits_only_for_the_weights_of_its_parent(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    planned = jobs_of(find(["motionformer/table4:joint"]), PAPER, [], (0,))
    joint, source, ssv2 = planned
    assert [parent.run for parent in ssv2.run.parents] == [source.run]
    launcher = Launcher(store, [], parallel=1, threads=1)
    joint.outcome = "done"
    assert launcher.next_to_start(planned) is source
    source.outcome = "failed"
    write_atomically(source.directory(store).weights, "trained; its test failed")
    assert launcher.next_to_start(planned) is ssv2
    source.directory(store).weights.unlink()
    assert launcher.next_to_start(planned) is None
    assert (ssv2.outcome, ssv2.reason) == ("blocked", f"{source.name}, which it starts from, failed")


def test_a_failed_run_blocks_its_other_tests(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    tests = [job for job in jobs_of(find(["motionformer/figure3:joint"]), TINY, [], (0,)) if "k400" in job.cell]
    assert len(tests) == 5
    assert len({job.run.train_id for job in tests}) == 1
    launcher = Launcher(store, [], parallel=1, threads=1)
    tests[0].outcome, tests[0].exit_code = "failed", 3
    assert launcher.next_to_start(tests) is None
    assert [(job.outcome, job.exit_code) for job in tests[1:]] == [("blocked", 3)] * 4
    assert "another test of the same run, failed" in tests[1].reason


def job(run: RunConfig, name: str) -> Job:
    return Job(run, "p/t", name, 0, cells=[f"p/t:{name}"])


def test_a_run_waits_for_the_weights_of_all_its_parents(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    other = replace(K400, seed=1)
    fused = replace(SSV2, parents=(Parent(run=K400, part="spatial"), Parent(run=other, part="temporal")))
    first, second, child = found = [job(K400, "a.top1"), job(other, "b.top1"), job(fused, "c.top1")]
    launcher = Launcher(store, [], parallel=1, threads=1)
    first.outcome = "done"
    write_atomically(first.directory(store).weights, "trained")
    assert launcher.next_to_start(found) is second
    second.outcome, second.exit_code = "failed", 3
    write_atomically(second.directory(store).weights, "trained; its test failed")
    assert launcher.next_to_start(found) is child
    second.directory(store).weights.unlink()
    assert launcher.next_to_start(found) is None
    reason = "p/t:b.top1, which it starts from, failed"
    assert (child.outcome, child.reason, child.exit_code) == ("blocked", reason, 3)


def test_a_blocked_parent_blocks_its_children(tmp_path: Path) -> None:
    grandchild = replace(SSV2, parents=(Parent(run=SSV2),))
    found = [job(K400, "a.top1"), job(SSV2, "b.top1"), job(grandchild, "c.top1")]
    found[0].outcome, found[0].exit_code = "failed", 3
    assert Launcher(RunStore(tmp_path), [], parallel=1, threads=1).next_to_start(found) is None
    assert [one.outcome for one in found] == ["failed", "blocked", "blocked"]
    assert found[2].reason == "p/t:b.top1, which it starts from, failed"
    assert {one.exit_code for one in found} == {3}


def test_a_tested_released_checkpoint_finishes_a_run_without_training(tmp_path: Path) -> None:
    store, tested = RunStore(tmp_path), job(replace(K400, optim=None), "a.top1")
    assert not tested.finished(store, eval_only=False)
    write_result(store, tested.run, released=True)
    assert tested.finished(store, eval_only=False) and tested.finished(store, eval_only=True)
    trained = job(K400, "a.top1")
    write_result(store, trained.run, released=True)
    assert not trained.finished(store, eval_only=False) and trained.finished(store, eval_only=True)


def test_only_small_runs_without_gpus_run_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.jobs.launch.available_cores", lambda: 8)
    for on_gpu, parallel in ((False, 2), (True, 1)):
        monkeypatch.setattr("torch.cuda.is_available", lambda on_gpu=on_gpu: on_gpu)
        assert default_parallel(Resources(), TINY) == parallel
        assert default_parallel(Resources(), PAPER) == 1


def jobs(epochs: int) -> list[Job]:
    return jobs_of(find([ROW]), TINY, [*SMALL, f"optim.epochs={epochs}"], (0,))


@pytest.mark.parametrize(("parallel", "of_torch", "threads"), [(1, 8, 8), (2, 8, 6), (4, 8, 3), (20, 8, 1), (2, 1, 1)])
def test_processes_divide_the_cores_and_have_at_most_the_threads_of_torch(
    parallel: int, of_torch: int, threads: int, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.jobs.launch.available_cores", lambda: 12)
    monkeypatch.setattr("torch.get_num_threads", lambda: of_torch)
    assert Launcher(store, [], parallel=parallel, threads=None).threads == threads
    assert Launcher(store, [], parallel=parallel, threads=5).threads == 5
