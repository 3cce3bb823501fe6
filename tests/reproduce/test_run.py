"""`reproduce run`: what it starts, how it ends, and with which exit code."""

import json
from pathlib import Path

import pytest

from experiments.runner.arguments import child_arguments
from experiments.runner.files import write_atomically
from experiments.runner.jobs import Job
from experiments.runner.launch import Launcher
from experiments.runner.store import RunStore
from reproduce.command import main, parser

ROW = "motionformer/table4:joint"  # with a run on each of two data sets
FEW = ["-o", "data.dataset.stand_in.num_train=32", "-o", "data.dataset.stand_in.num_val=2"]


class Fates:
    """Launchers that bring jobs to the given exit codes, one after the other, without a process."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.launchers: list[Launcher] = []

    def carry_out(self, launcher: Launcher, jobs: list[Job]) -> None:
        """0 is done, -1 blocked."""
        self.launchers.append(launcher)
        for job, code in zip(jobs, self.codes, strict=True):
            job.outcome = {0: "done", -1: "blocked"}.get(code, "failed")
            job.exit_code, job.reason = max(code, 0), "" if code == 0 else f"code {code}"


@pytest.fixture
def fates(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Fates:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    fates = Fates()
    monkeypatch.setattr(Launcher, "carry_out", lambda launcher, jobs: fates.carry_out(launcher, jobs))
    return fates


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([0, 0], 0),
        ([0, 1], 1),
        ([1, 3], 1),
        ([0, 3], 1),  # some have worked
        ([3, 3], 3),
        ([3, -1], 1),
        ([137, 0], 1),
    ],
)
def test_the_exit_code_tells_whether_rows_failed_or_nothing_could_be_used(
    fates: Fates, codes: list[int], expected: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fates.codes = codes
    assert main(["run", ROW, "--runs", str(tmp_path), *FEW]) == expected
    streams = capsys.readouterr()
    done = codes.count(0)
    assert streams.out == f"{done} of 2 runs done, 0 of them before this call.\n"
    said = [line for line in streams.err.splitlines() if line.startswith("reproduce: ")]
    assert said == [
        f"reproduce: {ROW}.{column} {'blocked' if code == -1 else 'failed'}: code {code}"
        for column, code in zip(("k400", "ssv2"), codes, strict=True)
        if code != 0
    ]


def test_finished_runs_are_counted_and_not_checked_again(
    fates: Fates, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", ROW, "--runs", str(tmp_path), "--json"]) == 0
    for plan in json.loads(capsys.readouterr().out):
        write_atomically(RunStore(tmp_path).run(plan["train_id"]).metrics(plan["eval_id"]), "{}")
    fates.codes = [0, 0]
    # A batch that no machine could split is of no interest any more.
    assert main(["run", ROW, "--runs", str(tmp_path), "--devices", "3"]) == 0
    assert capsys.readouterr().out == "2 of 2 runs done, 2 of them before this call.\n"


def test_no_more_processes_than_runs_and_one_thread_for_each_small_one(fates: Fates, tmp_path: Path) -> None:
    fates.codes = [0, 0]
    for words, parallel, threads in (
        (["--jobs", "8"], 2, 1),
        (["--jobs", "1"], 1, 1),
        (["--jobs", "2", "--threads", "3"], 2, 3),
    ):
        assert main(["run", ROW, "--runs", str(tmp_path), *FEW, *words]) == 0
        launcher = fates.launchers[-1]
        assert (launcher.parallel, launcher.threads, launcher.eval_only) == (parallel, threads, False)
        assert launcher.store.root == tmp_path


def test_each_process_is_told_what_the_command_was_told() -> None:
    words = ["--scale", "paper", "--eval-only", "-o", "optim.epochs=3", "-o", "data.frames=8"]
    words += ["--data", "a=/a", "--data", "b=/b", "--devices", "2", "--nodes", "3", "--micro-batch", "4"]
    words += ["--workers", "0", "--allow-bad", "5", "--recompute"]
    assert child_arguments(parser().parse_args(["run", ROW, *words])) == words
    assert child_arguments(parser().parse_args(["run", ROW])) == ["--scale", "tiny", "--nodes", "1"]
