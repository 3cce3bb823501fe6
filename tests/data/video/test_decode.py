import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from data.errors import DecodeError
from data.video.bitstreams import is_unreferenced
from data.video.decode import VideoFile
from tests.data.files import refusal
from tests.data.numbered_videos import B_FRAMES, CODECS, OPEN_GROUPS, REALTIME, all_frames, numbers, pixels, write_video


def frames_at(path: Path, indices: list[int]) -> np.ndarray:
    with VideoFile(path) as video:
        return pixels(video.frames(indices))


FORMATS = {kind: (*settings, {}) for kind, settings in CODECS.items()} | {
    "h264 without B frames": ("libx264", {"g": "7", "bf": "0"}, "mp4", {}),
    "h264, one group": ("libx264", {"g": "250", "bf": "3", "b-pyramid": "normal"}, "mp4", {}),
    "h264 in fragments": ("libx264", B_FRAMES, "mp4", {"movflags": "frag_keyframe+empty_moov"}),
    "h264 with sound": ("libx264", B_FRAMES, "mp4", {}),
    "vp8 with hidden frames": ("libvpx", {"g": "12", "auto-alt-ref": "1", "lag-in-frames": "8"}, "webm", {}),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_frames_are_those_of_a_full_decode(kind: str, tmp_path: Path) -> None:
    codec, options, suffix, container = FORMATS[kind]
    sound = kind.endswith("with sound")
    path = tmp_path / f"a.{suffix}"
    write_video(path, codec=codec, options=options, container_options=container, with_sound=sound)
    expected = all_frames(path)
    assert len(expected) == 40
    draws = np.random.default_rng(0)
    with VideoFile(path) as video:
        for _ in range(20):
            indices = draws.integers(0, 40, draws.integers(1, 9))
            np.testing.assert_array_equal(pixels(video.frames(indices)), expected[indices])


@pytest.mark.parametrize("name", ["test.mp4", "test_video_structuralize.mp4", "part_0.mp4", "test.avi"])
def test_frames_of_real_clips_are_those_of_a_full_decode(name: str, clips: Path) -> None:
    expected = all_frames(clips / name)
    indices = np.unique(np.random.default_rng(0).integers(0, len(expected), 12))
    np.testing.assert_array_equal(frames_at(clips / name, list(indices)), expected[indices])


def test_only_requested_frames_are_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converted: list[VideoFrame] = []
    image = VideoFile.image
    monkeypatch.setattr(VideoFile, "image", lambda video, frame: converted.append(frame) or image(video, frame))
    with VideoFile(write_video(tmp_path / "a.mp4", options=B_FRAMES)) as video:
        video.frames([5, 5, 20, 33])
    assert len(converted) == 3


def sent_packets(video: VideoFile, indices: list[int]) -> int:
    """Number of packets sent to the decoder for these frames."""
    runs = video.table.runs(video.table.shown[index] for index in indices)
    return sum(len(list(video.needed(run))) for run in runs)


def test_decoding_starts_at_the_key_frame_before_the_clip(tmp_path: Path) -> None:
    options = {"g": "10", "bf": "0", "sc_threshold": "0"}
    with VideoFile(write_video(tmp_path / "a.mp4", options=options)) as video:
        assert sent_packets(video, [33]) == 4
        assert sent_packets(video, [3, 33]) == 8


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"g": "40", "bf": "3", "b-pyramid": "none", "b-adapt": "0", "sc_threshold": "0"}),
        ("libx265", {"x265-params": "keyint=40:bframes=3:b-pyramid=0:b-adapt=0:scenecut=0:log-level=none"}),
        ("libx265", {"x265-params": "keyint=12:bframes=3:b-adapt=0:open-gop=1:scenecut=0:log-level=none"}),
        ("libx264", OPEN_GROUPS),  # frames that are shown before their key frame refer to the group before it
    ],
)
def test_unreferenced_frames_are_not_decoded_unless_requested(
    codec: str, options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mp4", codec=codec, options=options)
    expected = all_frames(path)
    monkeypatch.delattr(VideoFile, "lenient_decoder")  # of the full decode
    with VideoFile(path) as video:
        unreferenced = sum(is_unreferenced(packet, video.stream.codec_context) for packet in video.table.packets)
        assert unreferenced > 10
        assert sent_packets(video, [39]) <= 40 - unreferenced + 1
        for indices in ([3, 38], [14, 25], list(range(40)), *([index] for index in range(40))):
            np.testing.assert_array_equal(pixels(video.frames(indices)), expected[indices])


def rotated_copy(path: Path, quarter_turns: int) -> Path:
    """Copy of an mp4 file with a display matrix in its track header."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    cosine, sine = [(one, 0), (0, one), (-one, 0), (0, -one)][quarter_turns]
    content[matrix : matrix + 36] = struct.pack(">9i", cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30)
    copy = path.with_name(f"turned{quarter_turns}.mp4")
    copy.write_bytes(content)
    return copy


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_rotated_files_are_read_upright(quarter_turns: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 5)
    # The matrix rotates clockwise by this number of quarter turns.
    expected = np.rot90(all_frames(path), -quarter_turns, axes=(1, 2))
    turned = rotated_copy(path, quarter_turns)
    np.testing.assert_array_equal(frames_at(turned, [0, 3]), expected[[0, 3]])


def test_frames_of_variable_rate_files_are_found_by_their_times(tmp_path: Path) -> None:
    gaps = np.random.default_rng(1).integers(10, 90, 40)
    times = [0, *np.cumsum(gaps)[:-1].tolist()]
    with VideoFile(write_video(tmp_path / "a.mkv", times=times, options=B_FRAMES)) as video:
        np.testing.assert_allclose(video.times, np.array(times) / 1000, atol=1e-3)
        assert numbers(video.frames(list(range(40)))) == list(range(40))


def test_a_missing_file_is_named() -> None:
    found = refusal(lambda: VideoFile("nowhere/a.mp4"), DecodeError, missing=True)
    assert found == "nowhere/a.mp4: no such file"


def bad_without_index(path: Path) -> None:
    write_video(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def bad_matroska(path: Path) -> None:
    write_video(path.with_suffix(".webm"), 120, codec="libvpx-vp9", options=REALTIME).rename(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def bad_without_tail(path: Path) -> None:
    write_video(path, 60, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-1500])


def bad_audio_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))


def bad_no_frames(path: Path) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


BAD_FILES: dict[Callable[[Path], object], str] = {
    Path.touch: "the file is empty",
    lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)): "Invalid data found when processing input",
    bad_without_index: "Invalid data found when processing input",
    bad_without_tail: r"truncated: \d+ of the 60 frames in its header",
    bad_matroska: r"truncated: \d+ of \d+ bytes",
    bad_audio_only: "no video stream, only audio",
    bad_no_frames: "no frames before the end of the file",
    Path.mkdir: "Is a directory",
}


@pytest.mark.parametrize("make", BAD_FILES)
def test_unreadable_files_keep_their_path_and_first_error_in_one_line(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "bad one.mp4"
    make(path)
    found = refusal(lambda: frames_at(path, [0, 5]), DecodeError)
    assert re.match(re.escape(f"{path}: ") + f".*{BAD_FILES[make]}", found)


def test_pickled_errors_keep_their_attributes() -> None:
    error = pickle.loads(pickle.dumps(DecodeError("a.mp4", "no such file", missing=True)))
    assert (error.path, error.reason, error.missing) == ("a.mp4", "no such file", True)
    assert str(error) == "a.mp4: no such file"
