"""What every stand-in does."""

import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest

from data.synthetic.ensure import StandIn
from data.synthetic.epic100 import Epic100StandIn
from data.synthetic.figure_videos import FigureStandIn
from data.synthetic.finegym import FineGymStandIn
from data.synthetic.kinetics import KineticsStandIn
from data.synthetic.ntu import NtuStandIn
from data.synthetic.penn_action import PennActionStandIn
from data.synthetic.ssv2 import SSv2StandIn
from data.synthetic.videos import VideoStandIn
from tests.data.stand_ins import DATASETS, root_of

STAND_INS = {type(c.stand_in).__name__: c.stand_in for c in DATASETS.values() if c.stand_in is not None}


@pytest.mark.parametrize("name", sorted(STAND_INS.keys() - {"PathfinderStandIn"}))  # its parts take long
def test_files_depend_on_the_settings_alone(name: str) -> None:
    stand_in = STAND_INS[name]
    part = stand_in.parts()[-1]
    other = replace(stand_in, seed=1)
    assert dict(stand_in.files(part)) == dict(replace(stand_in).files(part))
    assert dict(stand_in.files(part)) != dict(other.files(other.parts()[-1]))
    assert stand_in.annotations() == replace(stand_in).annotations()


@pytest.mark.parametrize("stand_in", STAND_INS.values(), ids=STAND_INS)
def test_settings_out_of_range_are_refused(stand_in: StandIn) -> None:
    numbers = {field.name for field in fields(stand_in) if isinstance(getattr(stand_in, field.name), int | float)}
    for name in numbers - {"single_paddles", "stretches"}:
        with pytest.raises(ValueError, match=r"data\.dataset\.stand_in\."):
            replace(stand_in, **{name: float("nan")})
        with pytest.raises(ValueError, match=r"data\.dataset\.stand_in\."):
            replace(stand_in, **{name: -1})


# If they change, the version must be incremented: results of every `tiny` page depend on them.
DIGESTS = {"listops": "8a0c19e34b65ceb4", "aan": "5a9092bc94a25933", "imdb": "b59bc6e589b0cf7c"}


@pytest.mark.parametrize("name", DIGESTS)
def test_the_texts_of_a_version_are_pinned(name: str) -> None:
    files = sorted(path for path in root_of(name).rglob("*") if path.is_file())
    assert hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16] == DIGESTS[name]


# Pixel means of four frames of the first test video.
@pytest.mark.parametrize(
    ("stand_in", "means"),
    [
        (KineticsStandIn(num_val=300), [78.97, 80.94, 83.03, 82.99]),
        (SSv2StandIn(num_val=400), [53.97, 52.80, 53.14, 52.43]),
        (Epic100StandIn(num_val=320), [125.05, 128.18, 129.36, 130.08]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_pixels_of_a_version_are_pinned(stand_in: VideoStandIn, means: list[float]) -> None:
    video = next(video for video in stand_in.videos() if video.split != "train")
    frames = stand_in.drawn(video)[:32:8]
    assert stand_in.version == 1 and frames.mean((1, 2, 3)) == pytest.approx(np.array(means), abs=0.1)


# Pixel means of three frames of the first video, and its mean joint.
@pytest.mark.parametrize(
    ("stand_in", "means", "joint"),
    [
        (PennActionStandIn(), [77.6, 75.9, 74.9], (48.85, 36.70)),
        (NtuStandIn(), [71.0, 69.2, 67.9], (49.18, 38.04)),
        (FineGymStandIn(), [77.6, 75.9, 74.9], (46.76, 32.00)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_figures_of_a_version_are_pinned(
    stand_in: FigureStandIn, means: list[float], joint: tuple[float, float]
) -> None:
    first = stand_in.videos()[0]
    assert stand_in.version == 1
    assert stand_in.drawn(first)[::8].mean((1, 2, 3)) == pytest.approx(means, abs=0.1)
    assert stand_in.joints(first).places.mean((0, 1)) == pytest.approx(joint, abs=0.01)
