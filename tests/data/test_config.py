"""Defaults of data configs, tested with data other than videos."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pytest

from data.config import DataConfig, DatasetConfig, Split
from data.datasets.kinetics import Kinetics
from data.datasets.listops import ListOps
from data.datasets.penn_action import PennAction
from data.items import ItemList, TestItems, TrainItems
from data.masked_sequences import MaskedSequences
from data.pose_video_data import PoseVideoData
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
from interface.sizes import ClipSize
from interface.targets import ClassTarget


@dataclass(frozen=True, kw_only=True)
class Sounds(DatasetConfig):
    name: str = "sounds"

    @property
    def targets(self) -> ClassTarget:
        return ClassTarget(7)

    def build(self, root: Path, split: Split) -> ItemList:
        raise NotImplementedError

    def tiny(self) -> Self:
        return self


@dataclass(frozen=True, kw_only=True)
class SoundData(DataConfig):
    dataset: Sounds = Sounds()

    @property
    def size(self) -> ClipSize:
        return ClipSize(1, 8, 8)

    def check(self, evaluation: EvalConfig) -> None: ...

    def train_items(self, items: ItemList, seed: int) -> TrainItems:
        raise NotImplementedError

    def test_items(self, items: ItemList, evaluation: EvalConfig) -> TestItems:
        raise NotImplementedError

    def tiny(self) -> Self:
        return self


def test_the_test_size_is_that_of_training_by_default_and_other_frames_are_refused() -> None:
    assert SoundData().test_size(EvalConfig()) == ClipSize(1, 8, 8)
    with pytest.raises(ValueError) as caught:
        SoundData().test_size(EvalConfig(frames=4))
    assert str(caught.value) == (
        "evaluation.frames is 4; a clip has no other number of frames in the test: leave it None"
    )


def test_other_videos_cannot_replace_the_items_by_default() -> None:
    with pytest.raises(ValueError, match="sounds: its items are not videos alone"):
        SoundData().with_videos(Kinetics.Config())


def test_views_match_only_an_equal_protocol_by_default() -> None:
    evaluation, data = EvalConfig(views=4), SoundData()
    assert data.views_within(evaluation, EvalConfig(views=4)) == (0, 1, 2, 3)
    for other in (EvalConfig(views=8), EvalConfig(views=4, crops=1), replace(evaluation, merge="mean of logits")):
        assert data.views_within(evaluation, other) is None


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        (VideoData(dataset=Kinetics.Config()), "frames", 0),
        (VideoData(dataset=Kinetics.Config()), "crop", 0),
        (VideoData(dataset=Kinetics.Config()), "mean", 1.5),
        (VideoData(dataset=Kinetics.Config()), "std", float("nan")),
        (VideoData(dataset=Kinetics.Config()), "std", (0.2, 0.0, 0.2)),
        (PoseVideoData(dataset=PennAction.Config()), "frames", 0),
        (TokenData(dataset=ListOps.Config()), "length", 10**24),
        (TokenData(dataset=ListOps.Config()), "max_tokens", -1),
        (ListOps.Config(), "test_batch", 0),
        (MaskedSequences(), "short_side", 5000),
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
