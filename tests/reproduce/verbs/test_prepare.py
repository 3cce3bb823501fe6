"""`reproduce prepare`: the copy, its exit codes, and the command that follows."""

from pathlib import Path

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


def test_a_copy_within_the_data_set_is_refused(reproduce: Reproduce, kinetics: Path) -> None:
    refused = reproduce("prepare", "kinetics400", "--out", kinetics / "a", "--data", f"kinetics400={kinetics}")
    assert refused.code == 2 and "lies in the data set" in refused.err and refused.err.count("\n") == 1
