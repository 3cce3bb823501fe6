"""Changes of colour: rare, strong ones, and the jitter of a batch on its device, which is that on the CPU."""

import itertools
import random
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from lightning import Trainer
from torch import Tensor
from torchvision.transforms.functional import adjust_brightness, adjust_gamma, adjust_hue, adjust_saturation

from data.datamodule import DataModule
from data.items import seeded
from data.transforms.colour import ColourAugmentation
from data.transforms.pixels import Augmentation, short_side_resized
from experiments.spec.edits import apply, data
from experiments.spec.run import RunConfig
from interface.batches import Batch
from runner.machine.resources import Resources
from runner.training.train import data_module
from tests.data.pictures import noise


@pytest.fixture
def frames() -> Tensor:
    return noise(1, 48, 64).expand(4, -1, -1, -1)


def augmented(frames: Tensor, seed: int, **settings: object) -> Tensor:
    random.seed(seed)
    return ColourAugmentation.Config(**settings).build(32)(frames)  # type: ignore[arg-type]


def test_colours_change_as_often_as_stated(frames: Tensor) -> None:
    changed = sum(
        not augmented(frames, seed, colour=0.1).equal(augmented(frames, seed, colour=0.0)) for seed in range(300)
    )
    assert 300 * 0.25 < changed < 300 * 0.45  # 1 - 0.9 ** 4 is 0.34


@pytest.mark.parametrize("side", [48, 40])  # of the frames, and a smaller one
def test_flip_and_crop_alone_keep_the_values(frames: Tensor, side: int) -> None:
    clip = augmented(frames, 0, colour=0.0, short_side=(side / 32, side / 32))
    whole = short_side_resized(frames, side, bicubic=True)
    places = itertools.product(*(range(size - 31) for size in whole.shape[2:]))
    crops = [whole[..., top : top + 32, left : left + 32] for top, left in places]
    assert any(clip.equal(crop) or clip.equal(crop.flip(-1)) for crop in crops)


@pytest.mark.parametrize(("end", "amounts"), [(0, (0.5, 0.5, 0.8, -0.5)), (1, (2.0, 3.0, 1.2, 0.5))])
def test_brightness_saturation_gamma_and_hue_change_in_this_order_by_the_amounts_of_the_recipe(
    frames: Tensor, monkeypatch: pytest.MonkeyPatch, end: int, amounts: tuple[float, ...]
) -> None:
    expected = augmented(frames, 0, colour=0.0)
    for change, amount in zip((adjust_brightness, adjust_saturation, adjust_gamma, adjust_hue), amounts, strict=True):
        expected = change(expected, amount)
    monkeypatch.setattr(random, "uniform", lambda *bounds: bounds[end])
    assert augmented(frames, 0, colour=1.0).equal(expected)


# Jitter on the device


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
