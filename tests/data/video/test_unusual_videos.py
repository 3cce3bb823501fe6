"""Videos whose frames are not simply those of their packets: cut, damaged, wrongly marked, with hidden frames."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from av.stream import Disposition
from numpy.typing import NDArray

from data.errors import DecodeError
from data.video import decode
from data.video.decode import VideoFile
from tests.data.numbered_videos import B_FRAMES, CODECS, REALTIME, all_frames, pixels, write_video

Change = Callable[[int, Packet], Packet | None]

ODD_FOLDER = Path(__file__).parents[1] / "odd_videos"
# Videos by their number of frames according to the ffmpeg of Debian, as `make.sh` of the folder prints them.
ODD_VIDEOS = {
    4: "repeated.mkv repeated.ogv",
    9: "unmarked.avi",
    10: "leading.mp4 short.avi",
    12: "leading.mkv open_cut.mkv without_start.ts",
    14: "decodable.mkv decodable.nut divx.avi unpacked.mkv unpacked.mp4 xvid.avi xvid_copy.mkv xvid_copy.mp4 "
    "xvid_copy.nut",
    17: "without_middle.ts",
    20: "h264_copy.mp4 hidden.ivf negative.mpg negative.ts open.mp4 open.mpg ticks.ivf wrapping.mpg wrapping.ts",
}

SOURCES = {"mkv": "mp4"}  # Matroska has no decoding times, which a copy needs


def remuxed(source: Path, target: Path, change: Change, options: dict[str, str] | None = None) -> Path:
    """Copy of a file with changed packets; a packet is left out if the change gives None."""
    with av.open(str(source)) as old, av.open(str(target), "w", options=options or {}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for index, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            changed = change(index, packet)
            if changed is not None:
                changed.stream = stream
                new.mux(changed)
    return target


def with_content(packet: Packet, content: bytes) -> Packet:
    """Packet with other bytes."""
    changed = Packet(content)
    changed.pts, changed.dts, changed.duration = packet.pts, packet.dts, packet.duration
    changed.time_base, changed.is_keyframe = packet.time_base, packet.is_keyframe
    return changed


def assert_every_index_gives(path: Path, expected: NDArray[np.uint8]) -> None:
    """Whether each frame is the expected one, whatever is read with it."""
    draws = np.random.default_rng(0)
    with VideoFile(path) as video:
        assert len(video.table) == len(expected)
        np.testing.assert_array_equal(pixels(video.frames(range(len(expected)))), expected)
        for index in range(len(expected)):
            others = draws.integers(0, len(expected), draws.integers(0, 3)).tolist()
            np.testing.assert_array_equal(pixels(video.frames([index, *others])), expected[[index, *others]])


@pytest.mark.parametrize("num_lost", [1, 5, 14])
@pytest.mark.parametrize("kind", CODECS)
def test_videos_without_their_first_packets_start_at_their_first_key_frame(
    kind: str, num_lost: int, tmp_path: Path
) -> None:
    codec, options, suffix = CODECS[kind]
    source = write_video(tmp_path / f"whole.{SOURCES.get(suffix, suffix)}", codec=codec, options=options)
    path = remuxed(source, tmp_path / f"cut.{suffix}", lambda index, packet: packet if index >= num_lost else None)
    with av.open(str(source)) as container:
        lost_keys = sum(packet.is_keyframe for packet in list(container.demux(video=0))[:num_lost])
    with av.open(str(source)) as container:
        first = [index for index, frame in enumerate(container.decode(video=0)) if frame.key_frame][lost_keys]
    assert_every_index_gives(path, all_frames(source)[first:])


def edited(path: Path, start: float, seconds: float) -> Path:
    """Copy of an mp4 file whose edit list plays only a part."""
    content = bytearray(path.read_bytes())
    movie, media, edit = (content.index(name) + 4 for name in (b"mvhd", b"mdhd", b"elst"))
    movie_scale, media_scale = (int.from_bytes(content[box + 12 : box + 16], "big") for box in (movie, media))
    (first,) = struct.unpack_from(">i", content, edit + 12)
    struct.pack_into(">Ii", content, edit + 8, int(seconds * movie_scale), first + int(start * media_scale))
    copy = path.with_name("edited.mp4")
    copy.write_bytes(content)
    return copy


@pytest.mark.parametrize(("start", "seconds"), [(0.0, 0.5), (0.5, 0.5), (0.8, 9.0)])
def test_an_edit_list_decides_which_frames_are_shown(start: float, seconds: float, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", options=B_FRAMES)
    first, stop = round(start * 30), min(round((start + seconds) * 30), 40)
    assert_every_index_gives(edited(path, start, seconds), all_frames(path)[first:stop])


@pytest.mark.parametrize("suffix", ["webm", "mkv", "mp4"])
def test_a_picture_that_is_held_at_the_end_is_no_truncation(suffix: str, tmp_path: Path) -> None:
    def held(index: int, packet: Packet) -> Packet:
        if index == 39:
            packet.duration = int(9 / packet.time_base)
        return packet

    source = write_video(tmp_path / "a.mkv", codec="libvpx-vp9", options=REALTIME)
    path = remuxed(source, tmp_path / f"held.{suffix}", held)
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx((39 / 30 + 9) * av.time_base, rel=0.01)
    assert_every_index_gives(path, all_frames(source))


def test_a_video_that_starts_late_is_no_truncation(tmp_path: Path) -> None:
    times = [5000 + 40 * number for number in range(30)]
    path = write_video(tmp_path / "a.webm", 30, codec="libvpx-vp9", options=REALTIME, times=times)
    assert_every_index_gives(path, all_frames(path))


def test_truncated_flash_video_is_rejected(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.flv", 120, options=B_FRAMES)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DecodeError, match=r"truncated: \d\.\d of 4\.\d seconds"):
        VideoFile(path)


@pytest.mark.parametrize(("codec", "options"), [("mpeg4", {"g": "12"}), ("libx264", B_FRAMES)])
def test_frames_that_are_wrongly_marked_as_key_frames_are_read(
    codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    path = write_video(tmp_path / "a.mp4", codec=codec, options=options)
    expected = all_frames(path)
    path.write_bytes(path.read_bytes().replace(b"stss", b"free"))  # without this table, all frames are key frames
    assert_every_index_gives(path, expected)


@pytest.mark.parametrize("num_bytes", [0, decode.MAX_KEPT_BYTES], ids=["decoded again", "kept"])
@pytest.mark.parametrize(("name", "count"), [(name, n) for n, names in ODD_VIDEOS.items() for name in names.split()])
def test_every_frame_of_an_odd_video_is_that_of_its_sequential_decoding(
    name: str, count: int, num_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MAX_KEPT_BYTES", num_bytes)
    expected = all_frames(ODD_FOLDER / name)
    assert len(expected) == count
    assert_every_index_gives(ODD_FOLDER / name, expected)
    with VideoFile(ODD_FOLDER / name) as video:
        video.check()


def test_a_recording_with_a_damaged_frame_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"damaged\.ts: the frame at 0\.00 seconds is damaged$"):
        VideoFile(ODD_FOLDER / "damaged.ts")


def test_files_without_times_have_the_times_of_a_constant_rate(tmp_path: Path) -> None:
    for name in ("a.avi", "a.h264"):
        path = write_video(tmp_path / name, options=B_FRAMES)
        with VideoFile(path) as video:
            np.testing.assert_allclose(video.times, np.arange(40) / float(video.fps))
        assert_every_index_gives(path, all_frames(path))


@pytest.mark.parametrize("kind", ["h264 in matroska", "mpeg4 without B frames", "vp9"])
def test_a_frame_that_cannot_be_shown_is_an_error(kind: str, tmp_path: Path) -> None:
    codec, options, suffix = CODECS[kind]
    source = write_video(tmp_path / f"whole.{suffix}", codec=codec, options=options)

    def damage(index: int, packet: Packet) -> Packet:
        content = bytes(packet)
        return with_content(packet, content[:6] + bytes(len(content) - 6)) if index == 27 else packet

    path = remuxed(source, tmp_path / f"damaged.{suffix}", damage)
    expected = all_frames(source)
    readable: list[int] = []
    with VideoFile(path) as video:
        assert len(video.table) in (39, 40)
        same = len(video.table) == 40
        for index in range(40):
            try:
                frame = pixels(video.frames([index]))[0]
            except DecodeError as error:
                assert "damaged" in str(error) or "cannot be decoded" in str(error) or "Invalid data" in str(error)
            else:
                readable.append(index)
                if same:
                    np.testing.assert_array_equal(frame, expected[index])
        assert set(range(20)) | set(range(37, len(video.table))) <= set(readable)
        assert len(readable) < 40
        with pytest.raises(DecodeError):
            video.frames(range(40))


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", options=B_FRAMES)
    path = tmp_path / "cover.mp4"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        cover = new.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        stream = new.add_stream_from_template(old.streams.video[0])
        new.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        new.mux(cover.encode(None))
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    assert_every_index_gives(path, all_frames(source))


def test_a_codec_without_a_decoder_is_named(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(DecodeError, match=r"a\.mp4: no decoder for the codec of its video stream; convert it"):
        VideoFile(path)


def test_damaged_frames_of_another_size_do_not_change_the_others(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.avi", codec="mjpeg", options={"strict": "unofficial"})
    expected = all_frames(source)

    def resized(index: int, packet: Packet) -> Packet:
        content = bytearray(bytes(packet))
        height = content.index(b"\xff\xc0") + 5
        content[height : height + 2] = (24).to_bytes(2, "big")
        return with_content(packet, bytes(content)) if index == 7 else packet

    path = remuxed(source, tmp_path / "resized.avi", resized)
    with VideoFile(path) as video:
        np.testing.assert_array_equal(pixels(video.frames([6, 8])), expected[[6, 8]])
        assert video.frames([7]).shape[-2:] == expected.shape[1:3]
