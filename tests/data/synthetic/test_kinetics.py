from pathlib import Path

import numpy as np
import pytest

from data.datasets.kinetics import Kinetics
from data.synthetic.ensure import ensure
from data.synthetic.kinetics import ACTIVITIES, KineticsStandIn, displacement

SMALL = KineticsStandIn(num_train=20, num_val=10)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(SMALL, tmp_path_factory.mktemp("kinetics400"), progress=False, workers=0)


def test_lists_and_class_folders_name_the_same_videos(root: Path) -> None:
    for split, count in (("train", 20), ("val", 10)):
        lines = (root / f"{split}.csv").read_text().splitlines()
        assert len(lines) == count
        listed = {path: int(label) for path, label in (line.rsplit(" ", 1) for line in lines)}
        assert set(listed) == {str(path.relative_to(root)) for path in (root / split).glob("*/*.mp4")}
        assert {Path(path).parent.name: label for path, label in listed.items()} == {
            name: label for label, name in enumerate(SMALL.class_names)
        }


def test_labels_are_in_alphabetical_order() -> None:
    assert list(SMALL.class_names) == sorted(SMALL.class_names)
    assert SMALL.num_classes == 10


def test_ids_are_unique_and_splits_disjoint() -> None:
    videos = KineticsStandIn().videos()
    assert len({video.video_id for video in videos}) == len(videos)
    assert len({video.seed for video in videos}) == len(videos)


def test_backgrounds_differ_more_between_classes_than_within() -> None:
    videos = KineticsStandIn(num_train=40, num_val=10).videos()[:40]
    means = {label: [] for label in range(10)}
    for video in videos:
        color = SMALL.drawn(video).mean((0, 1, 2))
        means[video.label].append(color - color.mean())
    centers = np.stack([np.mean(means[label], 0) for label in range(8)])
    within = np.mean([np.linalg.norm(color - centers[label]) for label in range(8) for color in means[label]])
    between = np.mean([np.linalg.norm(a - b) for i, a in enumerate(centers) for b in centers[:i]])
    assert between > within


def test_the_last_two_classes_differ_in_motion_only() -> None:
    swinging, winding = ACTIVITIES["kinetics400"][-2:]
    assert swinging._replace(name="", motion="rest") == winding._replace(name="", motion="rest")
    rng = np.random.default_rng(0)
    times = np.linspace(0, 1, 30, dtype=np.float32)
    across, along = (np.ptp(displacement(rng, activity.motion, times), axis=0) for activity in (swinging, winding))
    assert across[0] > 2 * across[1]
    assert along[1] > 2 * along[0]


def test_releases_have_classes_of_their_own() -> None:
    of_400, of_600 = (Kinetics.Config(name=name).tiny().stand_in for name in ("kinetics400", "kinetics600"))
    assert of_400 is not None and of_600 is not None and of_600.name == "kinetics600"
    assert list(of_600.class_names) == sorted(of_600.class_names) and not {*of_400.class_names} & {*of_600.class_names}
