"""`reproduce plan`: runs and their costs; what stops a run, `doctor` and `run` say before it starts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from data.config import Split
from data.datasets.kinetics import Kinetics
from data.datasets.videos import VideoList
from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import find, load
from experiments.spec.edits import apply, optim
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import PAPER, TINY
from lightning_modules.optim import OptimConfig
from reproduce.budget import rows_within
from reproduce.command import parsed
from reproduce.option_types import Duration
from reproduce.options import Plan
from reproduce.verbs.plan import pflop, plan_json, plan_text
from runner.jobs.launch import Launcher
from runner.machine.files import write_atomically
from runner.machine.messages import device_time_text
from runner.machine.resources import Resources
from runner.store.jobs import CellName, Job, jobs_of
from runner.store.provenance import hardware
from runner.store.records import sealed
from runner.store.store import RunStore
from runner.weights.weights import Weights, save_weights
from tests.conftest import Outcome, Reproduce
from tests.runner.stored_metrics import write_result

T4 = "motionformer/table4"
ROW = f"{T4}:joint"
OPTIONS = cast("Plan", parsed(["plan", T4, "--scale", "paper"]))


@pytest.fixture
def paper(kinetics: Path, reproduce: Reproduce) -> Reproduce:
    """Verb of a row of one data set at the paper's size."""
    place = ["--runs", kinetics.parent / "runs", "--data", f"kinetics400={kinetics}"]
    words = ["--column", "k400", "--scale", "paper", *place]
    return lambda verb, *more, table=ROW: reproduce(verb, table, *words, *more)


def planned_one(outcome: Outcome) -> dict:
    assert outcome.code == 0, outcome.err
    (plan,) = json.loads(outcome.out)
    return plan


def test_plan_shows_what_is_known_of_a_run_that_cannot_start(kinetics: Path, paper: Reproduce) -> None:
    stopped = paper("plan")
    assert "1 to do, cost unknown: `reproduce doctor` says what stops these runs." in stopped.out
    assert stopped.err.startswith(f"next: reproduce doctor {ROW} ")
    refused = paper("run")
    assert refused.code == 3 and "2 training videos are fewer than one batch of 128; use a smaller" in refused.err
    assert not list((kinetics.parent / "runs").glob("*"))
    assert paper("plan", "-o", "optim.batch_size=2").err.startswith(f"next: reproduce run {ROW} ")
    plan = planned_one(paper("plan", "-o", "optim.batch_size=2", "--json"))
    assert plan["steps"] == plan["epochs"] and plan["items"]["source"] == "annotation files"


def test_a_test_alone_needs_no_training_split(
    kinetics: Path, paper: Reproduce, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kinetics / "train.csv").unlink()
    plan, tested = planned_one(paper("plan", "--json")), planned_one(paper("plan", "--json", "--eval-only"))
    assert [one["items"]["source"] for one in (plan, tested)] == ["official split sizes", "annotation files"]
    assert plan["petaflops_left"] > tested["petaflops_left"] > 0 == tested["steps"]
    monkeypatch.setattr(Launcher, "carry_out", lambda _, jobs: [setattr(job, "outcome", "done") for job in jobs])
    monkeypatch.setattr("reproduce.jobs_to_start.existing_weights", lambda run, store: Weights(None, None))
    assert paper("run").code == 3
    assert paper("run", "--eval-only").out == "1 of 1 runs done, 0 of them before this call.\n"


def test_a_data_root_of_finished_runs_is_accepted(kinetics: Path, reproduce: Reproduce) -> None:
    store = RunStore(kinetics.parent / "runs")
    (ssv2,) = (job for job in jobs_of(find([ROW]), PAPER, [], (0,)) if job.cell == "joint.ssv2")
    write_result(store, ssv2.run)
    place = ["--runs", store.root, "--data", f"kinetics400={kinetics}", "--data", "ssv2=/data"]
    refused = reproduce("run", ROW, "--scale", "paper", *place)
    assert refused.code == 3 and "2 training videos are fewer than one batch" in refused.err


