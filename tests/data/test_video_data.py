from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data.config import DatasetConfig
from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.own_videos import ListFile
from data.datasets.ssv2 import SSv2
from data.sampling.base import SamplingConfig
from data.sampling.segments import SegmentSampling, SegmentViewSampling, UniformSampling
from data.sampling.strides import CyclicSampling, DenseSampling, PaddedSampling, StridedSampling
from data.transforms.pixels import Augmentation
from data.transforms.rand_augment import RandAugment
from data.video_data import VideoData
from interface.evaluation import EvalConfig
from interface.sizes import ClipSize
from tests.data.files import refusal

DATA = VideoData(dataset=Kinetics.Config())
SEGMENTS = replace(DATA, sampling=SegmentSampling.Config())


# Rejected configs


@pytest.mark.parametrize(
    ("data", "evaluation", "message"),
    [
        (SEGMENTS, EvalConfig(views=2), "segment sampling has one view, the whole video; evaluation.views is 2"),
        (DATA, EvalConfig(short_side=200), "short side 200 is smaller than the crop size 224; use 224 or more"),
        (
            replace(DATA, augmentation=Augmentation.Config(short_side=(200, 320))),
            EvalConfig(),
            "short side (200, 320) is not an ascending range from the crop size 224 on",
        ),
    ],
)
def test_invalid_protocols_are_rejected_before_items_are_read(
    data: VideoData, evaluation: EvalConfig, message: str
) -> None:
    assert refusal(lambda: data.check(evaluation), ValueError) == message


# Frames of the protocol


@pytest.mark.parametrize("sampling", [DenseSampling.Config(stride=2), SegmentSampling.Config()])
@pytest.mark.parametrize("frames", [1, 3, 9])
def test_the_test_has_the_frames_of_the_protocol(sampling: SamplingConfig, frames: int, kinetics_root: Path) -> None:
    data = replace(DATA, dataset=Kinetics.Config(num_classes=3), frames=4, crop=32, sampling=sampling)
    protocol = EvalConfig(views=1, crops=2, frames=frames)
    data.check(protocol)
    assert data.test_size(protocol) == ClipSize(frames, 32, 32)
    assert data.test_size(EvalConfig()) == data.size == ClipSize(4, 32, 32)
    videos = data.dataset.build(kinetics_root, "val")
    items = data.test_items(videos, protocol)
    assert items[0].inputs[0].shape == items.blank_inputs()[0].shape == (2, frames, 3, 32, 32)
    assert data.validation_items(videos)[0].inputs[0].shape == (1, 4, 3, 32, 32)
    assert torch.equal(items[1].inputs[0], replace(data, frames=frames).test_items(videos, protocol)[1].inputs[0])
    other = replace(data, sampling=replace(sampling, span=0.5)).test_items(videos, protocol)
    assert torch.equal(data.test_items(videos, replace(protocol, span=0.5))[1].inputs[0], other[1].inputs[0])


# Pixels


@pytest.mark.parametrize("mean", [0.45, (0.485, 0.456, 0.406)])
@pytest.mark.parametrize("std", [0.225, (0.229, 0.224, 0.225)])
def test_each_channel_has_its_own_mean_and_std(
    mean: float | tuple[float, float, float], std: float | tuple[float, float, float]
) -> None:
    clips = torch.randint(256, (2, 4, 3, 5, 6), dtype=torch.uint8)
    before = clips.clone()
    (inputs,) = replace(DATA, mean=mean, std=std).on_device((clips,))
    assert torch.equal(clips, before)
    assert inputs.dtype == torch.float32 and inputs.shape == clips.shape
    for channel in range(3):
        m, s = (value[channel] if isinstance(value, tuple) else value for value in (mean, std))
        expected = ((clips[:, :, channel].double() / 255 - m) / s).float()
        torch.testing.assert_close(inputs[:, :, channel], expected, atol=1e-5, rtol=1e-5)


def test_clips_are_displayed_in_rgb_whatever_the_channel_order() -> None:
    clip = torch.arange(12, dtype=torch.uint8).view(1, 3, 2, 2)
    assert torch.equal(DATA.display((clip[None],)), clip)
    assert torch.equal(replace(DATA, reversed_channels=True).display((clip[None],)), clip.flip(1))


# Other versions of the data


@pytest.mark.parametrize("dataset", [Kinetics.Config(num_classes=600), SSv2.Config(), Epic100.Config()])
def test_other_videos_replace_those_of_the_data_set(dataset: DatasetConfig) -> None:
    data = replace(SEGMENTS, dataset=dataset, frames=8)
    listed = ListFile.Config(predicted=dataset.targets, class_names=("a", "b"))
    assert data.with_videos(listed) == replace(data, dataset=listed)
    assert data.with_videos(listed).targets == data.targets


def test_tiny_data_are_generated_and_smaller_and_otherwise_the_same() -> None:
    data = replace(
        SEGMENTS,
        dataset=SSv2.Config(),
        augmentation=Augmentation.Config(flip=0.0, rand_augment=RandAugment.Config()),
        reversed_channels=True,
        mean=0.45,
    )
    assert data.tiny() == replace(
        data, dataset=SSv2.Config().tiny(), frames=8, crop=32, augmentation=Augmentation.Config(flip=0.0)
    )
    assert replace(DATA, crop=336).tiny().crop == 48
    assert [replace(DATA, frames=frames).tiny().frames for frames in (1, 2, 3, 96)] == [1, 1, 1, 48]


# Views of another test protocol


@pytest.mark.parametrize(
    ("sampling", "few", "many", "views"),
    [
        (DenseSampling.Config(), 10, 10, tuple(range(10))),
        (DenseSampling.Config(), 5, 10, (0, 2, 4, 6, 8)),
        (DenseSampling.Config(), 1, 10, (5,)),
        (DenseSampling.Config(), 3, 9, (0, 3, 6)),
        (DenseSampling.Config(), 3, 10, None),
        (DenseSampling.Config(), 1, 3, None),
        (DenseSampling.Config(), 10, 5, None),
        (StridedSampling.Config(), 5, 10, (0, 2, 4, 6, 8)),
        (StridedSampling.Config(), 1, 2, (0,)),
        (CyclicSampling.Config(), 1, 10, (0,)),
        (PaddedSampling.Config(), 3, 5, (0, 2, 4)),
        (PaddedSampling.Config(), 1, 5, (2,)),
        (PaddedSampling.Config(), 4, 5, None),
        (SegmentSampling.Config(), 1, 1, (0,)),
        (SegmentViewSampling.Config(), 2, 3, (0, 1)),
        (UniformSampling.Config(), 1, 2, (1,)),
    ],
)
def test_views_with_equal_starts_match(
    sampling: SamplingConfig, few: int, many: int, views: tuple[int, ...] | None
) -> None:
    assert replace(DATA, sampling=sampling).views_within(EvalConfig(views=few), EvalConfig(views=many)) == views


@pytest.mark.parametrize(
    "other",
    [
        EvalConfig(crops=1),
        EvalConfig(short_side=256),
        EvalConfig(stride=8),
        EvalConfig(span=0.5),
        EvalConfig(frames=8),
        EvalConfig(merge="mean of softmax"),
    ],
)
def test_views_of_different_protocols_do_not_match(other: EvalConfig) -> None:
    for few in (5, 10):
        assert DATA.views_within(EvalConfig(views=few), other) is None
        assert DATA.views_within(replace(other, views=few), EvalConfig()) is None
        assert DATA.views_within(replace(other, views=few), other) is not None
