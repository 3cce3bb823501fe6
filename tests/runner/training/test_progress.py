"""Progress of a run: lines of its log, the small file, and the remaining time."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from lightning import LightningModule, Trainer

from lightning_modules.optim import OptimConfig
from runner.training.progress import Progress
from tests.runner.points import POINTS, RunHarness

MODULE = cast(LightningModule, None)
EPOCHS = SimpleNamespace(
    current_epoch=0, max_epochs=2, max_steps=-1, num_training_batches=10, accumulate_grad_batches=1, world_size=1,
    is_global_zero=True, global_step=5, logger=SimpleNamespace(latest={"train/loss": 2.0, "train/lr": 0.1}),
    fit_loop=SimpleNamespace(total_batch_idx=4), callback_metrics={},
)  # fmt: skip


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Clock whose time a test sets."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr("runner.training.progress.time.monotonic", lambda: now.seconds)
    return now


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Lines without speeds and remaining times, which depend on the machine."""
    out = capsys.readouterr().out
    shown = [line for line in out.splitlines() if line.startswith(("progress: ", "note: "))]
    return [re.sub(r"[\d.e+]+ (points/s|s left|min left)", r"N \1", line) for line in shown]


def test_a_line_an_epoch_has_loss_metrics_speed_and_remaining_time(
    harness: RunHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.execute(replace(POINTS, optim=OptimConfig(epochs=2, batch_size=4, lr=0.1, validate_every=2, keep="best")))
    start, first, second, test = lines(capsys)
    assert start.startswith("progress: trains on 1 CPU device with 4 items each, from 2")
    assert re.fullmatch(r"progress: epoch 1/2: loss \d\.\d{3}, N points/s, N s left", first)
    pattern = r"progress: epoch 2/2: loss \d\.\d{3}, val/loss \d\.\d+, val/top1 \d+\.\d, N points/s"
    assert re.fullmatch(pattern, second)
    assert re.fullmatch(r"progress: test: top1 \d+\.\d, top5 100.0", test)


def test_recipes_in_steps_have_a_line_a_validation_and_one_at_the_end(
    harness: RunHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.execute(replace(POINTS, optim=OptimConfig(epochs=None, steps=7, batch_size=4, validate_every=3)))
    shown = [line.partition(":")[2].partition(":")[0].strip() for line in lines(capsys)[1:]]
    assert shown == ["step 3/7", "step 6/7", "step 7/7", "test"]


def test_the_loss_of_a_line_is_the_mean_also_under_accumulation(
    harness: RunHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    losses = []
    for micro_batch in (4, 2):
        harness.use_new_store(f"of {micro_batch}")
        harness.resources = replace(harness.resources, micro_batch=micro_batch)
        harness.execute(replace(POINTS, optim=OptimConfig(epochs=1, batch_size=4, lr=1e-9)))
        losses.append(float(re.findall(r"loss ([\d.]+)", capsys.readouterr().out)[0]))
    assert losses[1] == pytest.approx(losses[0], rel=0.1)  # dropout differs


def test_a_resumed_training_says_from_where(harness: RunHarness, capsys: pytest.CaptureFixture[str]) -> None:
    harness.execute_and_kill(POINTS, "step", 12)
    capsys.readouterr()
    harness.execute(POINTS)
    assert "note: resumes from last.ckpt in epoch 3/4, after 10 steps" in lines(capsys)


def batch_end(callback: Progress, trainer: SimpleNamespace) -> None:
    batch = SimpleNamespace(targets=torch.zeros(4))
    callback.on_train_batch_end(cast(Trainer, trainer), MODULE, {"loss": torch.tensor(2.0)}, batch, 4)


def test_a_long_epoch_has_a_line_every_ten_minutes(clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress("videos")
    batch_end(shown, EPOCHS)
    assert capsys.readouterr().out == ""
    clock.seconds = 900.0
    batch_end(shown, EPOCHS)
    assert capsys.readouterr().out == "progress: epoch 1/2 (25%): loss 2.000, 0.01 videos/s, 40 min left\n"
    clock.seconds = 901.0
    batch_end(shown, EPOCHS)
    assert capsys.readouterr().out == ""


def test_validations_do_not_slow_the_training_speed(clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    shown, trainer = Progress("videos"), cast(Trainer, EPOCHS)
    clock.seconds = 102.0
    batch_end(shown, EPOCHS)
    shown.on_validation_start(trainer, MODULE)
    clock.seconds = 500.0
    shown.on_validation_end(trainer, MODULE)
    shown.on_train_epoch_end(trainer, MODULE)
    assert "loss 2.000, 2 videos/s" in capsys.readouterr().out


def test_the_file_is_written_a_few_times_per_second(
    tmp_path: Path, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_at: list[float] = []
    progress = Progress("videos", tmp_path / "progress.json")
    write = progress.write
    monkeypatch.setattr(progress, "write", lambda *words: written_at.append(clock.seconds) or write(*words))
    for moment in (100.0, 100.1, 100.2, 100.5):
        clock.seconds = moment
        batch_end(progress, EPOCHS)
    assert written_at == [100.0, 100.5]
    written = json.loads((tmp_path / "progress.json").read_text())
    assert (written["done"], written["epoch"], written["epochs"], written["train/loss"]) == (0.25, 1, 2, 2.0)
    assert written["seconds_left"] == pytest.approx(1.5)


def test_the_remaining_time_follows_from_the_part_since_the_resumption(clock: SimpleNamespace) -> None:
    progress = Progress("videos")
    progress.start_stage(0.5)
    clock.seconds = 110.0
    assert progress.seconds_left(0.5) is None  # nothing was done yet
    assert progress.seconds_left(0.6) == pytest.approx(40.0)
    assert progress.seconds_left(1.0) == 0.0
