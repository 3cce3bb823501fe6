"""Colour jitter of a batch on its device: the values of the jitter on the CPU, and its draws."""

import random
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from lightning import Trainer
from torch import Tensor

from data.datamodule import DataModule
from data.items import seeded
from data.transforms.pixels import Augmentation
from experiments.spec.edits import apply, data
from experiments.spec.run import RunConfig
from interface.batches import Batch
from runner.machine.resources import Resources
from runner.training.train import data_module


@pytest.mark.parametrize("as_released", [False, True])
def test_the_jitter_of_a_batch_is_that_of_each_of_its_clips(as_released: bool) -> None:
    config = Augmentation.Config(short_side=(24, 30), color_jitter_as_released=as_released)
    frames = torch.randint(0, 256, (3, 3, 40, 50), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    expected, changed, ends = [], [], []
    left = config.build(24)
    assert left.leave_jitter() and not Augmentation.Config(color_jitter=0.0).build(24).leave_jitter()
    for augmentation, clips in ((config.build(24), expected), (left, changed)):
        with seeded(0):
            clips += [augmentation.tracked(frames) for _ in range(12)]
            ends.append((random.random(), torch.rand(())))
    assert ends[0] == ends[1]  # the same draws
    batch, changes = (
        torch.stack(parts) for parts in zip(*((clip.frames, clip.changes) for clip in changed), strict=True)
    )
    unchanged = [torch.equal(one, torch.tensor(((0, 1.0),) * 3)) for one in changes]
    assert batch.dtype == torch.uint8 and 0 < sum(unchanged) < 12
    result, expected = config.jittered(batch, changes), torch.stack([clip.frames for clip in expected])
    assert result.dtype == expected.dtype and not torch.equal(expected, batch)
    difference = (result.double() - expected.double()).abs()
    # A mean that rounds in another way, and so a pixel of all those that are cut off to whole numbers.
    assert difference.max() <= (1e-3 if as_released else 1) and difference.mean() < 1e-3


def test_a_training_with_the_jitter_on_its_device_has_the_same_inputs_within_a_grey_level(small_run: RunConfig) -> None:
    run = apply(small_run, data(augmentation=Augmentation.Config(color_jitter=0.4)))

    def batches(device_jitter: bool) -> list[Batch]:
        resources = Resources(devices=1, device_jitter=device_jitter)
        module: DataModule = data_module(
            run, resources, root=resources.root(run.data), split=resources.split_of(run)._replace(micro_batch=4)
        )
        module.trainer = cast(Trainer, SimpleNamespace(world_size=1, global_rank=0, training=True))
        loaded = list(module.train_dataloader())
        assert module.jitters is device_jitter and all(len(batch.inputs) == 1 + device_jitter for batch in loaded)
        return [module.on_after_batch_transfer(batch, 0) for batch in loaded]

    def pixels(found: list[Batch]) -> Tensor:
        return torch.cat([batch.inputs[0] for batch in found])

    on_cpu, on_device = (pixels(batches(device_jitter)) for device_jitter in (False, True))
    assert (on_cpu - on_device).abs().max() <= 1.01 * 2 / 255  # pixels are from -1 to 1
    assert (on_cpu - on_device).abs().mean() < 1e-5
