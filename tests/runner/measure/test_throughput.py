"""Throughput in turns: order, batch sizes, ratios of the same round, and devices that are too small."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from experiments.motionformer.base import K400
from experiments.spec.metrics import TOO_LARGE, SpeedOfReference, VideosPerSecondInTurns
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY
from interface.sizes import InputSize
from interface.targets import Targets
from models.motionformer.model import Motionformer
from runner.measure import throughput
from runner.measure.memory import NotMeasurableError
from runner.measure.throughput import Turns
from runner.store.acceptance import accepted_measurement
from runner.store.records import sealed

FAST = TINY.of(replace(K400, optim=None))
SLOW = replace(FAST, seed=1)
RUNS = {"fast": FAST, "slow": SLOW}


class Machine:
    """Simulated machine without a GPU.

    Args:
        seconds: duration of a batch of each run in order of first use.
        capacity: largest batch size that fits, by forward pass; the last one applies to all later passes.
    """

    def __init__(self, seconds: tuple[float, ...], capacity: tuple[int, ...] = (10**9,)) -> None:
        self.durations, self.capacity = seconds, capacity
        self.time, self.models, self.passes = 0.0, [], []

    def forward(self, model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        """Advance the clock by one batch."""
        assert not model.training and torch.is_inference_mode_enabled()
        assert not torch.backends.cudnn.allow_tf32
        batch_size = len(inputs[0])
        if batch_size > self.capacity[min(len(self.passes), len(self.capacity) - 1)]:
            self.passes.append((self.models.index(model), "too large"))
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        self.passes.append((self.models.index(model), batch_size))
        self.time += self.durations[self.models.index(model)]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Machine on which a batch takes one second and three seconds."""
    simulated, build = Machine((1.0, 3.0)), Motionformer.Config.build

    def build_with_clock(config: Motionformer.Config, size: InputSize, targets: Targets) -> nn.Module:
        model = build(config, size, targets)
        simulated.models.append(model)
        model.register_forward_pre_hook(simulated.forward)
        return model

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: simulated.time)
    monkeypatch.setattr(throughput.os, "getloadavg", lambda: (0.2, 2.0, 2.0))
    monkeypatch.setattr(Motionformer.Config, "build", build_with_clock)
    return simulated


def measured(
    *, batch_size: int | None = None, rounds: int | None = None, runs: dict[str, RunConfig] | None = None
) -> tuple[dict[str, dict[str, object]], list[str]]:
    """Records by name, and lines of progress."""
    lines: list[str] = []
    found = Turns("32-true", batch_size=batch_size, rounds=rounds, say=lines.append).records(runs or RUNS)
    return found, lines


def test_every_run_computes_one_batch_in_each_round_after_a_warm_up(machine: Machine) -> None:
    found, lines = measured(batch_size=4, rounds=3)
    assert machine.passes == [(0, 4), (1, 4)] * 4
    assert found["fast"]["items_per_second"] == 4.0 and found["slow"]["items_per_second"] == pytest.approx(4 / 3)
    assert lines[0].startswith("2 rows in turns, 3 rounds in 32-true on ") and " cores of " in lines[0]
    assert lines[1:] == [
        "fast: warm-up with batch 4, 1.0 s",
        "slow: warm-up with batch 4, 3.0 s",
        "round 1 of 3, about 0.1 min left",
        "round 2 of 3, about 0.1 min left",
        "round 3 of 3",
    ]


def test_other_programs_on_the_machine_are_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput.os, "getloadavg", lambda: (4.3, 2.0, 2.0))
    assert measured(rounds=1)[1][1] == (
        "other programs use this machine (load 4.3): speeds are lower than on an idle one"
    )


def test_a_cpu_measures_one_view_five_times_by_default(machine: Machine) -> None:
    found, _ = measured()
    assert machine.passes == [(0, 1), (1, 1)] * 6  # a warm-up, and five rounds
    assert [found[name]["rounds"] for name in RUNS] == [5, 5]


def test_records_of_a_session_are_accepted_and_hold_the_rounds_of_all_runs(machine: Machine, tmp_path: Path) -> None:
    found, _ = measured(rounds=2)
    seconds = {FAST.train_id: [1.0, 1.0], SLOW.train_id: [3.0, 3.0]}
    assert all(found[name]["seconds_per_item"] == seconds for name in RUNS)
    assert found["fast"]["session"] == found["slow"]["session"]
    for name, run in RUNS.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(sealed({"train_id": run.train_id, **found[name]})))
        assert accepted_measurement(file, run.train_id) is not None


def test_videos_per_second_and_ratios_are_medians_of_the_rounds(machine: Machine) -> None:
    record = {"seconds_per_item": {FAST.train_id: [1.0, 2.0, 9.0], SLOW.train_id: [3.0, 8.0, 9.0]}}
    views = FAST.evaluation.views * FAST.evaluation.crops
    videos = VideosPerSecondInTurns("videos_per_second", "turns-float32")
    ratio = SpeedOfReference("speed_of_reference", "turns-float32", reference=FAST)
    assert videos.in_turns and videos.value(record, FAST) == pytest.approx(1 / views / 2)
    assert ratio.repeats(record, SLOW) == pytest.approx((3.0, 4.0, 1.0))
    assert ratio.value(record, SLOW) == pytest.approx(3.0) and ratio.value(record, FAST) == 1.0
    alone = {"seconds_per_item": {SLOW.train_id: [3.0]}}
    assert ratio.value(alone, SLOW) is None and videos.value({}, SLOW) is None


def test_the_batch_is_halved_until_it_fits(machine: Machine) -> None:
    machine.capacity = (6, 6, 10**9)
    found, _ = measured(batch_size=16, rounds=1)
    assert machine.passes[:4] == [(0, "too large"), (0, "too large"), (0, 4), (1, 16)]
    assert (found["fast"]["batch_size"], found["slow"]["batch_size"]) == (4, 16)


def test_a_run_that_does_not_fit_is_named_and_the_others_are_measured(machine: Machine) -> None:
    machine.capacity = (0, 0, 10**9)
    found, lines = measured(batch_size=2, rounds=1)
    assert found["slow"]["items_per_second"] == pytest.approx(2 / 3)
    assert found["fast"][TOO_LARGE] is True and "items_per_second" not in found["fast"]
    assert "fast: batch 1 does not fit into the memory of this device" in lines


def test_a_batch_that_no_longer_fits_ends_the_measurement(machine: Machine) -> None:
    machine.capacity = (10**9, 10**9, 10**9, 0)
    with pytest.raises(NotMeasurableError, match="slow: batch 2 no longer fits; use a smaller --batch"):
        measured(batch_size=2, rounds=1)


def test_bfloat16_is_not_measured_on_a_cpu(machine: Machine) -> None:
    with pytest.raises(NotMeasurableError, match="bfloat16 is measured on a CUDA device and there is none"):
        Turns("bf16-true", batch_size=None, rounds=None, say=print)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("precision", ["32-true", "bf16-true"])
def test_a_gpu_is_named_and_measures_both_precisions(precision: str) -> None:
    found = Turns(precision, batch_size=4, rounds=2, say=print).records(RUNS)
    assert {record["hardware"] for record in found.values()} == {torch.cuda.get_device_name()}
    assert all(record["precision"] == precision and record["batch_size"] == 4 for record in found.values())
