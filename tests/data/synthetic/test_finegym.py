import json
import pickle
import re
from pathlib import Path

import av
import numpy as np
import pytest

from data.synthetic.ensure import ensure
from data.synthetic.finegym import FineGymStandIn

SMALL = FineGymStandIn(num_train=14, num_val=6, frames=8, height=32, width=40, gaps=0.3)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(SMALL, tmp_path_factory.mktemp("finegym"), progress=False, workers=0)


def split_list(root: Path, name: str) -> list[tuple[str, int]]:
    lines = [line.split() for line in (root / name).read_text().splitlines()]
    return [(name, int(label)) for name, label in lines]


def test_the_lists_name_every_sub_action_with_its_class(root: Path) -> None:
    names = {"train": "gym99_train_element_v1.0.txt", "val": "gym99_val_element.txt"}
    seen = []
    for split, name in names.items():
        listed = split_list(root, name)
        assert listed == [(video.video_id, video.label) for video in SMALL.videos() if video.split == split]
        seen += [video_id for video_id, _ in listed]
    assert sorted(seen) == sorted(path.stem for path in (root / "subactions").glob("*.mp4"))
    assert len(set(seen)) == 20


def test_the_annotation_names_events_and_sub_actions(root: Path) -> None:
    annotation = json.loads((root / "annotation.json").read_text())
    for video in SMALL.videos():
        match = re.fullmatch(r"(.{11})_(E_(\d{6})_(\d{6}))_(A_(\d{4})_(\d{4}))", video.video_id)
        assert match is not None
        event = annotation[match[1]][match[2]]
        start, end = event["timestamps"][0]
        first, last = event["segments"][match[5]]["timestamps"][0]
        assert (start, end) == (int(match[3]), int(match[4]))
        assert first == int(match[6]) and last - first == pytest.approx(8 / 12)
        assert last <= int(match[7]) <= end - start


def test_the_pickle_has_the_poses_of_all_videos(root: Path) -> None:
    poses = pickle.loads((root / "gym_2d.pkl").read_bytes())
    assert set(poses["split"]) == {"train", "val"}
    for video, pose in zip(SMALL.videos(), poses["annotations"], strict=True):
        joints = SMALL.joints(video)
        assert (pose["frame_dir"], pose["label"], pose["total_frames"]) == (video.video_id, video.label, 8)
        assert pose["img_shape"] == pose["original_shape"] == (32, 40)
        assert video.video_id in poses["split"][video.split]
        assert pose["keypoint"].shape == (1, 8, 17, 2) and pose["keypoint_score"].shape == (1, 8, 17)
        assert ((pose["keypoint_score"][0] > 0) == joints.visible).all()
        expected = joints.places[joints.visible] - 0.5
        assert pose["keypoint"][0][joints.visible] == pytest.approx(expected, abs=1e-4)


def test_files_have_the_frames(root: Path) -> None:
    video = SMALL.videos()[0]
    with av.open(str(root / "subactions" / f"{video.video_id}.mp4")) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert np.abs(frames.astype(float) - SMALL.drawn(video)).mean() < 12
