from pathlib import Path

from data.datasets.videos import is_frame
from data.file_sizes import missing_of, size_of, sizes_of
from tests.data.files import touched


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
