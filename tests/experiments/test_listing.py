"""A plan says what would stop a run, which says it before it starts anything."""

import json
from pathlib import Path

import pytest

from experiments.catalog import find
from experiments.cli import main
from experiments.launch import Job, Launcher, jobs_of
from experiments.scales import PAPER
from experiments.store import RunStore, write_atomically

ROW = "motionformer/table4:joint"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Kinetics of four videos to train on and one to test with."""
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    root = tmp_path / "k400"
    root.mkdir()
    (root / "a.mp4").touch()
    (root / "train.csv").write_text("a.mp4 0\n" * 4)
    (root / "val.csv").write_text("a.mp4 0\n")
    return root


def words(verb: str, root: Path, *more: str) -> list[str]:
    place = ["--runs", str(root.parent / "runs"), "--data", f"kinetics400={root}"]
    return [verb, ROW, "--column", "k400", "--scale", "paper", *place, *more]


def test_a_plan_and_a_run_say_that_the_videos_do_not_fill_a_batch(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "kinetics400: 4 training videos are fewer than one batch of 128; use a smaller batch"
    assert main(words("plan", root)) == 0
    assert f"not yet runnable: {reason}" in capsys.readouterr().out
    assert main(words("run", root)) == 3
    assert reason in capsys.readouterr().err
    assert not list((root.parent / "runs").glob("*"))
    assert main(words("plan", root, "-o", "optim.batch_size=4", "--json")) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    assert (plan["problem"], plan["steps"]) == (None, plan["epochs"])


def test_a_plan_says_which_attention_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row, override = "motionformer/table3c:prototypes-128", "model.attention.approximation.num_prototypes=3000"
    assert main(["plan", row, "--runs", str(tmp_path), "-o", override]) == 0
    assert "not yet runnable:" in capsys.readouterr().out


def test_the_plan_of_a_test_alone_needs_no_training_split(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "train.csv").unlink()
    assert main(words("plan", root, "--json")) == 0
    assert "annotations of the train split" in json.loads(capsys.readouterr().out)[0]["problem"]
    assert main(words("plan", root, "--eval-only", "--json")) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    assert "no weights to test" in plan["problem"]
    released = root.parent / "runs" / plan["train_id"] / "checkpoints" / "released.safetensors"
    released.parent.mkdir(parents=True)
    released.touch()
    assert main(words("plan", root, "--eval-only", "--json")) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    assert (plan["problem"], plan["steps"]) == (None, 0)
    assert plan["petaflops_left"] > 0


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_data_set_that_no_run_reads_is_refused(verb: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(verb, root, "--data", "ssv3=/data")) == 2
    assert "--data ssv3: no run reads 'ssv3'; they read kinetics400" in capsys.readouterr().err


def test_a_data_set_that_only_finished_runs_read_may_be_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(root.parent / "runs")
    (ssv2,) = (job for job in jobs_of(find([ROW]), PAPER, [], (0,)) if job.cell == "joint.ssv2")
    metrics = {"top1": 10.0, "videos": {"evaluated": 10, "failed": 0, "missing": 0}, "seconds": 1.0}
    write_atomically(store.run(ssv2.run.train_id).metrics(ssv2.run.eval_id), json.dumps(metrics))
    place = ["--runs", str(store.root), "--data", f"kinetics400={root}", "--data", "ssv2=/data"]
    assert main(["run", ROW, "--scale", "paper", *place]) == 3
    assert "4 training videos are fewer than one batch" in capsys.readouterr().err


def test_a_run_of_tests_alone_starts_without_training_videos(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "train.csv").unlink()
    started: list[str] = []

    def carry_out(launcher: Launcher, jobs: list[Job]) -> None:
        for job in jobs:
            job.outcome = "done"
            started.append(job.name)

    monkeypatch.setattr(Launcher, "carry_out", carry_out)
    assert main(words("run", root)) == 3
    assert main(words("run", root, "--eval-only")) == 0
    assert started == [f"{ROW}.k400"]


def test_a_test_of_released_weights_made_here_is_called_so_and_still_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job,) = jobs_of(find(["motionformer/table6b:mformer"]), PAPER, [], (0,))
    metrics = {"top1": 79.7, "videos": {}, "data": {}, "versions": {}, "seconds": 1.0}
    path = RunStore(tmp_path).run(job.run.train_id).metrics(job.run.eval_id, released=True)
    write_atomically(path, json.dumps(metrics))
    words = ["motionformer/table6b:mformer", "--scale", "paper", "--runs", str(tmp_path), "--json"]
    assert main(["status", *words]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["state"], entry["top1"]) == ("released weights", 79.7)
    assert main(["plan", *words]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "not run"  # `run` would train it
