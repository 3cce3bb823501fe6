from pathlib import Path

import numpy as np
import pytest

from data.datasets.penn_action import PennAction
from data.errors import DecodeError
from tests.data.files import refusal
from tests.data.pose_files import JOINTS, Places, places, read, write_mat

CONFIG = PennAction.Config(num_classes=2)


def test_hidden_joints_and_those_without_a_number_have_no_place(penn: Path, written: dict[str, Places]) -> None:
    joints = places(13)
    visibility = np.ones((13, JOINTS), bool)
    visibility[2, 3] = visibility[4] = False
    joints[0, 5] = [np.nan, 10]
    write_mat(penn / "labels/0001.mat", joints, action="bowl", visibility=visibility)
    poses = read(CONFIG, penn, "train").poses(0)
    valid = poses.valid[:, 0]
    assert not valid[2, 3] and not valid[4].any() and not valid[0, 5]
    assert valid.sum() == 13 * JOINTS - 2 - JOINTS
    assert poses.joints(np.array([0]), 120, 160)[0, 5].tolist() == [0, 0, 0]


def test_the_published_sizes_are_those_of_the_real_data() -> None:
    config = PennAction.Config()
    assert (config.official_size("train"), config.official_size("test"), config.targets.num_classes) == (1258, 1068, 15)
    assert PennAction.Config(people=2).mirrored[13:17] == (13, 15, 14, 17)


# Broken files whose class or split is unknown: the data set is refused


def refused(penn: Path, config: PennAction.Config = CONFIG) -> str:
    return refusal(lambda: config.build(penn, "train"))


def test_a_label_file_that_is_cut_short_is_refused_by_name(penn: Path, written: dict[str, Places]) -> None:
    path = penn / "labels/0003.mat"
    whole = path.read_bytes()
    for size in (0, 60, 140, len(whole) // 2):
        path.write_bytes(whole[:size])
        message = refused(penn)
        assert message.startswith(f"{path}: ") and message.endswith("get the file again")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"train": None}, "no train in the file"),
        ({"action": ""}, "not enough values to unpack"),
        ({"nframes": float("nan")}, "cannot convert float NaN to integer"),
    ],
)
def test_a_label_file_without_a_label_is_refused(
    fields: dict[str, object], message: str, penn: Path, written: dict[str, Places]
) -> None:
    write_mat(penn / "labels/0003.mat", written["0003"], **fields)
    assert refused(penn).startswith(f"{penn}/labels/0003.mat: {message}")


def test_a_video_without_a_label_file_is_refused(penn: Path, written: dict[str, Places]) -> None:
    (penn / "labels/0002.mat").unlink()
    (penn / "labels/0004.mat").unlink()
    assert refused(penn).startswith(f"{penn}/frames/0002: the video has no labels/0002.mat, one of 2 such videos; get")


def test_other_numbers_of_actions_are_refused(penn: Path, written: dict[str, Places]) -> None:
    found = refused(penn, PennAction.Config())
    assert found == f"{penn}/labels: 2 different actions in 6 files; penn-action has 15: get all files again"


# Broken joints of a video: the video is unreadable


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": None}, "no x in the file; get the file again"),
        ({"y": np.zeros((15, 13))}, "x, y, visibility are 14 x 13, 15 x 13, 14 x 13; they must be frames x 13"),
        ({"visibility": np.ones((14, 12))}, "x, y, visibility are 14 x 13, 14 x 13, 14 x 12"),
        ({"x": np.array(["a"], object)}, "setting an array element"),
        ({"dimensions": np.array([5])}, "not enough values to unpack"),
        ({"visibility": np.zeros((14, 13))}, "no joint has a place in any frame"),
    ],
)
def test_broken_joints_make_their_video_unreadable(
    fields: dict[str, object], message: str, penn: Path, written: dict[str, Places]
) -> None:
    write_mat(penn / "labels/0002.mat", written["0002"], **fields)
    videos = read(CONFIG, penn, "train")
    assert len(videos) == 4
    found = refusal(lambda: videos.poses(1), DecodeError)
    assert found.startswith(f"{penn}/labels/0002.mat: {message}")
