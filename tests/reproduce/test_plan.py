"""`reproduce plan`: runs, costs, and the problems that `reproduce run` reports before it starts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.runner.files import write_atomically
from experiments.runner.jobs import Job, jobs_of
from experiments.runner.launch import Launcher
from experiments.runner.resources import Resources
from experiments.runner.store import RunStore
from experiments.spec.catalog import find
from experiments.spec.run import Parent
from experiments.spec.scales import PAPER, TINY
from lightning_modules.optim import OptimConfig
from reproduce.command import main
from reproduce.plan import plan_json, plan_text
from tests.experiments.runner.stored_metrics import write_result

T4 = "motionformer/table4"
ROW = f"{T4}:joint"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Kinetics with four training videos and one test video."""
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    root = tmp_path / "k400"
    root.mkdir()
    (root / "a.mp4").touch()
    (root / "train.csv").write_text("a.mp4 0\nb.mp4 0\nc.mp4 0\nd.mp4 0\n")
    (root / "val.csv").write_text("a.mp4 0\n")
    return root


def words(verb: str, root: Path, *more: str) -> list[str]:
    place = ["--runs", str(root.parent / "runs"), "--data", f"kinetics400={root}"]
    return [verb, ROW, "--column", "k400", "--scale", "paper", *place, *more]


