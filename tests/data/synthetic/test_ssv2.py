import json
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from numpy.typing import NDArray

from data.synthetic.ensure import ensure
from data.synthetic.ssv2 import TEMPLATES, Pose, SSv2StandIn, increasing_path, without_brackets

SMALL = SSv2StandIn(num_train=30, num_val=20)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(SMALL, tmp_path_factory.mktemp("ssv2"), progress=False, workers=0)


def poses(moving: int, count: int, backwards: bool = False) -> NDArray[np.floating]:
    """Coordinates (count, 5) at one random time of each of several videos."""
    rng = np.random.default_rng(moving)
    times = np.linspace(0, 1, 24, dtype=np.float32)
    drawn = []
    for _ in range(count):
        pose = np.stack(SSv2StandIn().pose(rng, times, moving), -1)  # (T, 5)
        drawn.append((pose[::-1] if backwards else pose)[rng.integers(len(times))])
    return np.stack(drawn)


def test_official_files_name_every_video_and_template(root: Path) -> None:
    labels = json.loads((root / "something-something-v2-labels.json").read_text())
    assert sorted(labels.values(), key=int) == [str(label) for label in range(10)]
    assert list(labels) == sorted(labels)
    files = {path.stem for path in (root / "20bn-something-something-v2").iterdir()}
    seen: set[str] = set()
    for split, count in (("train", 30), ("validation", 20)):
        entries = json.loads((root / f"something-something-v2-{split}.json").read_text())
        assert len(entries) == count
        assert all(set(entry) == {"id", "label", "template", "placeholders"} for entry in entries)
        assert all(entry["template"].count("[") == len(entry["placeholders"]) for entry in entries)
        per_class = np.unique([labels[without_brackets(entry["template"])] for entry in entries], return_counts=True)[1]
        assert per_class.tolist() == [count // 10] * 10
        assert seen.isdisjoint(entry["id"] for entry in entries)
        seen |= {entry["id"] for entry in entries}
    assert seen == files


def test_files_are_h264_with_b_frames_and_several_key_frames(root: Path) -> None:
    video = SMALL.videos()[0]
    with av.open(str(root / SMALL.path(video))) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.codec_context.name == "h264"
        assert float(stream.average_rate or 0) == SMALL.rate
        kinds = [PictureType(frame.pict_type).name for frame in frames]
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
    assert {"I", "B", "P"} <= set(kinds)
    assert kinds.count("I") >= 2
    drawn = SMALL.drawn(video)
    assert decoded.shape == drawn.shape
    assert np.abs(decoded.astype(float) - drawn).mean() < 12  # 4:2:0 chroma blurs small things


@pytest.mark.parametrize("pair", TEMPLATES, ids=lambda pair: without_brackets(pair[0]))
def test_the_second_class_of_a_pair_is_the_first_played_backwards(pair: tuple[str, str]) -> None:
    forwards, backwards = (SMALL.class_names.index(without_brackets(template)) for template in pair)
    video = SMALL.videos()[0]
    there, back = SMALL.drawn(video._replace(label=forwards)), SMALL.drawn(video._replace(label=backwards))
    assert np.array_equal(there, back[::-1])
    assert not np.array_equal(there, back)


@pytest.mark.parametrize("moving", range(5), ids=Pose._fields)
def test_single_frames_of_all_classes_have_the_same_distribution(moving: int) -> None:
    one, other = poses(moving, 3000), poses((moving + 1) % 5, 3000, backwards=True)
    for k in range(5):
        both = np.sort(np.concatenate([one[:, k], other[:, k]]))
        distance = np.abs(
            np.searchsorted(np.sort(one[:, k]), both, "right") - np.searchsorted(np.sort(other[:, k]), both, "right")
        ).max()
        assert distance / 3000 < 0.05  # Kolmogorov-Smirnov statistic; 1 in 1000 is above
    assert np.abs(np.corrcoef(one.T) - np.eye(5)).max() < 0.08


@pytest.mark.parametrize("moving", range(5), ids=Pose._fields)
def test_a_class_moves_one_coordinate_monotonically(moving: int) -> None:
    rng = np.random.default_rng(0)
    pose = np.stack(SMALL.pose(rng, np.linspace(0, 1, 24, dtype=np.float32), moving))
    steps = np.diff(pose, axis=1)
    assert (steps[moving] >= 0).all()
    assert pose[moving, -1] - pose[moving, 0] >= SMALL.reach[0] - 1e-5
    assert not np.delete(steps, moving, axis=0).any()


def test_paths_stay_in_range_and_differ_in_speed() -> None:
    rng = np.random.default_rng(0)
    times = np.linspace(0, 1, 24, dtype=np.float32)
    paths = np.stack([increasing_path(rng, times, (0.7, 1.0)) for _ in range(200)])
    assert paths.min() >= 0
    assert paths.max() <= 1 + 1e-5
    halfway = (paths[:, 12] - paths[:, 0]) / (paths[:, -1] - paths[:, 0])
    assert halfway.std() > 0.05


def test_ids_and_order_are_uncorrelated_with_the_class() -> None:
    videos = SSv2StandIn(num_train=2000, num_val=10).videos()
    labels = np.array([video.label for video in videos])
    ids = np.array([int(video.video_id) for video in videos])
    assert abs(np.corrcoef(ids, labels)[0, 1]) < 0.08
    assert abs(np.corrcoef(np.arange(len(videos)), labels)[0, 1]) < 0.08


def test_only_the_two_objects_depend_on_the_class() -> None:
    video = SMALL.videos()[0]
    frames = np.stack([SMALL.drawn(video._replace(label=label)) for label in range(10)]).astype(int)
    forwards = [SMALL.class_names.index(without_brackets(pair[0])) for pair in TEMPLATES]
    same = (frames[forwards] == frames[forwards[0]]).all((0, 1, 4))  # (h, w), pixels that the objects never cover
    assert same.mean() > 0.2
