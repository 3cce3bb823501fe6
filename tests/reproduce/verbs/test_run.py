"""`reproduce run`: launched processes, messages and exit codes."""

from pathlib import Path

import pytest

from experiments.spec.catalog import find
from experiments.spec.scales import TINY
from runner.jobs.launch import Launcher
from runner.machine.files import write_atomically
from runner.store.jobs import Job, jobs_of
from runner.store.store import RunStore
from runner.weights.weights import Weights
from tests.conftest import Reproduce
from tests.runner.stored_metrics import write_result

ROW = "motionformer/table4:joint"  # with a run on each of two data sets
FEW = ["-o", "data.dataset.stand_in.num_train=32", "-o", "data.dataset.stand_in.num_val=3"]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> list[Launcher]:
    """Launchers that were used. No process is started: all jobs that are not skipped get done."""
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    launchers: list[Launcher] = []

    def carry_out(launcher: Launcher, jobs: list[Job]) -> None:
        launchers.append(launcher)
        for job in jobs:
            job.outcome = job.outcome or "done"

    monkeypatch.setattr(Launcher, "carry_out", carry_out)
    return launchers


@pytest.fixture
def run(reproduce: Reproduce, tmp_path: Path) -> Reproduce:
    return lambda *words: reproduce("run", ROW, "--runs", tmp_path, *words)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([0, 0], 0),
        ([0, 1], 1),
        ([1, 3], 1),
        ([0, 3], 1),  # not all are unusable
        ([3, 3], 3),
        ([3, -1], 1),  # -1 is blocked
        ([137, 0], 1),
    ],
)
@pytest.mark.usefixtures("launched")
def test_exit_code_is_1_if_any_run_fails_and_3_if_all_are_unusable(
    codes: list[int], expected: int, run: Reproduce, monkeypatch: pytest.MonkeyPatch
) -> None:
    def carry_out(_: Launcher, jobs: list[Job]) -> None:
        for job, code in zip(jobs, codes, strict=True):
            job.outcome = {0: "done", -1: "blocked"}.get(code, "failed")
            job.exit_code, job.reason = max(code, 0), "" if code == 0 else f"code {code}"

    monkeypatch.setattr(Launcher, "carry_out", carry_out)
    outcome = run(*FEW)
    assert outcome[:2] == (expected, f"{codes.count(0)} of 2 runs done, 0 of them before this call.\n")
    assert [line for line in outcome.err.splitlines() if line.startswith("reproduce: ")] == [
        f"reproduce: {ROW}.{column} {'blocked' if code == -1 else 'failed'}: code {code}"
        for column, code in zip(("k400", "ssv2"), codes, strict=True)
        if code != 0
    ]


@pytest.mark.usefixtures("launched")
def test_finished_runs_are_counted_but_not_checked(run: Reproduce, tmp_path: Path) -> None:
    for job in jobs_of(find([ROW]), TINY, [], (0,)):
        write_result(RunStore(tmp_path), job.run)
    # The batch cannot be split over 3 devices, which is not checked for finished runs.
    assert run("--devices", "3")[:2] == (0, "2 of 2 runs done, 2 of them before this call.\n")


def test_processes_are_at_most_as_many_as_runs_and_use_one_thread_at_tiny_scale(
    launched: list[Launcher], run: Reproduce, tmp_path: Path
) -> None:
    for words, parallel, threads in (
        (["--jobs", "8"], 2, 1),
        (["--jobs", "1"], 1, 1),
        (["--jobs", "2", "--threads", "3"], 2, 3),
    ):
        assert run(*FEW, *words).code == 0
        launcher = launched[-1]
        assert (launcher.parallel, launcher.resources.threads, launcher.eval_only) == (parallel, threads, False)
        assert launcher.store.root == tmp_path


@pytest.mark.usefixtures("launched")
def test_eval_only_skips_the_runs_without_weights_and_writes_nothing_for_them(run: Reproduce, tmp_path: Path) -> None:
    tested, skipped = jobs_of(find([ROW]), TINY, FEW[1::2], (0,))
    store = RunStore(tmp_path)
    write_atomically(store.run(tested.run.train_id).weights, "trained")
    outcome = run(*FEW, "--eval-only")
    assert outcome[:2] == (1, "1 of 2 runs done, 0 of them before this call.\n")
    error = f"reproduce: {skipped.name} skipped: run {skipped.run.train_id} has no weights: train it"
    assert error in outcome.err
    assert store.run(skipped.run.train_id).state(skipped.run) == "not run"


@pytest.mark.usefixtures("launched")
def test_a_test_alone_does_not_depend_on_the_training_batch(
    run: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reproduce.jobs_to_start.existing_weights", lambda run, store: Weights(None, None))
    words = ["--column", "k400", *FEW, "--micro-batch", "7"]
    refused = run(*words)
    assert refused.code == 2 and "cannot be split" in refused.err
    assert run(*words, "--eval-only").code == 0
    (job,) = jobs_of(find([ROW]), TINY, FEW[1::2], (0,), ["k400"])
    write_atomically(RunStore(tmp_path).run(job.run.train_id).weights, "trained")
    assert run(*words).code == 0


def test_data_are_generated_where_runs_start_and_not_where_they_are_submitted(
    reproduce: Reproduce, run: Reproduce, launched: list[Launcher], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "stand-ins"))
    assert "#SBATCH" in reproduce("submit", ROW, "--runs", tmp_path, *FEW, "--dry-run").out
    assert not (tmp_path / "stand-ins").exists()
    assert run(*FEW).code == 0 and len(launched) == 1
    assert len([*(tmp_path / "stand-ins").glob("*/")]) == 2
