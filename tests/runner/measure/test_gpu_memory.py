"""Micro-batches on a GPU, with the errors of its allocator: found by trying, and named when memory is exhausted."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from lightning_modules.module import TaskModule
from lightning_modules.optim import OptimConfig
from runner.training.curves import GIB, GPU_MEMORY
from runner.training.micro_batch import TooLittleMemoryError
from tests.runner.points import POINTS, Points, RunHarness, Tower

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")]
MIB = 2**20
FREE = 384 * MIB  # memory that this process may use
PER_ITEM = 24 * MIB  # activations of an item; a step takes four times as much, with 32 items 3 GiB
RUN = replace(
    POINTS,
    data=replace(POINTS.data, dataset=Points.Config(num_train=64, num_test=8)),
    optim=OptimConfig(epochs=2, batch_size=32, lr=0.1, validate_every=2),
)


@pytest.fixture(autouse=True)
def activations(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the model use memory for each item of a training step. The limit of the process is removed at the end."""
    forward = Tower.forward

    def with_activations(tower: Tower, points: Tensor) -> Tensor:
        if not tower.training:
            return forward(tower, points)
        used = points.new_zeros(len(points), PER_ITEM // 4, requires_grad=True)
        return forward(tower, points) + used.square().mean()

    monkeypatch.setattr(Tower, "forward", with_activations)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def limit(num_bytes: int) -> None:
    """Limit the memory of this process on the GPU."""
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(num_bytes / total)


def test_the_largest_micro_batch_that_fits_is_trained_and_noted(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, total = torch.cuda.mem_get_info()
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (FREE, total))
    metrics = harness.execute(RUN)
    (split,) = metrics["batch_splits"]
    assert 1 < split["micro_batch"] < 16 and split["micro_batch"] * split["accumulation"] == 32
    out = capsys.readouterr().out
    assert "32 items at a time do not fit into the memory" in out
    assert f"{split['micro_batch']} items at a time fit into the memory" in out
    assert harness.trainers[-1].global_step == 4
    events = EventAccumulator(str(harness.store.run(RUN.train_id).tensorboard)).Reload()
    peaks = [point.value * GIB for point in events.Scalars(GPU_MEMORY)]
    assert len(peaks) == 4 and all(split["micro_batch"] * PER_ITEM < peak < FREE for peak in peaks)


def test_out_of_memory_in_a_training_names_the_option(harness: RunHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    training_step, steps = TaskModule.training_step, []

    def limited_after_a_step(module: TaskModule, batch: object, batch_idx: int) -> Tensor:
        steps.append(batch_idx)
        if len(steps) == 2:
            torch.cuda.empty_cache()
            limit(FREE)
        return training_step(module, batch, batch_idx)  # type: ignore[arg-type]

    monkeypatch.setattr(TaskModule, "training_step", limited_after_a_step)
    with pytest.raises(TooLittleMemoryError, match="set a smaller --micro-batch"):
        harness.execute(RUN)
