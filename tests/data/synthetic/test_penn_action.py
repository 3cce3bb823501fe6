import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from data.synthetic.ensure import ensure
from data.synthetic.penn_action import PennActionStandIn

SMALL = PennActionStandIn(num_train=14, num_val=6, frames=8, height=32, width=40)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure(SMALL, tmp_path_factory.mktemp("penn"), progress=False, workers=0)


def test_each_video_has_a_folder_of_pictures_and_a_label_file(root: Path) -> None:
    ids = [f"{number:04d}" for number in range(1, 21)]
    assert sorted(path.name for path in (root / "frames").iterdir()) == ids
    assert sorted(path.stem for path in (root / "labels").glob("*.mat")) == ids
    for name in ids:
        assert sorted(path.name for path in (root / "frames" / name).iterdir()) == [f"{i:06d}.jpg" for i in range(1, 9)]


def test_label_files_have_the_published_fields(root: Path) -> None:
    for video in SMALL.videos():
        label = loadmat(str(root / "labels" / f"{video.video_id}.mat"))
        joints = SMALL.joints(video)
        assert str(label["action"][0]) == SMALL.class_names[video.label]
        assert label["train"][0][0] == (1 if video.split == "train" else -1)
        assert label["nframes"][0][0] == 8
        assert label["dimensions"].tolist() == [[32, 40, 8]]
        assert label["x"].shape == label["y"].shape == label["visibility"].shape == (8, 13)
        assert label["bbox"].shape == (8, 4)
        assert (label["visibility"] == joints.visible).all()
        places = np.stack([label["x"], label["y"]], -1)
        assert places[joints.visible] == pytest.approx(joints.places[joints.visible] + 0.5)  # counts from 1
        assert (places[~joints.visible] == 1).all()


def test_pictures_are_the_frames(root: Path) -> None:
    video = SMALL.videos()[0]
    for index, frame in enumerate(SMALL.drawn(video)):
        with Image.open(root / "frames" / video.video_id / f"{index + 1:06d}.jpg") as picture:
            assert np.abs(np.asarray(picture).astype(float) - frame).mean() < 10


def test_splits_are_mixed_in_the_order_of_ids() -> None:
    splits = [video.split for video in sorted(PennActionStandIn().videos(), key=lambda video: video.video_id)]
    assert 0.5 < np.mean([split == "train" for split in splits[:200]]) < 0.75


def test_label_files_have_no_date() -> None:
    content = SMALL.label_file(SMALL.videos()[0])
    assert content[:116].strip() == b"MATLAB 5.0 MAT-file"
    assert loadmat(io.BytesIO(content))["nframes"] == 8
