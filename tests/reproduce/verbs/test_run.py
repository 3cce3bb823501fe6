"""`reproduce run`: launched processes, messages and exit codes."""

from pathlib import Path

import pytest

from experiments.spec.catalog import find
from experiments.spec.scales import TINY
from reproduce.command import main
from runner.jobs.launch import Launcher
from runner.machine.files import write_atomically
from runner.store.jobs import Job, jobs_of
from runner.store.store import RunStore
from runner.weights.weights import Weights
from tests.runner.stored_metrics import write_result

ROW = "motionformer/table4:joint"  # with a run on each of two data sets
FEW = ["-o", "data.dataset.stand_in.num_train=32", "-o", "data.dataset.stand_in.num_val=3"]


class FakeLaunches:
    """Replacement of `Launcher.carry_out` that gives jobs the exit codes in `codes` without starting processes."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.launchers: list[Launcher] = []

    def carry_out(self, launcher: Launcher, jobs: list[Job]) -> None:
        """Set the outcome of each job. Code 0 is done, -1 is blocked."""
        self.launchers.append(launcher)
        for job, code in zip(jobs, self.codes, strict=True):
            job.outcome = {0: "done", -1: "blocked"}.get(code, "failed")
            job.exit_code, job.reason = max(code, 0), "" if code == 0 else f"code {code}"


@pytest.fixture
def fake_launches(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> FakeLaunches:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    fake_launches = FakeLaunches()
    monkeypatch.setattr(Launcher, "carry_out", lambda launcher, jobs: fake_launches.carry_out(launcher, jobs))
    return fake_launches


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([0, 0], 0),
        ([0, 1], 1),
        ([1, 3], 1),
        ([0, 3], 1),  # not all are unusable
        ([3, 3], 3),
        ([3, -1], 1),
        ([137, 0], 1),
    ],
)
def test_exit_code_is_1_if_any_run_fails_and_3_if_all_are_unusable(
    fake_launches: FakeLaunches, codes: list[int], expected: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_launches.codes = codes
    assert main(["run", ROW, "--runs", str(tmp_path), *FEW]) == expected
    streams = capsys.readouterr()
    done = codes.count(0)
    assert streams.out == f"{done} of 2 runs done, 0 of them before this call.\n"
    errors = [line for line in streams.err.splitlines() if line.startswith("reproduce: ")]
    assert errors == [
        f"reproduce: {ROW}.{column} {'blocked' if code == -1 else 'failed'}: code {code}"
        for column, code in zip(("k400", "ssv2"), codes, strict=True)
        if code != 0
    ]


def test_finished_runs_are_counted_but_not_checked(
    fake_launches: FakeLaunches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for job in jobs_of(find([ROW]), TINY, [], (0,)):
        if job.cells:
            write_result(RunStore(tmp_path), job.run)
    fake_launches.codes = [0, 0]
    # The batch cannot be split over 3 devices, which is not checked for finished runs.
    assert main(["run", ROW, "--runs", str(tmp_path), "--devices", "3"]) == 0
    assert capsys.readouterr().out == "2 of 2 runs done, 2 of them before this call.\n"


def test_processes_are_at_most_as_many_as_runs_and_use_one_thread_at_tiny_scale(
    fake_launches: FakeLaunches, tmp_path: Path
) -> None:
    fake_launches.codes = [0, 0]
    for words, parallel, threads in (
        (["--jobs", "8"], 2, 1),
        (["--jobs", "1"], 1, 1),
        (["--jobs", "2", "--threads", "3"], 2, 3),
    ):
        assert main(["run", ROW, "--runs", str(tmp_path), *FEW, *words]) == 0
        launcher = fake_launches.launchers[-1]
        assert (launcher.parallel, launcher.resources.threads, launcher.eval_only) == (parallel, threads, False)
        assert launcher.store.root == tmp_path


def test_eval_only_skips_the_runs_without_weights_and_writes_nothing_for_them(
    fake_launches: FakeLaunches, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tested, skipped = jobs_of(find([ROW]), TINY, FEW[1::2], (0,))
    store = RunStore(tmp_path)
    write_atomically(store.run(tested.run.train_id).weights, "trained")

    def carry_out(_: Launcher, jobs: list[Job]) -> None:
        assert [job.outcome for job in jobs] == [None, "skipped"]
        jobs[0].outcome = "done"

    monkeypatch.setattr(Launcher, "carry_out", carry_out)
    assert main(["run", ROW, "--runs", str(tmp_path), *FEW, "--eval-only"]) == 1
    error = capsys.readouterr().err
    assert f"reproduce: {skipped.name} skipped: run {skipped.run.train_id} has no weights: train it" in error
    assert store.run(skipped.run.train_id).state(skipped.run) == "not run"


@pytest.mark.parametrize("resources", [["--micro-batch", "7"], ["--devices", "3"]])
def test_a_test_alone_does_not_depend_on_the_training_batch(
    resources: list[str],
    fake_launches: FakeLaunches,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reproduce.verbs.run.existing_weights", lambda run, store: Weights(None, None))
    words = [f"{ROW}", "--column", "k400", "--runs", str(tmp_path), *FEW, *resources]
    fake_launches.codes = [0]
    assert main(["run", *words]) == 2 and "cannot be split" in capsys.readouterr().err
    assert main(["run", *words, "--eval-only"]) == 0
    (job,) = jobs_of(find([ROW]), TINY, FEW[1::2], (0,), ["k400"])
    write_atomically(RunStore(tmp_path).run(job.run.train_id).weights, "trained")
    assert main(["run", *words]) == 0
