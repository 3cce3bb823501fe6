import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from data.config import VideoFacts
from data.datasets.videos import Pictures, Span, VideoRecord
from data.errors import DecodeError
from data.video.decode import VideoFile
from data.video.frame_sources import FrameFolder, ListedFolder, examined, files_of, opened
from tests.data.files import refusal, write_frames
from tests.data.numbered_videos import numbers, write_video


def levels(frames: Tensor) -> list[int]:
    return frames.float().mean((1, 2, 3)).round().int().tolist()


# Parts of a video


@pytest.mark.parametrize(("start", "stop"), [(0.0, 0.5), (1.0, 1.2), (3.3, 5.0), (2.52, 2.58), (6.5, 7.0)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("options", [{"g": "12", "bf": "2"}, {"g": "250", "bf": "3"}], ids=["short", "long group"])
def test_a_part_has_the_frames_between_its_times(
    tmp_path: Path, start: float, stop: float, suffix: str, options: dict[str, str]
) -> None:
    path = write_video(tmp_path / f"video.{suffix}", 210, rate=30, options=options)
    with VideoFile(path, (start, stop)) as part:
        expected = list(range(round(start * 30), round(stop * 30)))
        assert part.timeline.num_frames == len(expected)
        assert numbers(part.frames(range(len(expected) + 1))) == [*expected, expected[-1]]
        np.testing.assert_allclose(part.timeline.times, np.arange(len(expected)) / 30, atol=2e-3)


def test_a_part_of_a_variable_rate_video_is_found_by_its_times(tmp_path: Path) -> None:
    times = [number * 50 + 7 * (number % 3) for number in range(60)]
    path = write_video(tmp_path / "video.mkv", 60, rate=20, times=times)
    with VideoFile(path, (1.5, 2.0)) as part:
        assert numbers(part.frames(range(part.timeline.num_frames))) == list(range(30, 40))


def test_only_the_packets_around_a_part_are_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", 250, rate=10, options={"g": "10"})
    with VideoFile(path, (20.0, 21.0)) as part:
        assert len(part.table.packets) < 40


def test_a_file_is_read_from_the_start_if_seeking_goes_too_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "video.mp4", 120, rate=10, options={"g": "10"})
    monkeypatch.setattr("data.video.decode.SEEK_MARGIN", -2.0)
    with VideoFile(path, (3.5, 3.8)) as part:
        assert len(part.table.packets) > 35
        assert numbers(part.frames(range(3))) == [35, 36, 37]


def test_a_part_beyond_the_end_is_rejected(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", 60, rate=30)
    with pytest.raises(DecodeError, match=r"video.mp4 from 5.00 to 6.00 s: the video has no frames there"):
        VideoFile(path, (5.0, 6.0))
    with pytest.raises(DecodeError, match=r"from 1.00 to 6.00 s: truncated: the video ends after 1.9\d seconds"):
        VideoFile(path, (1.0, 6.0))


def test_a_format_without_times_has_no_parts(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.ts", 60, rate=30, options={"bf": "2"})
    with pytest.raises(DecodeError, match=r"has no valid presentation times; convert it to H\.264 in mp4"):
        VideoFile(path, (0.0, 1.0))


def test_a_missing_video_is_missing_for_each_of_its_parts(tmp_path: Path) -> None:
    absent = VideoRecord(str(tmp_path / "none.mp4"), (0, 0), "none")
    parts = [absent._replace(span=Span(start, start + 1, 60)) for start in (0.0, 1.0)]
    found = {refusal(partial(opened, part), DecodeError, missing=True) for part in parts}
    assert len(found) == 2 and all("no such file" in message for message in found)  # each part counts


# Folders of frames


@pytest.mark.parametrize("name", ["frame_{:010d}.jpg", "frame_{:06d}.jpg", "frame_{:010d}.png"])
def test_pictures_are_counted_from_one(tmp_path: Path, name: str) -> None:
    folder = write_frames(tmp_path / "P01_01", 40, name)
    span = FrameFolder(str(folder), Span(0.2, 0.5, 60))
    assert span.timeline.num_frames == 18
    assert levels(span.frames([0, 5, 17, 90])) == [13, 18, 30, 30]
    assert span.frames([0]).shape == (1, 3, 6, 8)
    assert span.num_bytes == 18 * 6 * 8 * 3
    assert levels(FrameFolder(str(folder), Span(0.02, 0.021, 50)).frames([0, 4])) == [2, 2]  # one frame at least


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_pictures_have_the_pixels_of_pillow(mode: str, progressive: bool, subsampling: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (33, 51, 3), np.uint8)
    path = tmp_path / "frame_0000000001.jpg"
    Image.fromarray(pixels).convert(mode).save(path, progressive=progressive, subsampling=subsampling)
    with Image.open(path) as expected:
        picture = FrameFolder(str(tmp_path), Span(0.0, 1.0, 1.0)).picture(0)
        np.testing.assert_array_equal(picture, np.asarray(expected.convert("RGB")))


# Folders of listed videos


def listed(folder: Path, number: int) -> VideoRecord:
    return VideoRecord(str(folder), 0, folder.name, pictures=Pictures("img_{:05d}.jpg", number, 30.0))


def test_all_pictures_of_a_listed_folder_are_its_frames(tmp_path: Path) -> None:
    record = listed(write_frames(tmp_path / "a", 20, "img_{:05d}.jpg"), 20)
    with opened(record) as video:
        assert video.timeline.num_frames == 20 and video.timeline.fps == 30
        assert levels(video.frames([0, 7, 19, 25])) == [1, 8, 20, 20]
        assert video.num_bytes == 20 * 6 * 8 * 3
    assert examined(record) == VideoFacts(20, 30.0, 6)
    assert files_of(record) == (f"{tmp_path}/a/img_00001.jpg", f"{tmp_path}/a/img_00020.jpg")


@pytest.mark.parametrize("fps", [23.976, 29.97, 0.3, 7.0])
@pytest.mark.parametrize("number", [1, 3, 299, 10_007])
def test_the_number_of_frames_is_the_listed_one_at_any_rate(fps: float, number: int) -> None:
    record = VideoRecord("a", 0, "a", pictures=Pictures("img_{:05d}.jpg", number, fps))
    with opened(record) as video:
        assert video.timeline.num_frames == number
        assert float(video.timeline.fps) == pytest.approx(fps, rel=1e-3)


@pytest.mark.parametrize(
    ("number", "moved", "message"),
    [
        (19, "", "20 pictures, but 19 frames are annotated: extract them again, or correct the annotation"),
        (25, "", r"20 pictures without img_00021\.jpg, but 25 frames are annotated"),
        (20, "img_00021.jpg", r"20 pictures without img_00008\.jpg, but 20 frames are annotated"),
    ],
)
def test_another_number_of_pictures_than_listed_is_an_error(
    number: int, moved: str, message: str, tmp_path: Path
) -> None:
    folder = write_frames(tmp_path / "a", 20, "img_{:05d}.jpg")
    if moved:
        (folder / "img_00008.jpg").rename(folder / moved)
        with opened(listed(folder, 20)) as video:
            found = refusal(partial(video.frames, [3, 7]), DecodeError, missing=True)
        assert "img_00008.jpg: no such" in found
    # `doctor` reports it, though both ends may be there.
    assert re.search(f"/a: {message}", refusal(lambda: examined(listed(folder, number)), DecodeError))


JPEG_SIZE = b"\xff\xc0\0\x11\x08\0\x06\0\x08"  # start of the frame header of 6 x 8 pixels, which has no checksum


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        ("png", lambda whole: b"no picture", "cannot identify"),
        ("png", lambda whole: whole[:45], "truncated|broken"),
        ("jpg", lambda whole: whole.replace(JPEG_SIZE, JPEG_SIZE[:5] + b"\xff\xff\xff\xff"), "exceeds limit"),
    ],
)
def test_a_damaged_picture_is_named(
    suffix: str, content: Callable[[bytes], bytes], message: str, tmp_path: Path
) -> None:
    folder = write_frames(tmp_path / "a", 2, f"img_{{:05d}}.{suffix}")
    path = folder / f"img_00002.{suffix}"
    path.write_bytes(content(path.read_bytes()))
    record = VideoRecord(str(folder), 0, "a", pictures=Pictures(f"img_{{:05d}}.{suffix}", 2, 30.0))
    found = refusal(lambda: examined(record), DecodeError)
    assert re.match(rf"{re.escape(str(folder))}: img_00002\.{suffix}: .*({message})", found)


def test_missing_pictures_and_folders_are_missing(tmp_path: Path) -> None:
    span = FrameFolder(str(write_frames(tmp_path / "P01_01", 20)), Span(0.0, 1.0, 50))
    gone = ListedFolder(str(tmp_path / "gone"), Pictures("img_{:05d}.jpg", 4, 30.0))
    for folder, message in ((span, "from 0.00 to 1.00 s: frame_0000000021.jpg: no such file"), (gone, "/gone: ")):
        assert message in refusal(partial(folder.frames, [0, 20]), DecodeError, missing=True)
    with pytest.raises(DecodeError, match="the folder cannot be read"):
        gone.check()
