"""What every stand-in does."""

import hashlib
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from data.config import DatasetConfig
from data.datasets.epic100 import Epic100
from data.datasets.finegym import FineGym
from data.datasets.kinetics import Kinetics
from data.datasets.ntu import Ntu
from data.datasets.penn_action import PennAction
from data.datasets.ssv2 import SSv2
from data.stand_ins.drawing.base import VideoDrawing
from data.stand_ins.drawing.figure_videos import FigureDrawing
from data.stand_ins.of_figures import FineGymStandIn, NtuStandIn, PennActionStandIn
from data.stand_ins.of_videos import Epic100StandIn, KineticsStandIn, SSv2StandIn
from data.stand_ins.stand_in import StandIn
from tests.data.small_stand_ins import DATASETS, drawing_of, root_of

CONFIGS = {type(config.stand_in).__name__: config for config in DATASETS.values()}


@pytest.mark.parametrize("name", sorted(CONFIGS.keys() - {"PathfinderStandIn"}))  # its parts take long
def test_files_depend_on_the_settings_alone(name: str) -> None:
    config = CONFIGS[name]
    one, again = drawing_of(config), drawing_of(config)
    other = config.drawing(replace(one.settings, seed=1))
    part = one.parts()[-1]
    assert dict(one.files(part)) == dict(again.files(part)) != dict(other.files(other.parts()[-1]))
    assert one.annotations() == again.annotations()


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_settings_out_of_range_are_refused(config: DatasetConfig) -> None:
    stand_in = config.stand_in
    assert stand_in is not None
    numbers = {field.name for field in fields(stand_in) if isinstance(getattr(stand_in, field.name), int | float)}
    for name in numbers - {"single_paddles", "stretches"}:
        for wrong in (float("nan"), -1):
            with pytest.raises(ValueError, match=r"data\.dataset\.stand_in\."):
                replace(stand_in, **{name: wrong})


@pytest.mark.parametrize(
    ("kind", "field", "wrong"),
    [
        (PennActionStandIn, "width", 33),
        (PennActionStandIn, "ending", 24),
        (type(DATASETS["cifar10"].stand_in), "num_train", 46),
        (type(DATASETS["pathfinder32"].stand_in), "contour", 7),
        (type(DATASETS["pathfinder32"].stand_in), "num_train", 10),
        (type(DATASETS["pathfinder32"].stand_in), "seed_distance", 9),
    ],
)
def test_settings_that_exclude_each_other_are_refused(kind: type[StandIn], field: str, wrong: int) -> None:
    with pytest.raises(ValueError, match=f"data.dataset.stand_in.{field} is {wrong}; it "):
        kind(**{field: wrong})


# If they change, the version must be incremented: results of every `tiny` page depend on them.
DIGESTS = {"listops": "8a0c19e34b65ceb4", "aan": "5a9092bc94a25933", "imdb": "b59bc6e589b0cf7c"}


@pytest.mark.parametrize("name", DIGESTS)
def test_the_texts_of_a_version_are_pinned(name: str) -> None:
    files = sorted(path for path in root_of(name).rglob("*") if path.is_file())
    assert hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16] == DIGESTS[name]


# Pixel means of some frames of the first video of a split and, of figures, its mean joint.
@pytest.mark.parametrize(
    ("config", "split", "means", "joint"),
    [
        (Kinetics.Config(stand_in=KineticsStandIn(num_val=300)), "val", [78.97, 80.94, 83.03, 82.99], None),
        (SSv2.Config(stand_in=SSv2StandIn(num_val=400)), "validation", [53.97, 52.80, 53.14, 52.43], None),
        (Epic100.Config(stand_in=Epic100StandIn(num_val=320)), "validation", [125.05, 128.18, 129.36, 130.08], None),
        (PennAction.Config(stand_in=PennActionStandIn()), "train", [77.6, 75.9, 74.9], (48.85, 36.70)),
        (Ntu.Config(stand_in=NtuStandIn()), "train", [71.0, 69.2, 67.9], (49.18, 38.04)),
        (FineGym.Config(stand_in=FineGymStandIn()), "train", [77.6, 75.9, 74.9], (46.76, 32.00)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_frames_and_joints_of_a_version_are_pinned(
    config: DatasetConfig, split: str, means: list[float], joint: tuple[float, float] | None
) -> None:
    drawing: VideoDrawing[Any] = drawing_of(config)
    video = next(video for video in drawing.parts() if video.split == split)
    assert drawing.settings.version == 1
    assert drawing.drawn(video)[:32:8].mean((1, 2, 3)) == pytest.approx(np.array(means), abs=0.1)
    if joint is not None:
        assert isinstance(drawing, FigureDrawing)
        assert drawing.joints(video).places.mean((0, 1)) == pytest.approx(joint, abs=0.01)