def test_plan_and_run_report_fewer_training_videos_than_a_batch(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reason = "kinetics400: 4 training videos are fewer than one batch of 128; use a smaller batch"
    assert main(words("plan", root)) == 0
    assert f"not yet runnable: {reason}" in capsys.readouterr().out
    assert main(words("run", root)) == 3
    assert reason in capsys.readouterr().err
    assert not list((root.parent / "runs").glob("*"))
    assert main(words("plan", root, "-o", "optim.batch_size=4", "--json")) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    assert (plan["problem"], plan["steps"]) == (None, plan["epochs"])


@pytest.mark.parametrize("verb", ["show", "plan", "run"])
def test_invalid_settings_of_attention_are_rejected_by_every_verb(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row, override = "motionformer/table3c:prototypes-128", "model.attention.approximation.num_prototypes=3000"
    place = [] if verb == "show" else ["--runs", str(tmp_path)]
    assert main([verb, row, *place, "-o", override]) == 2
    assert "3000" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_plan_reports_test_protocols_that_the_sampling_does_not_support(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", f"{T4}:trajectory", "--runs", str(tmp_path), "-o", "evaluation.stride=2"]) == 0
    assert "not yet runnable: segment sampling has no stride in frames" in capsys.readouterr().out


def test_plan_with_eval_only_needs_no_training_split(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "train.csv").unlink()
    assert main(words("plan", root, "--json")) == 0
    assert "annotations of the train split" in json.loads(capsys.readouterr().out)[0]["problem"]
    assert main(words("plan", root, "--eval-only", "--json")) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    assert "no weights to test" in plan["problem"]
    released = root.parent / "runs" / plan["train_id"] / "checkpoints" / "released.safetensors"
    write_atomically(released, "")
    write_atomically(released.parents[1] / "released.json", '{"file": "a.pyth", "sha256": "0"}')
    assert main(words("plan", root, "--eval-only", "--json")) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    assert (plan["problem"], plan["steps"]) == (None, 0)
    assert plan["petaflops_left"] > 0


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_data_root_that_no_run_reads_is_rejected(verb: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(verb, root, "--data", "ssv3=/data")) == 2
    assert "--data ssv3: no run reads 'ssv3'; they read kinetics400" in capsys.readouterr().err


def test_a_data_root_of_finished_runs_is_accepted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(root.parent / "runs")
    (ssv2,) = (job for job in jobs_of(find([ROW]), PAPER, [], (0,)) if job.cell == "joint.ssv2")
    write_result(store, ssv2.run)
    place = ["--runs", str(store.root), "--data", f"kinetics400={root}", "--data", "ssv2=/data"]
    assert main(["run", ROW, "--scale", "paper", *place]) == 3
    assert "4 training videos are fewer than one batch" in capsys.readouterr().err


def test_run_with_eval_only_needs_no_training_split(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_plan_counts_the_training_of_a_run_once_for_all_its_tests(tmp_path: Path) -> None:
    tests = jobs_of(find(["motionformer/figure3:joint"]), TINY, [], (0,))
    plans = plan_json(tests, RunStore(tmp_path), Resources())
    costs = [float(str(plan["petaflops_left"])) for plan in plans if "k400" in str(plan["run"])]
    assert len(costs) == 5
    assert costs[0] > 5 * costs[1] > 0
    assert costs[1:] == [costs[1]] * 4
    assert "2 distinct runs with 9 tests for 9 cells, 9 to do" in plan_text(tests, RunStore(tmp_path), Resources())


def test_plan_includes_the_training_of_a_run_tested_with_released_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job,) = jobs_of(find(["motionformer/table6b:mformer"]), PAPER, [], (0,))
    write_result(RunStore(tmp_path), job.run, released=True)
    place = ["motionformer/table6b:mformer", "--scale", "paper", "--runs", str(tmp_path), "--json"]
    assert main(["plan", *place]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "not run"  # `run` would train it
    assert main(["plan", *place, "--eval-only"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "done"


def planned(*jobs: Job, store: RunStore) -> list[dict]:
    return plan_json(list(jobs), store, Resources(devices=1))  # type: ignore[return-value]


def tiny(name: str, **changes: object) -> Job:
    run = replace(TINY.of(K400), **changes)  # type: ignore[arg-type]
    return Job(run, "p/t", name, 0, cells=[f"p/t:{name}"])


def test_cost_is_three_passes_per_training_item_and_one_per_view_and_crop(store: RunStore) -> None:
    job = tiny("a.top1", optim=OptimConfig(epochs=2, batch_size=300))
    (plan,) = planned(job, store=store)
    macs = job.run.model.cost(job.run.data.size, job.run.data.targets).macs
    passes = 3 * 6 * 300 + 1000 * 2 * 3  # of 1000 videos, 3 batches an epoch; 1000 test videos, 2 views, 3 crops
    assert plan["steps"] == 6 and plan["gmacs"] == macs / 1e9
    assert plan["petaflops_left"] == pytest.approx(2 * passes * macs / 1e15)
    assert plan["split"] == "300 x 1 on 1"


def test_a_recipe_in_steps_has_no_epochs(store: RunStore) -> None:
    job = tiny("a.top1", optim=OptimConfig(epochs=None, steps=77, batch_size=10))
    (plan,) = planned(job, store=store)
    assert (plan["epochs"], plan["steps"], plan["batch_size"]) == (None, 77, 10)
    row = next(line for line in plan_text([job], store, Resources(devices=1)).splitlines() if line.startswith("p/t:a"))
    assert row.split()[-9:-1] == ["1", "–", "77", "10", "x", "1", "on", "1"]


def test_a_run_without_training_costs_only_its_test_and_lists_its_parents(store: RunStore) -> None:
    parent = tiny("a.top1")
    parents = (Parent(run=parent.run, part="spatial"), Parent(run=TINY.of(SSV2), part="temporal"))
    tested = tiny("b.top1", optim=None, parents=parents)
    _, plan = planned(parent, tested, store=store)
    assert (plan["epochs"], plan["steps"], plan["batch_size"], plan["split"]) == (None, 0, None, "–")
    macs = tested.run.model.cost(tested.run.data.size, tested.run.data.targets).macs
    assert plan["petaflops_left"] == pytest.approx(2 * 1000 * 6 * macs / 1e15)
    assert plan["parents"] == {"spatial": parent.run.train_id, "temporal": TINY.of(SSV2).train_id}
    assert plan["problem"] is None
    assert plan_json([tested], store, Resources(devices=1), eval_only=True)[0]["problem"] == (
        "--eval-only: some runs have no weights to test; train them, or import released ones"
    )


def test_a_finished_run_has_no_remaining_cost(store: RunStore) -> None:
    job = tiny("a.top1")
    write_result(store, job.run)
    (plan,) = planned(job, store=store)
    assert (plan["state"], plan["petaflops_left"]) == ("done", 0.0)
    assert "1 distinct runs for 1 cells, 0 to do" in plan_text([job], store, Resources(devices=1))


def test_a_trained_run_costs_only_its_test(store: RunStore) -> None:
    job, other = tiny("a.top1"), tiny("b.top1", seed=1)
    write_atomically(job.directory(store).weights, "trained")
    first, second = planned(job, other, store=store)
    assert 0 < first["petaflops_left"] < second["petaflops_left"] / 5


def test_plan_without_jobs_says_nothing_to_run(store: RunStore) -> None:
    assert plan_text([], store, Resources()) == "Nothing to run: every column is computed without a test, or quoted."