def test_plan_counts_the_training_of_a_run_once_for_all_its_tests(tmp_path: Path) -> None:
    tests = jobs_of(find(["motionformer/figure3:joint"]), TINY, [], (0,))
    found = plans(*tests, store=RunStore(tmp_path))
    costs = [plan["petaflops_left"] for plan in found if "k400" in plan["run"]]
    assert len(costs) == 5
    assert costs[0] > 5 * costs[1] > 0
    assert costs[1:] == [costs[1]] * 4
    assert "2 distinct runs with 9 tests for 9 cells, 9 to do" in text_of(*tests, store=RunStore(tmp_path))


def test_a_test_whose_scores_are_part_of_anothers_costs_nothing(tmp_path: Path) -> None:
    found = plans(*jobs_of(find(["xvit/figure1:xvit"]), TINY, [], (0,)), store=RunStore(tmp_path))
    assert [plan["device_hours_left"] > 0 for plan in found] == [True, False, False, False, False, False]


def test_plan_includes_the_training_of_a_run_tested_with_released_weights(tmp_path: Path, reproduce: Reproduce) -> None:
    (job,) = jobs_of(find(["motionformer/table6b:mformer"]), PAPER, [], (0,))
    write_result(RunStore(tmp_path), job.run, released=True)
    words = ["plan", "motionformer/table6b:mformer", "--scale", "paper", "--runs", tmp_path, "--json"]
    assert planned_one(reproduce(*words))["state"] == "not run"  # `run` would train it
    assert planned_one(reproduce(*words, "--eval-only"))["state"] == "released weights"


def plans(*jobs: Job, store: RunStore, resources: Resources | None = None) -> list[dict]:
    return plan_json(OPTIONS, list(jobs), store, resources or Resources(devices=1))


def text_of(*jobs: Job, store: RunStore, devices: int = 1) -> str:
    found, resources = list(jobs), Resources(devices=devices)
    return plan_text(OPTIONS, found, plan_json(OPTIONS, found, store, resources), resources)


def tiny(name: str, **changes: object) -> Job:
    run = replace(TINY.of(K400), **changes)  # type: ignore[arg-type]
    cell = CellName("p/t", *name.split("."))
    return Job(run, cell, 0, cells=[cell])


def test_cost_is_three_passes_per_training_item_and_one_per_view_and_crop(store: RunStore) -> None:
    job = tiny("a.top1", optim=OptimConfig(epochs=2, batch_size=300))
    (plan,) = plans(job, store=store)
    macs = job.run.model.cost(job.run.data.size, job.run.data.targets).macs
    passes = 3 * 6 * 300 + 1000 * 2 * 3  # of 1000 videos, 3 batches an epoch; 1000 test videos, 2 views, 3 crops
    assert plan["steps"] == 6 and plan["gmacs"] == macs / 1e9
    assert plan["petaflops_left"] == pytest.approx(2 * passes * macs / 1e15)
    assert plan["split"] == "300 x 1 on 1 device"


