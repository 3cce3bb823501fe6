"""Examination of all items: outcomes, parallel processes, and going on after an interruption."""

from pathlib import Path

import pytest

from data.config import VideoFacts
from data.inspection.bad_files import Stamp
from data.inspection.examination import Examination, Outcome
from data.video_data import VideoData
from tests.data.small_clips import DATA


def examination(root: Path, known: dict[str, Outcome] | None = None) -> Examination:
    items = DATA.dataset.build(root, "train")
    return Examination(DATA, items, DATA.files(items), {} if known is None else known)


def damage_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)


def test_outcomes_are_facts_or_errors_of_all_frames(kinetics_root: Path) -> None:
    (kinetics_root / "train/1.mp4").write_bytes(b"no video")
    damage_middle(kinetics_root / "train/2.mp4")
    (kinetics_root / "train/3.mp4").unlink()
    found = examination(kinetics_root).outcomes(range(5), workers=0)
    assert sorted(found) == [0, 1, 2, 4]  # a missing file has no outcome
    assert found[0].facts == VideoFacts(20, 30.0, 48) and not found[0].is_bad
    assert found[4].facts == VideoFacts(40, 30.0, 48)
    assert found[1].is_bad and found[1].name == f"{kinetics_root}/train/1.mp4" and "Invalid data" in found[1].reason
    assert found[2].is_bad and "seconds" in found[2].reason
    bad = list(examination(kinetics_root).bad_files(found))
    assert [(entry.id, entry.stamp) for entry in bad] == [
        (f"train/{number}.mp4", Stamp.of([f"{kinetics_root}/train/{number}.mp4"])) for number in (1, 2)
    ]


def test_several_processes_find_the_same(kinetics_root: Path) -> None:
    (kinetics_root / "train/7.mp4").write_bytes(b"no video")
    alone = examination(kinetics_root).outcomes(range(22), workers=0)
    assert examination(kinetics_root).outcomes(range(22), workers=2) == alone and len(alone) == 22


def test_an_interrupted_examination_goes_on_where_it_was(kinetics_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, Outcome] = {}
    saved: list[int] = []
    read: list[int] = []
    examine = VideoData.examine

    def counted(data: VideoData, items: object, index: int) -> VideoFacts:
        if index == 6 and not saved:
            raise KeyboardInterrupt
        read.append(index)
        return examine(data, items, index)  # type: ignore[arg-type]

    monkeypatch.setattr(VideoData, "examine", counted)
    with pytest.raises(KeyboardInterrupt):
        examination(kinetics_root, known).outcomes(range(10), workers=0, save=lambda: saved.append(len(known)))
    assert saved == [6] and read == [0, 1, 2, 3, 4, 5]
    (kinetics_root / "train/2.mp4").write_bytes(b"changed")
    read.clear()
    found = examination(kinetics_root, known).outcomes(range(10), workers=0)
    assert read == [2, 6, 7, 8, 9] and len(found) == 10 and found[2].is_bad


def test_outcomes_are_saved_now_and_then(kinetics_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.inspection.examination.SECONDS_BETWEEN_SAVES", 0.0)
    known: dict[str, Outcome] = {}
    saved: list[int] = []
    examination(kinetics_root, known).outcomes(range(3), workers=0, save=lambda: saved.append(len(known)))
    assert saved[0] == 1 and saved[-1] == 3
    saved.clear()
    examination(kinetics_root, known).outcomes(range(3), workers=0, save=lambda: saved.append(len(known)))
    assert saved == []  # nothing new
