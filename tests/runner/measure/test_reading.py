"""Speed of reading: its stages, the workers, and which of the two waits."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import Tensor

from data.labels import ItemList
from data.transforms.pixels import Augmentation
from data.video import decode
from data.video.frame_table import FrameTable
from experiments.motionformer.base import K400
from experiments.spec.run import RunConfig
from runner.machine.resources import Resources
from runner.measure.device_time import (
    Reading,
    Speed,
    Work,
    device_name,
    device_seconds,
    flops,
    measured_reading,
    trained_per_second,
)
from runner.measure.reading import ReadingSpeed, reading_speed
from runner.store.provenance import cores
from runner.store.store import RunStore
from runner.training import train
from tests.runner.points import POINTS, PointData, Points, RunHarness

SPEED = Speed(1e12, False, "")


def speed_of(run: RunConfig, workers: int = 0, batch_size: int = 2) -> ReadingSpeed:
    resources = Resources(data=(("points", Path()),))
    items = resources.item_lists().items(run.data, "train")
    return reading_speed(run.data, items, workers, batch_size, resources.root(run.data))


@pytest.mark.parametrize(
    ("stage", "owner", "name"),
    [
        ("open", decode, "opened_container"),
        ("decode", FrameTable, "runs"),
        ("augment", Augmentation, "random_short_side"),
    ],
)
def test_a_stage_has_the_time_of_what_it_calls(
    stage: str, owner: object, name: str, small_run: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *words: time.sleep(0.1) or called(*words))
    whole, *parts = (found := speed_of(small_run).milliseconds).values()
    assert sum(parts) == pytest.approx(whole)
    assert found[stage] > 50 and found[stage] == max(parts)
    assert list(found) == ["all", "open", "decode", "convert", "scale", "augment", "collate", "rest"]


@dataclass(frozen=True, kw_only=True)
class SlowData(PointData):
    seconds: float

    def noisy(self, items: ItemList, index: int) -> tuple[Tensor, ...]:
        time.sleep(self.seconds)
        return super().noisy(items, index)


def test_workers_read_beside_each_other_and_items_that_are_no_clips_have_a_time_too() -> None:
    run = replace(POINTS, data=SlowData(seconds=0.05))
    one, two = (speed_of(run, workers) for workers in (0, 2))
    assert list(one.milliseconds) == ["all", "collate", "rest"] and one.milliseconds["all"] > 50
    assert one.read_per_second < 20 < two.read_per_second < 45
    assert two.text(run.data).endswith("/s with 2 workers")
    assert two._replace(workers=1).text(run.data).endswith(" with 1 worker")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_few_items_are_read_again(number: int) -> None:
    run = replace(POINTS, data=SlowData(dataset=Points.Config(num_train=number, num_test=8), seconds=0.01))
    assert speed_of(run, batch_size=1).milliseconds["rest"] > 5


def test_workers_that_read_all_batches_of_an_epoch_at_once_are_no_faster() -> None:
    run = replace(POINTS, data=SlowData(dataset=Points.Config(num_train=24, num_test=8), seconds=0.01))
    assert 150 < speed_of(run, workers=4, batch_size=8).read_per_second < 450


def test_the_slower_of_reading_and_computing_counts_and_the_other_waits() -> None:
    passes, computes = Work(3 * 1000, 0), trained_per_second(K400, SPEED)
    slow, fast = (Reading(factor * computes, 8) for factor in (0.25, 2.0))
    assert device_seconds(K400, passes, SPEED, reading=slow) == pytest.approx(1000 / slow.per_second)
    assert device_seconds(K400, passes, SPEED, reading=fast) == flops(K400, passes) / SPEED.flops
    assert (slow.waiting_share(computes), fast.waiting_share(computes)) == (0.75, 0.0)
    assert slow.text("videos", computes).endswith(" with 8 workers, for which the device waits 75 % of a training")
    assert fast.text("videos", computes).endswith(" videos/s with 8 workers, which wait")
    in_between = slow._replace(workers=0)
    assert device_seconds(K400, passes, SPEED, reading=in_between) == pytest.approx(5 * 1000 / computes)
    assert in_between.waiting_share(computes) == pytest.approx(0.8)


@pytest.mark.parametrize(("step_seconds", "workers"), [(0.45, 11), (0.1, 24), (None, 16)])
def test_as_many_workers_read_as_a_test_needs_if_reading_and_the_step_were_measured(
    step_seconds: float | None, workers: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("runner.machine.resources.available_cores", lambda: 24)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("runner.measure.device_time.hardware", cores)
    record = {"cores": cores(), "device_jitter": False, "root": str(tmp_path), "read_per_second": 80.0, "workers": 16}
    record |= {"hardware": device_name(cores()), "batch_size": 8, "step_seconds": step_seconds}
    found = SimpleNamespace(measurement=lambda train_id, kind: SimpleNamespace(record=record))
    store, resources = cast(RunStore, found), Resources(devices=1)
    assert measured_reading(K400, store, tmp_path, resources) == Reading(5.0 * workers, workers)
    assert measured_reading(K400, store, tmp_path, Resources(devices=1, workers=3)) == Reading(15.0, 3)
    assert measured_reading(K400, store, tmp_path / "another", resources) is None


def test_a_training_whose_reading_was_measured_has_the_workers_that_it_needs(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "measured_reading", lambda *words: Reading(100.0, 1))
    harness.execute(POINTS)
    assert harness.trainers[-1].datamodule.loading.num_workers == 1  # type: ignore[attr-defined]