def test_on_a_gpu_the_batch_of_a_device_is_split_by_trying(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    job = tiny("a.top1", optim=OptimConfig(epochs=2, batch_size=300))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    for resources, split in ((Resources(devices=2), "150 in parts that fit on 2 devices"),
                             (Resources(devices=2, micro_batch=50), "50 x 3 on 2 devices")):  # fmt: skip
        (plan,) = plans(job, store=store, resources=resources)
        assert plan["split"] == split


def test_a_recipe_in_steps_has_no_epochs(store: RunStore) -> None:
    job = tiny("a.top1", optim=OptimConfig(epochs=None, steps=77, batch_size=10))
    (plan,) = plans(job, store=store)
    assert (plan["epochs"], plan["steps"], plan["batch_size"]) == (None, 77, 10)
    lines = text_of(job, store=store).splitlines()
    row = next(line for line in lines if line.startswith("p/t:a"))
    assert row.split()[-12:-3] == ["1", "–", "77", "10", "x", "1", "on", "1", "device"]
    assert all(row[lines[0].index(name) + len(name) - 1].strip() for name in ("epochs", "steps", "PFLOP left"))


def test_a_run_without_training_costs_only_its_test_and_lists_its_parents(store: RunStore) -> None:
    parent = tiny("a.top1")
    parents = (Parent(run=parent.run, part="spatial"), Parent(run=TINY.of(SSV2), part="temporal"))
    tested = tiny("b.top1", optim=None, parents=parents)
    _, plan = plans(parent, tested, store=store)
    assert (plan["epochs"], plan["steps"], plan["batch_size"], plan["split"]) == (None, 0, None, "–")
    macs = tested.run.model.cost(tested.run.data.size, tested.run.data.targets).macs
    assert plan["petaflops_left"] == pytest.approx(2 * 1000 * 6 * macs / 1e15)
    assert plan["parents"] == {"spatial": parent.run.train_id, "temporal": TINY.of(SSV2).train_id}


def test_a_trained_run_costs_its_test_an_interrupted_one_what_is_left_of_it_and_a_finished_one_nothing(
    store: RunStore,
) -> None:
    job, other, lost = tiny("a.top1"), tiny("b.top1", seed=1), tiny("c.top1", seed=2)
    for interrupted in (job, lost):
        write_atomically(interrupted.directory(store).progress_file, '{"stage": "train", "done": 0.75}')
    write_atomically(job.directory(store).checkpoint, "of three quarters")
    found = plans(job, other, lost, store=store)
    assert [plan["state"] for plan in found] == ["interrupted", "not run", "not run"]
    left, whole, again = (plan["petaflops_left"] for plan in found)
    write_atomically(other.directory(store).weights, "trained")
    (tested,) = plans(other, store=store)
    test = tested["petaflops_left"]
    assert 0 < test < whole / 5
    write_atomically(job.directory(store).progress_file, '{"stage": "test", "done": 0.75}')  # of imported weights
    (untrained,) = plans(job, store=store)
    assert untrained["petaflops_left"] == again == whole and left - test == pytest.approx((whole - test) / 4)
    write_result(store, other.run)
    (done,) = plans(other, store=store)
    assert (done["state"], done["petaflops_left"]) == ("done", 0.0)
    assert "1 distinct run for 1 cell, 0 to do" in text_of(other, store=store)


def test_each_list_is_read_once_for_all_rows(kinetics: Path, paper: Reproduce, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, build = list[Split](), Kinetics.Config.build

    def counted(config: Kinetics.Config, root: Path, split: Split) -> VideoList:
        reads.append(split)
        return build(config, root, split)

    monkeypatch.setattr(Kinetics.Config, "build", counted)
    (kinetics / "train.csv").write_text("train/a/0.mp4 0\n" + "".join(f"{number}.mp4 0\n" for number in range(199)))
    refused = paper("run", table=T4)
    assert refused.code == 3 and sorted(reads) == ["test", "train"]
    assert "kinetics400: 199 of 200 train videos are missing, e.g." in refused.err
    (kinetics / "train.csv").unlink()
    reads.clear()
    assert paper("run", table=T4).code == 3
    assert reads == ["train"]  # an unreadable list is not read again


def test_missing_videos_stop_a_run_beyond_the_accepted_number(kinetics: Path, paper: Reproduce) -> None:
    (kinetics / "train/b/1.mp4").unlink()
    refused = paper("run", "-o", "optim.batch_size=2")
    assert f"1 of 2 train videos are missing, e.g. {kinetics}/train/b/1.mp4; the limit is 0: get them" in refused.err
    assert refused.code == 3 and "--allow-bad 1" in refused.err


def test_without_the_data_the_cost_is_that_of_the_official_splits(kinetics: Path, reproduce: Reproduce) -> None:
    words = ["plan", ROW, "--column", "k400", "--scale", "paper", "--runs", kinetics.parent / "runs"]
    unread = "kinetics400: the cost is for the official split sizes; the data are not there"
    assert unread in reproduce(*words).out
    plan = planned_one(reproduce(*words, "--json"))
    assert plan["items"] == {"train": 246_534, "test": 19_906, "source": "official split sizes"}
    assert plan["steps"] == 35 * (246_534 // 128)
    write_result(RunStore(kinetics.parent / "runs"), load(T4).run_of("joint.k400", PAPER, (), 0))
    assert unread not in reproduce(*words).out


def test_hours_come_from_measured_trainings_of_the_same_hardware(store: RunStore) -> None:
    measured, other, planned_run = tiny("a.top1"), tiny("b.top1", seed=1), tiny("c.top1", seed=2)
    write_result(store, measured.run, device_hours=2.0, hardware=hardware())
    write_result(store, other.run, device_hours=50.0, hardware="8 x a GPU")
    _, _, plan = plans(measured, other, planned_run, store=store)
    assert plan["speed"] == f"measured: the speed of 1 training on {hardware()}" and plan["speed_is_measured"]
    passes = 3 * plan["steps"] * plan["batch_size"]
    assert plan["device_hours_left"] == pytest.approx(2.0 * (passes + 1000 * 2 * 3) / passes)  # the test is added
    text = text_of(measured, planned_run, store=store, devices=2)
    assert f"device time, {device_time_text(3600 * plan['device_hours_left'] / 2)} on 2 devices, measured" in text


def test_published_trainings_on_cpus_say_nothing_of_a_gpu(tmp_path: Path, reproduce: Reproduce) -> None:
    row = ["motionformer/table5:exact", "--column", "listops", "--scale", "paper"]
    plan = planned_one(reproduce("plan", *row, "--runs", tmp_path, "--json"))
    assert plan["speed"].startswith("a guess: 35 % of the 312 TFLOP/s of one A100")


def test_small_models_without_measurements_assume_the_speed_of_a_cpu(tmp_path: Path, reproduce: Reproduce) -> None:
    words = ["plan", ROW, "--column", "k400", "-o", "optim.epochs=3", "--runs", tmp_path]
    plan = planned_one(reproduce(*words, "--json"))
    assert plan["device_hours_left"] == pytest.approx(plan["petaflops_left"] * 1e15 / 20e9 / 3600)
    start = "of device time, and 10 s for the start of a run, a guess: 20 GFLOP/s of one thread of a CPU"
    assert start in reproduce(*words).out


def test_digits_suit_numbers_of_operations() -> None:
    assert [pflop(number) for number in (0.0, 2e-5, 0.234, 1200)] == ["0.0", "2e-05", "0.2", "1,200.0"]


def test_hours_without_measurements_assume_a_share_of_a_peak(
    kinetics: Path, paper: Reproduce, reproduce: Reproduce
) -> None:
    choices = ([], ["--tflops", "125"], ["--utilisation", "0.175"])
    found = [planned_one(paper("plan", "-o", "optim.batch_size=2", "--json", *choice)) for choice in choices]
    default, other_gpu, half = (plan["device_hours_left"] for plan in found)
    assert found[2]["speed"].startswith("a guess: 17.5 % of the 312 TFLOP/s of one A100")
    assert half == pytest.approx(found[2]["petaflops_left"] * 1e15 / (0.175 * 312e12) / 3600)
    assert (other_gpu, half) == pytest.approx((default * 312 / 125, default * 2))
    assert not any(plan["speed_is_measured"] for plan in found)
    refused = paper("plan", "--gpu", "B9")
    assert "known are V100, A100" in refused.err and refused.code == paper("plan", "--utilisation", "2").code == 2
    hours = reproduce("plan", "motionformer/hours:mformer", "--scale", "paper", "--runs", kinetics.parent, "--json")
    assert json.loads(hours.out)[0]["printed_device_hours"] == 384


def test_printed_hours_lie_in_the_range_of_a_v100_except_where_prototypes_are_selected_one_by_one(
    tmp_path: Path, reproduce: Reproduce
) -> None:
    words = ("plan", "motionformer/hours", "--scale", "paper", "--runs", tmp_path, "--json", "--gpu", "V100")
    outside = [
        plan["run"].partition(":")[2]
        for plan in json.loads(reproduce(*words).out)
        if not plan["device_hours_range"][0] <= plan["printed_device_hours"] <= plan["device_hours_range"][1]
    ]
    assert outside == ["prototypes-64.hours", "prototypes-128.hours"]


def test_a_step_measured_here_gives_the_time_of_its_run(store: RunStore) -> None:
    job, other = tiny("a.top1"), tiny("b.top1", seed=1)
    record = {"train_id": job.run.train_id, "batch_size": 8, "precision": "32-true", "step_seconds": 0.5}
    record |= {"commit": "abc", "versions": {}, "hardware": hardware()}
    write_atomically(store.run(job.run.train_id).measurement("memory"), json.dumps(sealed(record)))
    plan, guessed = plans(job, other, store=store)
    assert plan["speed"] == f"measured: its own training step of batch 8 on {hardware()}"
    assert not guessed["speed_is_measured"]
    steps, test = plan["steps"] * plan["batch_size"] / 8, 1000 * 2 * 3 / (3 * 8)
    assert plan["device_hours_left"] == pytest.approx(0.5 * (steps + test) / 3600)
    assert plan["device_hours_range"] == (plan["device_hours_left"],) * 2
    other_device = sealed({**record, "hardware": "a GPU"})
    write_atomically(store.run(job.run.train_id).measurement("memory"), json.dumps(other_device))
    assert not plans(job, store=store)[0]["speed_is_measured"]


def test_the_disk_space_of_the_files_of_a_run_is_estimated(
    store: RunStore, small_run: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = Resources(devices=1)
    small_run = apply(small_run, optim(batch_size=4))
    job = Job(small_run, CellName("p/t", "a", "top1"), 0)
    (plan,) = plans(job, store=store, resources=resources)
    directory = store.run(small_run.train_id)
    save_weights(small_run.build().model, directory.weights)
    saved = directory.weights.stat().st_size
    files = plan["bytes"]
    assert isinstance(files, dict) and files["weights"] == pytest.approx(saved, rel=0.1)
    assert files["checkpoint"] == 3 * 3 * files["weights"]
    assert files["predictions"] == 10 * 2 * 10 * 4  # videos, views, classes
    (tested,) = plans(job, store=store, resources=resources)
    assert tested["bytes"] == {"weights": 0, "predictions": 800, "checkpoint": 0}
    monkeypatch.setattr("reproduce.verbs.plan.free_bytes", lambda _: 100)
    assert text_of(job, store=store).endswith("stand-ins; 0.1 kB free")


def test_rows_that_fit_a_time_share_the_trainings_that_they_need(store: RunStore) -> None:
    start, other = tiny("start.x"), tiny("other.x", seed=1)
    child = Job(replace(start.run, parents=(Parent(run=start.run),)), CellName("p/t", "child", "x"), 0)
    child.cells = [child.place]
    jobs, hours = [start, child, other], {start.key: 3.0, child.key: 2.0, other.key: 4.0}
    assert rows_within(jobs, hours, Duration(5 * 3600), 1)[0] == ["p/t:start", "p/t:child"]
    fitting, text = rows_within(jobs, hours, Duration(4 * 3600), 1)
    assert fitting == ["p/t:start"]
    assert text == (
        "1 of 3 rows fit 4:00:00 (3.0 h): p/t:start; each of the others takes more than is left: p/t:child 2.0 h, "
        "p/t:other 4.0 h"
    )
    assert rows_within(jobs, hours, Duration(4.5 * 3600), 2)[1] == "3 of 3 rows fit 4:30:00 (4.5 h)"
    unknown = {**hours, start.key: None}
    assert rows_within(jobs, unknown, Duration(9e9), 1)[0] == ["p/t:other"]


def test_the_next_command_names_the_rows_that_fit(reproduce: Reproduce, tmp_path: Path) -> None:
    outcome = reproduce("plan", "motionformer/table4", "--runs", tmp_path, "--budget", "1h")
    assert "rows fit 1:00:00" in outcome.out and outcome.err.startswith("next: reproduce run motionformer/table4:")
    assert "--budget" not in outcome.err
    assert reproduce("plan", "motionformer/table4", "--runs", tmp_path, "--budget", "1s").err == ""


def test_memory_is_counted_for_runs_that_can_be_trained_on_a_known_gpu(reproduce: Reproduce, tmp_path: Path) -> None:
    words = ["plan", "deform3d/ablation:default", "--scale", "small", "--runs", tmp_path]
    assert "memory of one RTX 4090: a training step keeps at most 6.2 GB of 24 GB" in reproduce(*words).out
    for more in (["--devices", "3"], ["--gpu", "Mine", "--tflops", "100"], ["--eval-only"]):
        outcome = reproduce(*words, *more)
        assert outcome.code == 0 and "memory" not in outcome.out and not outcome.out.endswith("\n\n")
