"""Defaults of data configs, tested with token sequences, and ranges of their fields."""

import re
from dataclasses import replace

import pytest

from data.datasets.kinetics import Kinetics
from data.datasets.listops import ListOps
from data.datasets.penn_action import PennAction
from data.masked_sequences import MaskedSequences
from data.pose_video_data import PoseVideoData
from data.sampling.strides import DenseSampling, StridedSampling
from data.token_data import TokenData
from data.transforms.colour import ColourAugmentation
from data.transforms.composed_augmentation import (
    AutoAugment,
    ComposedAugmentation,
    MultiScaleCrop,
    RandomErasing,
    ShortSideCrop,
)
from data.transforms.pixels import Augmentation
from data.transforms.rand_augment import RandAugment
from data.video_data import VideoData
from interface.evaluation import EvalConfig
from interface.ranges import CheckedConfig

TOKENS = TokenData(dataset=ListOps.Config())
VIDEOS = VideoData(dataset=Kinetics.Config())


def test_the_test_size_is_that_of_training_by_default_and_other_frames_are_refused() -> None:
    assert TOKENS.test_size(EvalConfig()) == TOKENS.size
    with pytest.raises(ValueError, match=r"evaluation.frames is 4; a sequence has no other number of frames"):
        TOKENS.test_size(EvalConfig(frames=4))


def test_other_videos_cannot_replace_the_items_by_default() -> None:
    with pytest.raises(ValueError, match="listops: its items are not videos alone"):
        TOKENS.with_videos(Kinetics.Config())


def test_views_match_only_an_equal_protocol_by_default() -> None:
    evaluation, data = EvalConfig(views=4), TOKENS
    assert data.views_within(evaluation, EvalConfig(views=4)) == (0, 1, 2, 3)
    for other in (EvalConfig(views=8), EvalConfig(views=4, crops=1), replace(evaluation, merge="mean of logits")):
        assert data.views_within(evaluation, other) is None


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        (VIDEOS, "frames", 0),
        (VIDEOS, "crop", 0),
        (VIDEOS, "mean", 1.5),
        (VIDEOS, "std", float("nan")),
        (VIDEOS, "std", (0.2, 0.0, 0.2)),
        (PoseVideoData(dataset=PennAction.Config()), "frames", 0),
        (TOKENS, "length", 10**24),
        (TOKENS, "max_tokens", -1),
        (ListOps.Config(), "test_batch", 0),
        (MaskedSequences(), "short_side", 5000),
        (MaskedSequences(), "multiple", 0),
        (MaskedSequences(short_side=16), "multiple", 64),
        (DenseSampling.Config(), "stride", 0),
        (StridedSampling.Config(), "nominal_fps", 0),
        (Augmentation.Config(), "color_jitter", -0.1),
        (RandAugment.Config(), "num_operations", 0),
        (RandAugment.Config(), "magnitude", -1.0),
        (ColourAugmentation.Config(), "short_side", (1.5, 1.0)),
        (ComposedAugmentation.Config(), "flip", 1.5),
        (AutoAugment.Config(), "shift", 1.1),
        (ShortSideCrop.Config(), "short_side", (0.9, 1.0)),
        (MultiScaleCrop.Config(), "scales", (1.0, 0.0)),
        (MultiScaleCrop.Config(), "scales", ()),
        (MultiScaleCrop.Config(), "distortion", -1),
        (RandomErasing.Config(), "area", (0.5, 0.1)),
        (RandomErasing.Config(), "aspect", 0.0),
    ],
)
def test_numbers_out_of_range_are_refused_with_the_path_of_the_field(
    config: CheckedConfig, name: str, value: object
) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(config.config_path)}\.{name} is "):
        replace(config, **{name: value})  # type: ignore[type-var]
