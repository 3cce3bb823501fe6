"""Small videos in short groups: frames, times, sizes and colours are those of their source."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from data.datasets.videos import Pictures, Span, VideoRecord
from data.errors import DecodeError
from data.preparation.encoding import GROUP, PreparationError, prepare, replacing, resized
from data.video.copies import copy_text
from data.video.decode import VideoFile
from tests.data.files import write_frames
from tests.data.numbered_videos import CODECS, HEIGHT, WIDTH, numbers, write_video

ODD_VIDEOS = Path(__file__).parents[1] / "odd_videos"


def prepared(path: Path, target: Path, short_side: int = 256, span: Span | None = None) -> Path:
    prepare(VideoRecord(str(path), 0, path.name, span), target, short_side)
    return target


@pytest.mark.parametrize("kind", CODECS)
def test_frames_and_times_are_those_of_the_source(kind: str, tmp_path: Path) -> None:
    codec, options, suffix = CODECS[kind]
    path = write_video(tmp_path / f"a.{suffix}", 40, codec=codec, options=options)
    with VideoFile(path) as source, VideoFile(prepared(path, tmp_path / "copy" / path.name)) as copy:
        assert numbers(copy.frames(range(40))) == numbers(source.frames(range(40)))
        assert copy.times.tolist() == pytest.approx(source.times.tolist(), abs=1e-9)
        assert copy.fps == source.fps
        assert np.diff(copy.table.keys).max() == GROUP


@pytest.mark.parametrize(
    "name", ["divx.avi", "hidden.ivf", "leading.mkv", "open_cut.mkv", "repeated.ogv", "wrapping.ts"]
)
def test_frames_of_unusual_streams_are_those_of_the_reader(name: str, tmp_path: Path) -> None:
    with VideoFile(ODD_VIDEOS / name) as source, VideoFile(prepared(ODD_VIDEOS / name, tmp_path / name)) as copy:
        assert copy.times.tolist() == pytest.approx(source.times.tolist(), abs=1e-9)
        every = range(copy.timeline.num_frames)
        difference = copy.frames(every).float() - source.frames(every).float()
        assert difference.abs().mean() < 6 and difference.mean().abs() < 1


def test_part_of_a_video_becomes_a_file_of_its_own(tmp_path: Path) -> None:
    path, span = write_video(tmp_path / "a.mp4", 60), Span(0.5, 1.0, 30)
    with VideoFile(prepared(path, tmp_path / "part.mp4", span=span)) as copy:
        assert numbers(copy.frames(range(15))) == [*range(15, 30)] and copy.timeline.num_frames == 15
        assert copy.times[0] == 0


def test_part_of_a_folder_of_pictures_becomes_a_file(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "P01_01", 30)
    with VideoFile(prepared(folder, tmp_path / "part.mp4", span=Span(0.2, 0.5, 50))) as copy:
        grey = copy.frames(range(15)).float().mean((1, 2, 3)).round().tolist()
        assert grey == pytest.approx(range(11, 26), abs=2)
        assert copy.timeline.num_frames == 15 and copy.fps == 50


def test_larger_pictures_are_resized_to_even_sides_and_smaller_ones_stay(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 4)
    with VideoFile(prepared(path, tmp_path / "small.mp4", HEIGHT // 2)) as copy:
        assert tuple(copy.frames([0]).shape[-2:]) == (HEIGHT // 2, WIDTH // 2)
    assert resized(720, 1280, 256) == (256, 456) and resized(1280, 720, 256) == (456, 256)
    assert resized(240, 320, 256) == (240, 320) and resized(33, 21, 256) == (32, 20)


@pytest.mark.parametrize(
    ("codec", "pixels"), [("libx264", "yuv420p"), ("mjpeg", "yuvj420p")], ids=["limited range", "full range"]
)
@pytest.mark.parametrize("colours", [2, 1], ids=["untagged", "BT.709"])
def test_colours_are_those_of_the_source(codec: str, pixels: str, colours: int, tmp_path: Path) -> None:
    path = coloured(tmp_path / "a.mkv", codec, pixels, colours)
    with VideoFile(path) as source, VideoFile(prepared(path, tmp_path / "copy.mkv")) as copy:
        difference = copy.frames([0]).float() - source.frames([0]).float()
        assert difference.mean((0, 2, 3)).abs().max() < 1


def coloured(path: Path, codec: str, pixels: str, colours: int) -> Path:
    """Video of a gradient of hues. `colours`: number of its colour space in the standard."""
    y, x = np.mgrid[:48, :64]
    picture = np.stack([4 * x, 5 * y, 255 - 4 * x], -1).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], pixels
        stream.codec_context.colorspace = colours
        frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels, dst_colorspace=colours)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def test_folder_of_pictures_becomes_one_of_smaller_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    for number in (1, 2):
        Image.fromarray(np.full((60, 96, 3), 100 * number, np.uint8)).save(folder / f"img_{number:05d}.jpg")
    record = VideoRecord(str(folder), 0, "a", pictures=Pictures("img_{:05d}.jpg", 2, 30.0))
    prepare(record, tmp_path / "copy" / "a", 30)
    copy = record._replace(path=str(tmp_path / "copy" / "a"))
    with Image.open(tmp_path / "copy" / "a" / "img_00002.jpg") as picture:
        assert picture.size == (48, 30) and np.asarray(picture).mean() == pytest.approx(200, abs=1)
    assert copy_text([copy]) == "prepared: JPEG pictures, short side 30 (1 video)"
    prepare(copy, tmp_path / "again" / "a", 30)  # small pictures are copied
    names = ("copy/a/img_00001.jpg", "again/a/img_00001.jpg")
    assert len({(tmp_path / name).read_bytes() for name in names}) == 1


def test_of_two_commands_the_second_waits_and_keeps_what_the_first_has_written(tmp_path: Path) -> None:
    path, target = write_video(tmp_path / "a.mp4", 4), tmp_path / "copy" / "a.mp4"
    with ThreadPoolExecutor() as pool:
        with replacing(target) as partial:
            partial.write_bytes(b"of the first")
            second = pool.submit(prepared, path, target)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.5)
        assert second.result().read_bytes() == b"of the first"
    assert [*target.parent.iterdir()] == [target]


def test_nothing_is_left_of_a_video_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(write_video(tmp_path / "whole.mp4", 40).read_bytes()[:3000])
    with pytest.raises(DecodeError):
        prepared(path, tmp_path / "copy" / "a.mp4")
    assert not [*(tmp_path / "copy").iterdir()]


def test_a_copy_that_cannot_be_written_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "copy").touch()
    with pytest.raises(PreparationError, match="--out"):
        prepared(write_video(tmp_path / "a.mp4", 4), tmp_path / "copy" / "a.mp4")
