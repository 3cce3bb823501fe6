from pathlib import Path

import numpy as np
import pytest

from data.config import Split
from data.datasets.ntu import PROTOCOLS, Ntu, Protocol, VideoName, skeleton_bodies, spread
from data.datasets.videos import VideoRecord
from data.errors import DecodeError, MissingAnnotationError
from tests.data.files import refusal, touched
from tests.data.pose_files import read, skeleton_text, walking

NAMES = (
    "S001C002P001R001A001",
    "S001C001P003R001A002",
    "S002C003P003R002A001",
    "S002C001P008R001A060",
    "S018C002P045R001A061",
    "S018C001P044R001A120",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Videos of both releases, whose files are empty."""
    root = tmp_path / "ntu"
    for number, name in enumerate(NAMES):
        write_skeleton(root, name, seed=number)
        touched(root, f"nturgb+d_rgb/{name}_rgb.avi")
    return root


def write_skeleton(root: Path, name: str, seed: int = 0, text: str | None = None) -> None:
    path = root / "nturgb+d_skeletons" / f"{name}.skeleton"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(skeleton_text([{"7": frame} for frame in walking(3, seed)]) if text is None else text)


TRAIN_SUBJECTS_60 = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
TRAIN_SUBJECTS_120 = (*TRAIN_SUBJECTS_60, 45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81,
                      82, 83, 84, 85, 86, 89, 91, 92, 93, 94, 95, 97, 98, 100, 103)  # fmt: skip


def test_the_protocols_are_the_published_ones() -> None:
    def trained(protocol: Protocol, place: int, most: int) -> tuple[int, ...]:
        names = (VideoName(*(n if index == place else 1 for index in range(5))) for n in range(1, most + 1))
        return tuple(name[place] for name in names if name.trains(protocol))

    assert trained("xsub", 2, 40) == TRAIN_SUBJECTS_60
    assert trained("xsub", 2, 106) == TRAIN_SUBJECTS_120 and len(TRAIN_SUBJECTS_120) == 53
    assert trained("xview", 1, 3) == (2, 3)
    assert trained("xset", 0, 32) == tuple(range(2, 33, 2))


@pytest.mark.parametrize(
    ("config", "train", "test"),
    [
        (Ntu.Config(), (0, 3), (1, 2)),
        (Ntu.Config(protocol="xview"), (0, 2), (1, 3)),
        (Ntu.Config(name="ntu120", num_classes=120), (0, 3, 4), (1, 2, 5)),
        (Ntu.Config(name="ntu120", num_classes=120, protocol="xset"), (2, 3, 4, 5), (0, 1)),
    ],
)
def test_each_video_is_in_the_split_of_the_protocol(
    config: Ntu.Config, train: tuple[int, ...], test: tuple[int, ...], root: Path
) -> None:
    splits: dict[Split, tuple[int, ...]] = {"train": train, "test": test, "val": test}
    for split, indices in splits.items():
        assert read(config, root, split).ids == tuple(sorted(NAMES[index] for index in indices))


def test_files_may_be_in_any_folders(root: Path) -> None:
    (root / "rgb/s001").mkdir(parents=True)
    (root / f"nturgb+d_rgb/{NAMES[0]}_rgb.avi").rename(root / f"rgb/s001/{NAMES[0]}_rgb.mp4")
    (root / f"nturgb+d_skeletons/{NAMES[0]}.skeleton").rename(root / f"{NAMES[0]}.skeleton")
    videos = read(Ntu.Config(), root, "train")
    assert videos.records[0] == VideoRecord(f"{root}/rgb/s001/{NAMES[0]}_rgb.mp4", 0, NAMES[0])
    assert videos.pose_files[0] == f"{root}/{NAMES[0]}.skeleton"
    assert (videos.class_names[0], videos.class_names[59], len(videos.class_names)) == ("A001", "A060", 60)


def test_listed_videos_without_a_skeleton_are_left_out(root: Path) -> None:
    (root / "NTU_RGBD_samples_with_missing_skeletons.txt").write_text(
        f"NTU RGB+D samples with missing skeletons:\n\n{NAMES[3]}\n{NAMES[1]}.skeleton\n"
    )
    (root / f"nturgb+d_skeletons/{NAMES[1]}.skeleton").unlink()
    assert read(Ntu.Config(), root, "train").ids == (NAMES[0],)
    assert read(Ntu.Config(), root, "test").ids == (NAMES[2],)


def test_a_video_without_a_skeleton_and_the_reverse_are_items_with_a_missing_file(root: Path) -> None:
    (root / f"nturgb+d_skeletons/{NAMES[0]}.skeleton").unlink()
    (root / f"nturgb+d_rgb/{NAMES[3]}_rgb.avi").unlink()
    videos = read(Ntu.Config(), root, "train")
    assert videos.ids == (NAMES[0], NAMES[3])
    assert videos.pose_files[0] == f"{root}/nturgb+d_skeletons/{NAMES[0]}.skeleton"
    assert videos.records[1].path == f"{root}/nturgb+d_rgb/{NAMES[3]}_rgb.avi"
    assert "no such file" in refusal(lambda: videos.poses(0), DecodeError, missing=True)


def test_the_people_with_the_largest_spread_of_joints_with_a_place_are_kept(root: Path) -> None:
    assert spread(np.full((3, 25, 2), np.nan, np.float32)) == 0
    bodies = {"still": walking(3, 0, 2.0), "near": walking(3, 1, 300.0), "far": walking(3, 2, 50.0)}
    bodies["near"][1, 4] = np.nan
    text = skeleton_text([{name: of_body[frame] for name, of_body in bodies.items()} for frame in range(3)])
    write_skeleton(root, NAMES[0], text=text)
    for people, kept in ((2, ("near", "far")), (1, ("near",)), (3, ("near", "far", "still"))):
        poses = read(Ntu.Config(people=people), root, "train").poses(0)
        assert (poses.height, poses.width) == (1080, 1920)
        np.testing.assert_allclose(poses.places, np.stack([bodies[name] for name in kept], 1), rtol=1e-5)


def test_frames_without_a_body_and_a_missing_second_person_have_joints_without_a_place(root: Path) -> None:
    write_skeleton(root, NAMES[0], text=skeleton_text([{}, {"1": walking(1)[0]}, {}]))
    poses = read(Ntu.Config(), root, "train").poses(0)
    assert poses.valid.shape == (3, 2, 25)
    assert poses.valid.sum((1, 2)).tolist() == [0, 25, 0]
    joints = poses.joints(np.array([0, 1]), 540, 960)
    assert not joints[0].any()
    assert joints[1, :, 2].tolist() == [1.0] * 25 + [0.0] * 25


def test_joints_of_other_frames_than_the_video_has_are_refused(root: Path) -> None:
    videos = read(Ntu.Config(), root, "train")
    for num_frames in (1, 3, 5):
        videos.check_length(0, videos.poses(0), num_frames)
    with pytest.raises(DecodeError, match=r"\.skeleton: joints of 3 frames, but the video has 6: .*_rgb\.avi"):
        videos.check_length(0, videos.poses(0), 6)


@pytest.mark.parametrize("folder", ["nturgb+d_rgb", "nturgb+d_skeletons"])
def test_a_folder_without_videos_or_skeletons_is_refused(folder: str, root: Path) -> None:
    for file in (root / folder).iterdir():
        file.unlink()
    message = refusal(lambda: Ntu.Config().build(root, "train"), MissingAnnotationError)
    assert message.startswith("ntu60: no file like S001C002P003R002A013")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"protocol": "xset"}, "data.dataset.protocol is 'xset'; ntu60 has xsub, xview"),
        ({"name": "ntu120", "protocol": "xview"}, "data.dataset.protocol is 'xview'; ntu120 has xsub, xset"),
    ],
)
def test_other_releases_and_protocols_are_refused(fields: dict[str, str], message: str) -> None:
    assert refusal(lambda: Ntu.Config(**fields), ValueError) == message  # pyright: ignore[reportArgumentType]


def test_the_published_sizes_add_up_to_all_videos_with_a_skeleton() -> None:
    for name, total in (("ntu60", 56_880 - 302), ("ntu120", 114_480 - 535)):
        for protocol in PROTOCOLS[name]:
            config = Ntu.Config(name=name, protocol=protocol)  # pyright: ignore[reportArgumentType]
            train, val, test = (config.official_size(split) or 0 for split in ("train", "val", "test"))
            assert (train + test, val) == (total, test)


# Files of skeletons


TEXT = skeleton_text([{"1": walking(1)[0]}, {"1": walking(1)[0]}])
NUM_LINES = 1 + 2 * 28


@pytest.mark.parametrize("text", ["NaN", "nan", "-1.#IND", "1.#QNAN"])
def test_coordinates_that_are_no_numbers_are_joints_without_a_place(text: str, tmp_path: Path) -> None:
    lines = TEXT.splitlines()
    lines[4] = " ".join([*lines[4].split()[:5], text, *lines[4].split()[6:]])
    path = tmp_path / "a.skeleton"
    path.write_text("\n".join(lines))
    (places,) = skeleton_bodies(str(path))[1].values()
    assert np.isfinite(places[0]).all(-1).tolist() == [False] + [True] * 24


def broken(text: str, tmp_path: Path) -> str:
    path = tmp_path / "a.skeleton"
    path.write_text(text)
    message = refusal(lambda: skeleton_bodies(str(path)), DecodeError)
    assert message.endswith("get the file again")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("kept", range(0, NUM_LINES, 4))
def test_a_file_that_is_cut_short_anywhere_is_refused(kept: int, tmp_path: Path) -> None:
    assert broken("\n".join(TEXT.splitlines()[:kept]), tmp_path).startswith("it is cut short")


@pytest.mark.parametrize(
    ("number", "line", "message"),
    [
        (1, "two", "invalid literal"),
        (1, "900", "it is cut short"),
        (4, "24", "frame 1 has a body of 24 joints; it must have 25"),
        (5, "0 0 0 0 0 left 0 0 0 0 0 0", "could not convert string to float: 'left'"),
        (5, "1 2 3", ""),  # of 12 fields: the words after them are no numbers of joints
    ],
)
def test_a_wrong_line_is_refused(number: int, line: str, message: str, tmp_path: Path) -> None:
    lines = TEXT.splitlines()
    lines[number - 1] = line
    assert broken("\n".join(lines), tmp_path).startswith(message)
