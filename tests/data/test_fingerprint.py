"""Fingerprints of data sets, and the sizes of their files."""

import csv
import shutil
from pathlib import Path

import pytest
from PIL import Image

from data.config import DataConfig
from data.datasets.epic100 import COLUMNS, Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.videos import is_frame
from data.file_sizes import missing_of, size_of, sizes_of
from data.fingerprint import DataFingerprint, fingerprint_in
from data.video_data import VideoData
from tests.data.files import touched, write_frames

DATA = VideoData(dataset=Kinetics.Config(num_classes=3))
EPIC = VideoData(dataset=Epic100.Config())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Kinetics with three training videos and one test video, which nobody decodes."""
    root = tmp_path / "k400"
    root.mkdir()
    for number in range(4):
        (root / f"{number}.mp4").write_bytes(b"x" * (10 + number))
    (root / "train.csv").write_text("0.mp4 0\n1.mp4 1\n2.mp4 2\n")
    (root / "val.csv").write_text("3.mp4 0\n")
    return root


def changes(data: DataConfig, root: Path, earlier: DataFingerprint) -> str | None:
    return fingerprint_in(data, root).changes(earlier, "videos")


def test_a_copy_of_a_data_set_has_the_same_fingerprint(root: Path, tmp_path: Path) -> None:
    before = fingerprint_in(DATA, root)
    shutil.copytree(root, tmp_path / "copy")
    assert fingerprint_in(DATA, tmp_path / "copy") == before
    assert before.changes(before, "videos") is None
    assert before.train is not None
    assert (before.train.items, before.train.num_bytes, before.train.missing) == (3, 33, 0)


def test_changed_labels_are_named_with_the_split(root: Path) -> None:
    before = fingerprint_in(DATA, root)
    (root / "train.csv").write_text("0.mp4 0\n1.mp4 1\n")
    assert changes(DATA, root, before) == "ids or labels of the training videos differ (now 2, earlier 3)"
    (root / "train.csv").write_text("0.mp4 0\n1.mp4 1\n2.mp4 2\n")
    (root / "val.csv").write_text("3.mp4 1\n")
    assert changes(DATA, root, before) == "ids or labels of the test videos differ (now 1, earlier 1)"


def test_other_versions_of_the_files_and_missing_files_are_changes(root: Path) -> None:
    before = fingerprint_in(DATA, root)
    (root / "1.mp4").write_bytes(b"x" * 7)
    (root / "2.mp4").unlink()
    assert changes(DATA, root, before) == (
        "file sizes of the training videos differ (now 17 bytes and 1 missing, earlier 33 and 0)"
    )
    assert fingerprint_in(DATA, root).changes(before, "videos", in_files=False) is None


def test_a_test_alone_needs_no_training_videos_and_no_list_of_them(root: Path) -> None:
    before = fingerprint_in(DATA, root)
    for number in range(3):
        (root / f"{number}.mp4").unlink()
    assert fingerprint_in(DATA, root).train is None
    (root / "train.csv").unlink()
    alone = fingerprint_in(DATA, root)
    assert (alone.train, alone.test) == (None, before.test)
    assert alone.changes(before, "videos") is None and before.changes(alone, "videos") is None


def test_pictures_of_a_segment_are_represented_by_the_first_and_the_last(tmp_path: Path) -> None:
    row = {"narration_id": "P01_01_0", "video_id": "P01_01", "verb_class": "0", "noun_class": "0"}
    row |= {"start_timestamp": "00:00:00.10", "stop_timestamp": "00:00:00.20"}  # pictures 7 to 12 of 60 per second
    for split in ("train", "validation"):
        with (tmp_path / f"EPIC_100_{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, [row[name] for name in COLUMNS]])
    pictures = write_frames(tmp_path / "P01" / "rgb_frames" / "P01_01", 20)
    before = fingerprint_in(EPIC, tmp_path)
    assert before.test.missing == 0
    Image.new("RGB", (64, 64)).save(pictures / "frame_0000000020.jpg")  # of no segment
    assert changes(EPIC, tmp_path, before) is None
    Image.new("RGB", (64, 64)).save(pictures / "frame_0000000012.jpg")
    assert "file sizes of the training videos differ" in str(changes(EPIC, tmp_path, before))
    (pictures / "frame_0000000012.jpg").unlink()
    assert fingerprint_in(EPIC, tmp_path).test.missing == 1


# Sizes of files


def test_sizes_are_those_of_regular_files(tmp_path: Path) -> None:
    (tmp_path / "a b.mp4").write_bytes(b"xxx")
    paths = [str(tmp_path / "a b.mp4"), str(tmp_path / "missing.mp4"), str(tmp_path)]
    assert sizes_of(paths * 500) == [3, None, None] * 500


def test_missing_files_are_those_that_a_request_for_each_does_not_find(tmp_path: Path) -> None:
    touched(tmp_path, "a/1.mp4", "a/2.mp4", "b/frame_01.jpg", "b/other.txt")
    (tmp_path / "a/3.mp4").mkdir()  # no file
    (tmp_path / "a/4.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a/5.mp4").symlink_to(tmp_path / "a/1.mp4")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    names = [f"{folder}/{number}.mp4" for folder in ("a", "c", "none", "a/1.mp4") for number in range(6)]
    paths = [str(tmp_path / name) for name in (*names, "b/frame_01.jpg", "b/frame_02.jpg", "b/../a/1.mp4")]
    assert missing_of(paths) == {path for path in paths if size_of(path) is None}
    assert len(missing_of(paths)) == 3 + 3 + 12 + 1 and missing_of([]) == set()


def test_frames_are_recognised_by_their_names() -> None:
    frames = ("frame_0000000001.jpg", "frame_000001.PNG", "img_00001.jpg", "image_00001.jpeg", "000001.jpg")
    others = ("1.jpg", "cover.jpg", "img_00001.mp4", "frame_1.mp4", "flow_x_00001.jpg")
    assert all(map(is_frame, frames)) and not any(map(is_frame, others))
