import io
import math
import re
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from data.synthetic.encoding import encoded_avi
from data.synthetic.ensure import ensure
from data.synthetic.ntu import TRAIN_SUBJECTS, NtuStandIn

SMALL = NtuStandIn(num_train=14, num_val=6, frames=8, height=32, width=40, gaps=0.3, ghosts=0.5)
FRAMES = np.kron(np.random.default_rng(0).integers(0, 256, (14, 4, 5, 3), np.uint8), np.ones((1, 8, 8, 1), np.uint8))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(SMALL, tmp_path_factory.mktemp("ntu"), progress=False, workers=0)


def parsed(text: str) -> list[list[NDArray[np.floating]]]:
    """Joints (25, 12) of each body of each frame, read word by word."""
    words = iter(text.split())

    def numbers(count: int) -> list[float]:
        return [float(next(words)) for _ in range(count)]

    frames = []
    for _ in range(int(next(words))):
        bodies = []
        for _ in range(int(next(words))):
            numbers(10)
            assert next(words) == "25"
            bodies.append(np.array(numbers(25 * 12)).reshape(25, 12))
        frames.append(bodies)
    assert next(words, None) is None
    return frames


def test_each_sample_has_a_video_and_a_skeleton_file(root: Path) -> None:
    names = {video.video_id for video in SMALL.videos()}
    assert {path.name for path in (root / "nturgb+d_rgb").iterdir()} == {f"{name}_rgb.avi" for name in names}
    assert {path.name for path in (root / "nturgb+d_skeletons").iterdir()} == {f"{name}.skeleton" for name in names}
    with av.open(str(root / "nturgb+d_rgb" / f"{SMALL.videos()[0].video_id}_rgb.avi")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert np.abs(np.stack(frames).astype(float) - SMALL.drawn(SMALL.videos()[0])).mean() < 12


def test_skeletons_are_the_joints_of_the_actor_in_pixels_of_the_colour_picture(root: Path) -> None:
    ghosts = []
    for video in SMALL.videos():
        joints = SMALL.joints(video)
        frames = parsed((root / "nturgb+d_skeletons" / f"{video.video_id}.skeleton").read_text())
        assert len(frames) == 8
        ghosts.append(
            all(len(bodies) == 1 + visible.any() for bodies, visible in zip(frames, joints.visible, strict=True))
        )
        for bodies, places, visible in zip(frames, joints.places, joints.visible, strict=True):
            if not visible.any():
                assert len(bodies) == ghosts[-1]
                continue
            colours = bodies[0][:, 5:7]
            assert np.isnan(colours[~visible]).all()
            assert colours[visible] == pytest.approx(places[visible] * [1920 / 40, 1080 / 32], abs=1e-3)
    assert 3 < sum(ghosts) < 17


def test_a_second_body_does_not_move_and_is_smaller(root: Path) -> None:
    for video in SMALL.videos():
        frames = parsed((root / "nturgb+d_skeletons" / f"{video.video_id}.skeleton").read_text())
        both = [bodies for bodies in frames if len(bodies) == 2]
        ghosts = [second[:, 5:7] for _, second in both]
        assert all((ghost == ghosts[0]).all() for ghost in ghosts)
        for first, second in both:
            if math.isfinite(first[:, 5:7].sum()):
                assert np.ptp(second[:, 6]) < np.ptp(first[:, 6])


@pytest.mark.parametrize("protocol", ["subjects", "cameras", "setups"])
def test_every_protocol_gives_the_same_split(protocol: str) -> None:
    videos = NtuStandIn().videos()
    assert len({video.video_id for video in videos}) == 1600
    for video in videos:
        match = re.fullmatch(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})", video.video_id)
        assert match is not None
        setup, camera, subject, _, action = map(int, match.groups())
        trains = {"subjects": subject in TRAIN_SUBJECTS, "cameras": camera in (2, 3), "setups": setup % 2 == 0}
        assert trains[protocol] == (video.split == "train")
        assert action == video.label + 1
        assert 1 <= setup <= 17 and 1 <= subject <= 40


def test_an_avi_file_has_the_frames() -> None:
    with av.open(io.BytesIO(encoded_avi(FRAMES, rate=12)), "r") as container:
        stream = container.streams.video[0]
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
        assert (container.format.name, stream.codec_context.name, stream.average_rate) == ("avi", "mpeg4", 12)
    assert frames.shape == FRAMES.shape
    luma = [part.mean(-1).astype(float) for part in (frames, FRAMES)]
    assert np.abs(luma[0] - luma[1]).mean() < 12  # the colours of neighbouring blocks are mixed
