from pathlib import Path

import av
import pytest

from data.datasets.folders import VIDEO_SUFFIXES
from data.errors import DecodeError
from data.video.containers import FORMATS, matroska_end
from data.video.decode import VideoFile
from tests.data.numbered_videos import write_video

PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{video}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{video}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8", "a.webm"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_are_no_videos(kind: str, name: str, tmp_path: Path) -> None:
    video = write_video(tmp_path / "elsewhere/b.ts")
    path = tmp_path / name
    path.write_text(PLAYLISTS[kind].format(video=video))
    with pytest.raises(DecodeError, match=r"not a video file in one of the formats mov,matroska|Invalid data found"):
        VideoFile(path)


def test_a_path_is_a_file_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "b.mp4", 5)
    write_video(tmp_path / "a.mp4", 10).rename("concat:b.mp4")
    with VideoFile("concat:b.mp4") as video:
        assert len(video.table) == 10


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_every_suffix_of_a_video_has_a_format_that_is_read(suffix: str) -> None:
    guessed = av.ContainerFormat({".webm": "matroska", ".mkv": "matroska", ".wmv": "asf", ".m4v": "mov", ".mp4": "mov",
                                  ".mpg": "mpeg", ".3gp": "mov"}.get(suffix, suffix[1:]), "r")  # fmt: skip
    assert set(guessed.name.split(",")) & set(FORMATS.split(","))


def test_the_size_of_a_matroska_file_stands_in_its_header(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv")
    assert matroska_end(str(path)) == path.stat().st_size
    live = write_video(tmp_path / "live.mkv", container_options={"live": "1"})
    assert matroska_end(str(live)) is None
    with VideoFile(live) as video:
        assert len(video.table) == 40


@pytest.mark.parametrize("content", [b"", b"\x1a", b"\x1a\x45\xdf\xa3", b"\x00" * 20, b"\x1a\x45\xdf\xa3\x81"])
def test_the_size_of_a_broken_matroska_file_is_unknown(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(content)
    assert matroska_end(str(tmp_path / "a.mkv")) is None
