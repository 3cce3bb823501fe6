"""`reproduce prepare`: the copy, its exit codes, and the command that follows."""

from pathlib import Path

import pytest

from data.video.decode import VideoFile
from tests.conftest import Reproduce


def test_a_copy_is_written_and_examined_next(reproduce: Reproduce, kinetics: Path, tmp_path: Path) -> None:
    words = ["prepare", "kinetics400", "--data", f"kinetics400={kinetics}", "--out", "copy", "--short-side", "32"]
    outcome = reproduce(*words, "--jobs", "1")
    assert (outcome.code, outcome.out) == (0, f"3 videos in {tmp_path / 'copy'}\n")
    assert outcome.err == f"next: reproduce doctor --data kinetics400={tmp_path / 'copy'}\n"
    with VideoFile(tmp_path / "copy/val/a/2.mp4") as video:
        assert (video.height, len(video.table)) == (32, 4)


def test_unreadable_videos_end_it_with_code_1(reproduce: Reproduce, kinetics: Path, tmp_path: Path) -> None:
    (kinetics / "train/b/1.mp4").write_bytes(b"no video")
    (tmp_path / "ids.txt").write_text("train/a/0.mp4\ntrain/b/1.mp4\n")
    words = ["prepare", "kinetics400", "--data", f"kinetics400={kinetics}", "--out", "copy", "--list", "ids.txt"]
    outcome = reproduce(*words)
    assert (outcome.code, outcome.out) == (1, f"1 video in {tmp_path / 'copy'}\n")
    assert outcome.err == f"1 video cannot be read: {tmp_path / 'copy/unreadable.txt'}\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["kinetics40", "--out", "copy"], 2, "'kinetics40' is no data set of videos; did you mean 'kinetics400'?"),
        (["imdb", "--out", "copy"], 2, "'imdb' is no data set of videos; they are"),
        (["kinetics400", "--out", "copy"], 3, "where is kinetics400? name its folder with --data kinetics400=PATH, or "
         "the folder that holds it with VIDEO_ROOT; runs at --scale tiny need no data set\n"),
        (["kinetics400", "--out", "kinetics400/a", "--data", "kinetics400=kinetics400"], 2, "lies in the data set"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("kinetics")
def test_what_cannot_be_prepared_is_one_line(words: list[str], code: int, message: str, reproduce: Reproduce) -> None:
    outcome = reproduce("prepare", *words)
    assert outcome.code == code and message in outcome.err and outcome.err.count("\n") == 1
