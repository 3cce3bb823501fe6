"""What the copy of a data set is, from the headers of its videos."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from data.datasets.videos import Pictures, VideoRecord
from data.stand_ins.drawing.encoding import encoded_avi, encoded_mp4
from data.video.copies import copy_text


def record(path: Path, height: int = 0, width: int = 0) -> VideoRecord:
    """Video of this size; with none, the file stays as it is."""
    if height:
        encoded = encoded_avi if path.suffix == ".avi" else encoded_mp4
        path.write_bytes(encoded(np.zeros((3, height, width, 3), np.uint8), rate=10))
    return VideoRecord(str(path), 0, path.name)


def test_containers_codecs_and_short_sides_are_named_most_frequent_first(tmp_path: Path) -> None:
    small = [record(tmp_path / f"{number}.mp4", 32, 48) for number in range(2)]
    assert copy_text(small) == "mp4 with h264, short side 32 (2 videos)"
    large = record(tmp_path / "large.avi", 96, 64)
    assert copy_text([large, *small]) == "mp4 with h264, avi with mpeg4, short side 32 to 64 (3 videos)"


def test_pictures_have_their_format(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "img_00001.jpg")
    pictured = VideoRecord(str(tmp_path), 0, "a", pictures=Pictures("img_{:05d}.jpg", 1, 30.0))
    assert copy_text([pictured]) == "JPEG pictures, short side 40 (1 video)"


def test_videos_that_cannot_be_opened_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(bytes(100))
    os.mkfifo(tmp_path / "pipe.mp4")
    assert copy_text([record(tmp_path / f"{name}.mp4") for name in ("noise", "absent", "pipe")]) == ""
