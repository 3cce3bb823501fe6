from pathlib import Path

import pytest

from data.file_sizes import is_frame, missing_of, size_of, sizes_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for name, size in (("train/a b/1.mp4", 3), ("train/a b/2.mp4", 0), ("val.csv", 5)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * size)
    return root


def test_sizes_are_those_of_regular_files(root: Path) -> None:
    paths = [root / "val.csv", root / "missing.mp4", root / "train", root / "train" / "a b" / "1.mp4"]
    assert sizes_of([*map(str, paths), "a\0b"] * 500) == [5, None, None, 3, None] * 500


def test_missing_files_are_those_that_a_request_for_each_does_not_find(tmp_path: Path) -> None:
    for name in ("a/1.mp4", "a/2.mp4", "b/frame_01.jpg", "b/other.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "a/3.mp4").mkdir()  # no file
    (tmp_path / "a/4.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a/5.mp4").symlink_to(tmp_path / "a/1.mp4")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    names = [f"{folder}/{number}.mp4" for folder in ("a", "c", "none", "a/1.mp4", "a\0b") for number in range(6)]
    paths = [str(tmp_path / name) for name in (*names, "b/frame_01.jpg", "b/frame_02.jpg", "b/../a/1.mp4")]
    assert missing_of(paths) == {path for path in paths if size_of(path) is None}
    assert len(missing_of(paths)) == 3 + 3 + 18 + 1 and missing_of([]) == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("frame_0000000001.jpg", True),
        ("frame_000001.PNG", True),
        ("img_00001.jpg", True),
        ("image_00001.jpeg", True),
        ("000001.jpg", True),
        ("1.jpg", False),
        ("cover.jpg", False),
        ("img_00001.mp4", False),
        ("frame_1.mp4", False),
        ("flow_x_00001.jpg", False),
    ],
)
def test_frames_are_recognised_by_their_names(name: str, expected: bool) -> None:
    assert is_frame(name) is expected
