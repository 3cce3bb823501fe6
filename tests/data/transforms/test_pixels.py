import random
from collections import Counter
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import ColorJitter, InterpolationMode
from torchvision.transforms.v2.functional import resize

from data.items import seeded
from data.transforms.clip_operations import RAMP, Lookup, Operations
from data.transforms.pixels import Augmentation, Crops, normalized, random_crop, resized
from data.transforms.tracked_frames import Box, TrackedFrames
from interface.evaluation import EvalConfig
from tests.data.pictures import noise


def smooth(frames: int, height: int, width: int) -> Tensor:
    small = noise(frames, height // 8, width // 8).float()
    return F.interpolate(small, (height, width), mode="bilinear").to(torch.uint8)


def ramp(height: int, width: int) -> Tensor:
    """A frame whose pixel at (y, x) is (y, x, 0)."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([y, x, 0 * x])[None].to(torch.uint8)


def test_the_short_side_or_its_inverse_is_uniform() -> None:
    with seeded(0):
        uniform = Augmentation.Config().build(224)
        inverse = Augmentation.Config(inverse_uniform=True).build(224)
        sides = torch.tensor([uniform.random_short_side() for _ in range(20000)]).double()
        inverse_sides = torch.tensor([inverse.random_short_side() for _ in range(20000)]).double()
    assert Augmentation.Config().build(336).short_side == (384, 480)
    assert (sides.min(), sides.max(), inverse_sides.min(), inverse_sides.max()) == (256, 320, 256, 320)
    assert sides.mean().item() == pytest.approx(288, abs=1)
    assert (1 / inverse_sides).mean().item() == pytest.approx((1 / 256 + 1 / 320) / 2, rel=2e-3)


def test_crops_reach_every_edge() -> None:
    augmentation = Augmentation.Config(short_side=(40, 40), flip=0.0, color_jitter=0.0).build(32)
    with seeded(0):
        corners = {tuple(augmentation(ramp(40, 50))[0, :2, 0, 0].tolist()) for _ in range(3000)}
    assert corners == {(top, left) for top in range(9) for left in range(19)}


def test_flip_and_jitter_have_the_probabilities_of_the_recipe() -> None:
    frames = smooth(1, 32, 32)
    counts = Counter()
    flips = Augmentation.Config(short_side=(32, 32), flip=0.5, color_jitter=0.0).build(32)
    colours = Augmentation.Config(short_side=(32, 32), flip=0.0).build(32)
    with seeded(0):
        for _ in range(1000):
            counts["flipped"] += torch.equal(flips(frames), frames.flip(-1))
            counts["colours kept"] += torch.equal(colours(frames), frames)
    assert 450 < counts["flipped"] < 550
    assert 160 < counts["colours kept"] < 240


@pytest.mark.parametrize("resized_crop", [False, True])
def test_rand_augment_gets_whole_frames_and_colour_jitter_flipped_crops(
    resized_crop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    augmentation = Augmentation.Config(resized_crop=resized_crop, flip=1.0, color_jitter_probability=1.0).build(32)

    def inverse(frames: Tensor, box: Box | None = None) -> Tensor:
        seen.append(frames)
        return 255 - frames

    monkeypatch.setattr(augmentation, "rand_augment", Mock(drawn=lambda: inverse))
    monkeypatch.setattr(augmentation, "color_jitter", inverse)
    frames = ramp(120, 200)
    clip = augmentation(frames)
    whole, crop = seen
    assert torch.equal(whole, frames)
    assert crop.shape[-2:] == (32, 32)
    assert (crop[:, 1].float().diff(dim=-1) >= 0).all()  # a ramp both inverted and flipped ascends
    assert torch.equal(clip, 255 - crop)


@pytest.mark.parametrize("short_side", range(32, 44))
def test_a_crop_refers_to_no_pixel_outside_of_the_box_that_is_changed(short_side: int) -> None:
    frames = smooth(1, 40, 61)
    with seeded(short_side):
        expected, state = random_crop(TrackedFrames(frames), short_side, 32).frames, random.random()
    unchanged = Operations([(slice(None), [Lookup(RAMP)])])  # but for pixels outside of the box, which are black
    with seeded(short_side):
        assert torch.equal(random_crop(TrackedFrames(frames), short_side, 32, unchanged).frames, expected)
        assert random.random() == state


def test_resized_crops_and_colour_jitter_have_the_settings_of_the_recipe() -> None:
    augmentation = Augmentation.Config(resized_crop=True).build(32)
    boxes, jitter = augmentation.resized_crop, augmentation.color_jitter
    assert (boxes.scale, boxes.ratio, boxes.size) == ((0.08, 1.0), (3 / 4, 4 / 3), (32, 32))
    assert isinstance(jitter, ColorJitter) and jitter.hue is None
    assert jitter.brightness == jitter.contrast == jitter.saturation == pytest.approx((0.6, 1.4))


def released_jitter(clip: np.ndarray, drawn: list[tuple[str, float]]) -> np.ndarray:
    """Equations of the released code for a normalised clip (F, 3, height, width) in RGB."""
    for name, factor in drawn:
        red, green, blue = np.moveaxis(clip, 1, 0)
        grey = 0.299 * blue + 0.587 * green + 0.114 * red  # the code takes RGB for BGR
        if name == "brightness":
            clip = factor * clip
        if name == "contrast":
            clip = factor * clip + (1 - factor) * grey.mean((1, 2))[:, None, None, None]
        if name == "saturation":
            clip = factor * clip + (1 - factor) * grey[:, None]
    return clip


def test_colour_jitter_as_released_changes_normalised_pixels_without_clipping(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Augmentation.Config(
        short_side=(32, 32), flip=0.0, color_jitter_probability=1.0, color_jitter_as_released=True
    )
    augmentation, frames = config.build(32), noise(3, 32, 32)
    names, seen = ("brightness", "contrast", "saturation"), set()
    drawn: list[list] = []
    sample, uniform = random.sample, random.uniform

    def recorded_sample(changes: tuple, count: int) -> list:
        indices = sample(range(len(changes)), count)
        drawn.append([names[index] for index in indices])
        return [changes[index] for index in indices]

    def recorded_uniform(low: float, high: float) -> float:
        assert (low, high) == (pytest.approx(0.6), pytest.approx(1.4)) or low == high == 32
        factor = uniform(low, high)
        drawn.append([factor])
        return factor

    monkeypatch.setattr(random, "sample", recorded_sample)
    monkeypatch.setattr(random, "uniform", recorded_uniform)
    before = normalized(frames, 0.5, 0.5).double().numpy()
    with seeded(0):
        for _ in range(20):
            drawn.clear()
            after = normalized(augmentation(frames), 0.5, 0.5)
            _, order, *factors = drawn
            expected = released_jitter(before, list(zip(order, [factor for (factor,) in factors], strict=True)))
            np.testing.assert_allclose(after.numpy(), expected, rtol=0, atol=1e-5)
            seen.add(tuple(order))
            assert after.abs().max() <= 1.4**3
        assert len(seen) > 4


@pytest.mark.parametrize("capability", ["AVX2", "DEFAULT"])
@pytest.mark.parametrize("size", [(32, 42), (97, 121), (60, 80)])
@pytest.mark.parametrize("mode", [InterpolationMode.BILINEAR, InterpolationMode.BICUBIC])
def test_resized_bytes_are_those_of_torchvision(
    mode: InterpolationMode, size: tuple[int, int], capability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    for antialias in (False, True):
        expected = resize(noise(4, 60, 80), list(size), mode, antialias=antialias)
        is_bicubic = mode == InterpolationMode.BICUBIC
        assert torch.equal(resized(noise(4, 60, 80), size, bicubic=is_bicubic, antialias=antialias), expected)


def cropped(frames: Tensor, evaluation: EvalConfig) -> Tensor:
    """Crops (V, F, 3, 32, 32)."""
    return torch.stack([crop.frames for crop in Crops(32, evaluation)(frames)])


@pytest.mark.parametrize("num_crops", [1, 3])
def test_test_crops_are_spaced_along_the_long_side(num_crops: int) -> None:
    places = {1: [10], 3: [0, 10, 19]}[num_crops]  # of 19 spare pixels; the middle is rounded up
    wide, tall = (cropped(frames, EvalConfig(crops=num_crops)) for frames in (ramp(32, 51), ramp(51, 32)))
    assert wide.shape == (num_crops, 1, 3, 32, 32)
    assert [crop[0, :2, 0, 0].tolist() for crop in wide] == [[0, place] for place in places]
    assert [crop[0, :2, 0, 0].tolist() for crop in tall] == [[place, 0] for place in places]


@pytest.mark.parametrize(("height", "width"), [(60, 81), (81, 60)])
def test_crops_along_the_width_are_those_of_pillow(height: int, width: int) -> None:
    frames = noise(2, height, width)
    ours = cropped(frames, EvalConfig(crops=3, resizing="bicubic", crops_along="width"))
    size = (32 * width // height, 32) if width > height else (32, 32 * height // width)
    for number, frame in enumerate(frames):
        image = Image.fromarray(frame.permute(1, 2, 0).numpy()).resize(size, Image.Resampling.BICUBIC)
        top = int((size[1] - 32) / 2)
        for crop, left in zip(ours[:, number], (0, int((size[0] - 32) / 2), size[0] - 32), strict=True):
            expected = np.array(image.crop((left, top, left + 32, top + 32)), dtype=np.int64)
            assert (crop.permute(1, 2, 0) - torch.from_numpy(expected)).abs().max() <= 1
    assert torch.equal(ours[0], ours[2]) == (height > width)
