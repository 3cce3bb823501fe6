import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from data.config import Split
from data.datasets.finegym import FineGym, PoseLibrary, pose_library
from data.datasets.videos import Span, VideoRecord
from data.errors import DecodeError
from data.stand_ins.of_figures import FineGymStandIn
from tests.data.files import refusal, touched
from tests.data.pose_files import pose_annotation, read, write_poses
from tests.data.small_stand_ins import DATASETS, root_of

CONFIG = FineGym.Config()
VIDEO = "0LtLS9w_Ork"  # ids may contain underscores
FIRST, SECOND = f"{VIDEO}_E_002407_002435_A_0003_0005", f"{VIDEO}_E_002407_002435_A_0008_0012"
OTHER = "xyzXYZ01234_E_000010_000020_A_0000_0002"
TIMES = {
    VIDEO: {
        "E_002407_002435": {
            "event": 1,
            "timestamps": [[2407.5, 2435.0]],
            "segments": {
                "A_0003_0005": {"stages": 1, "timestamps": [[3.25, 5.0]]},
                "A_0008_0012": {"stages": 3, "timestamps": [[8.0, 9.0], [9.0, 10.5], [10.5, 12.5]]},
            },
        }
    },
    "xyzXYZ01234": {"E_000010_000020": {"event": 2, "timestamps": [[10, 20]], "segments": None}},
}


def joints(people: int = 1, frames: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 100, (people, frames, 17, 2)).astype(float)


def annotation(name: str, seed: int = 0) -> dict[str, object]:
    return pose_annotation(name, joints(seed=seed), np.ones((1, 5, 17)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "gym"
    root.mkdir()
    (root / "gym99_train_element_v1.0.txt").write_text(f"{FIRST} 7\n{SECOND} 98\n")
    (root / "gym99_train_element_v1.1.txt").write_text(f"{FIRST} 7\n{SECOND} 98\n{OTHER} 0\n")
    (root / "gym99_val_element.txt").write_text(f"{OTHER} 0\n")
    (root / "finegym_annotation_info_v1.0.json").write_text(json.dumps(TIMES))
    write_poses(root / "gym_2d.pkl", [annotation(name, seed=seed) for seed, name in enumerate((FIRST, SECOND, OTHER))])
    return touched(root, *(f"subactions/{name}.mp4" for name in (FIRST, SECOND, OTHER)))


def without_files(root: Path) -> None:
    for file in (root / "subactions").iterdir():
        file.unlink()


def refused(root: Path, split: Split = "train") -> str:
    return refusal(lambda: CONFIG.build(root, split))


@pytest.mark.parametrize(
    ("file", "first", "second"),
    [
        (f"events/{VIDEO}_E_002407_002435.mkv", Span(3.25, 5.0, 30.0), Span(8.0, 12.5, 30.0)),
        (f"videos/{VIDEO}.mp4", Span(2410.75, 2412.5, 30.0), Span(2415.5, 2420.0, 30.0)),  # with the event's start
    ],
)
def test_other_files_are_read_in_part_from_the_first_to_the_last_stage(
    file: str, first: Span, second: Span, root: Path
) -> None:
    touched(root, file, f"videos/{VIDEO}.mp4")
    assert read(CONFIG, root, "train").records[0].path == f"{root}/subactions/{FIRST}.mp4"  # is preferred
    without_files(root)
    assert read(CONFIG, root, "train").records == (
        VideoRecord(f"{root}/{file}", 7, FIRST, first),
        VideoRecord(f"{root}/{file}", 98, SECOND, second),
    )


def test_the_training_list_is_that_of_the_release(root: Path) -> None:
    (root / "finegym_annotation_info_v1.0.json").unlink()  # each sub-action has a file
    assert read(CONFIG, root, "train").ids == (FIRST, SECOND)
    assert len(read(FineGym.Config(release="1.1"), root, "train")) == 3
    assert FineGym.Config(release="1.1").official_size("train") is None
    assert (CONFIG.official_size("train"), CONFIG.official_size("test")) == (20_484, 8_521)


def test_class_names_come_from_the_published_categories(root: Path) -> None:
    assert read(CONFIG, root, "train").class_names[1] == "class 1"
    (root / "gym99_categories.txt").write_text(
        "Clabel: 0; set: 1; Glabel: 1; (VT) round-off\nClabel: 2; set: 1; Glabel: 7; (VT) tsukahara\n"
    )
    assert read(CONFIG, root, "train").class_names[:3] == ("(VT) round-off", "class 1", "(VT) tsukahara")


# Bad input


@pytest.mark.parametrize("name", ["clip", f"../../{FIRST}"])
def test_a_name_that_is_no_sub_action_is_refused(name: str, root: Path) -> None:
    (root / "gym99_train_element_v1.0.txt").write_text(f"{name} 3")
    assert refused(root).startswith(f"{root}/gym99_train_element_v1.0.txt: '{name}' is no sub-action; one is VIDEO_E_")


def test_a_split_that_names_a_video_that_is_not_there_has_an_item_with_a_missing_file(root: Path) -> None:
    (root / f"subactions/{SECOND}.mp4").unlink()
    assert read(CONFIG, root, "train").records[1].path == f"{root}/subactions/{SECOND}.mp4"
    (root / f"subactions/{FIRST}.mp4").unlink()
    assert refused(root).startswith(f"gym99: none of the 2 videos of {root}/gym99_train_element_v1.0.txt exists, e.g. ")


def test_a_split_that_names_what_the_annotations_lack_is_refused(root: Path) -> None:
    without_files(root)
    touched(root, "videos/xyzXYZ01234.mp4")
    assert refused(root, "test").startswith(f"{root}/gym99_val_element.txt: {OTHER} has no times in {root}/finegym_")
    (root / "finegym_annotation_info_v1.0.json").unlink()
    assert refused(root, "test").startswith("gym99: no finegym_annotation_info_v1.0.json in ")


def test_without_a_file_of_poses_the_data_set_is_refused(root: Path) -> None:
    (root / "gym_2d.pkl").rename(root / "my_poses.pkl")
    assert read(CONFIG, root, "train").pose_files[0] == f"{root}/my_poses.pkl"  # the only one
    write_poses(root / "annotations/more.pkl", [annotation(FIRST)])
    assert refused(root).startswith(f"gym99: several files of poses in {root}; put gym_2d.pkl there")
    for path in (root / "my_poses.pkl", root / "annotations/more.pkl"):
        path.unlink()
    assert refused(root).startswith(f"gym99: no file of poses in {root}; put gym_2d.pkl there")


def test_a_sub_action_without_poses_is_unreadable(root: Path) -> None:
    write_poses(root / "gym_2d.pkl", [annotation(FIRST)])
    videos = read(CONFIG, root, "train")
    with pytest.raises(DecodeError, match=f"gym_2d.pkl: {SECOND}: the file has no joints of this video; get the file"):
        videos.poses(1)
    with pytest.raises(DecodeError, match=f"{FIRST}: joints of 5 frames, but the video has 9: "):
        videos.check_length(0, videos.poses(0), 9)


def test_generated_data_have_the_lists_of_one_set_and_release() -> None:
    config = FineGym.Config(name="gym288", num_classes=13, release="1.1", stand_in=FineGymStandIn())
    assert config.build(root_of("gym99"), "train").ids == DATASETS["gym99"].build(root_of("gym99"), "train").ids
    assert config.official_size("test") is None


# The pickle of poses


def test_the_people_with_the_highest_scores_are_kept() -> None:
    scores = np.ones((3, 5, 17)) * np.array([0.2, 0.9, 0.5])[:, None, None]
    given = joints(3)
    for people, kept in ((1, [1]), (2, [1, 2]), (4, [1, 2, 0])):
        poses = PoseLibrary("a.pkl", [pose_annotation("a", given, scores)], people).stored_poses("a.pkl", "a")
        np.testing.assert_array_equal(poses.places[:, : len(kept)], given[kept].swapaxes(0, 1) + 0.5)
        assert not poses.valid[:, len(kept) :].any()


def test_joints_without_a_score_or_a_number_have_no_place() -> None:
    scores, given = np.ones((1, 5, 17)), joints()
    scores[0, 2, 3], given[0, 4, 5, 0] = 0, np.nan
    valid = PoseLibrary("a.pkl", [pose_annotation("a", given, scores)], 1).stored_poses("a.pkl", "a").valid
    assert valid.sum() == 5 * 17 - 2 and not valid[2, 0, 3] and not valid[4, 0, 5]


def test_a_pickle_is_read_once_for_all_splits_and_again_when_it_changes(root: Path) -> None:
    first = read(CONFIG, root, "train").stored_poses
    assert read(CONFIG, root, "test").stored_poses == first
    write_poses(root / "gym_2d.pkl", [annotation(FIRST, seed=5)])
    assert read(CONFIG, root, "train").stored_poses != first


def test_an_older_pickle_is_a_list_of_annotations(tmp_path: Path) -> None:
    path = tmp_path / "gym.pkl"
    path.write_bytes(pickle.dumps([annotation("a"), annotation("b")]))
    assert len(pose_library(path, 1).stored) == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"keypoint": np.zeros((1, 5, 13, 2))}, "keypoint is (1, 5, 13, 2), and keypoint_score (1, 5, 17); they must"),
        ({"keypoint_score": np.ones((1, 4, 17))}, "keypoint is (1, 5, 17, 2), and keypoint_score (1, 4, 17)"),
        ({"total_frames": 9}, "keypoint is (1, 5, 17, 2), and"),
        ({"img_shape": (160,)}, "not enough values to unpack"),
    ],
)
def test_a_broken_annotation_makes_only_its_video_unreadable(fields: dict[str, object], message: str) -> None:
    library = PoseLibrary("a.pkl", [annotation("a") | fields, annotation("b")], 1)
    assert library.stored_poses("a.pkl", "b").num_frames == 5
    found = refusal(lambda: library.stored_poses("a.pkl", "a"), DecodeError)
    assert found.startswith(f"a.pkl: a: {message}") and "get the file of poses again" in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"annotations": [annotation("a")]})[:-200], ""),
        (b"", "Ran out of input"),
        (pickle.dumps({"split": {}}), "a pickle without a list of annotations"),
        (pickle.dumps({"annotations": [{"label": 3}]}), "annotation 0 has no frame_dir"),
    ],
)
def test_a_broken_or_harmful_pickle_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "gym.pkl"
    path.write_bytes(content)
    found = refusal(lambda: pose_library(path, 1))
    assert found.startswith(f"{path}: {message}") and found.endswith(" again")
