"""Complete decoding of a split: outcomes, processes, going on after an interruption, and tests that follow."""

from pathlib import Path

import pytest

from data.config import VideoFacts
from data.decoded_files import Decoded, DecodedFiles
from data.errors import DataError
from data.inspection.decoding import CompleteItems, check_validation, decoded_items
from data.item_lists import ItemLists
from data.video_data import VideoData
from tests.data.small_clips import DATA


def decoded(root: Path, listed: Path | None = None, *, workers: int = 0, count: int | None = None) -> list[Decoded]:
    lists, path = ItemLists(lambda _: root), listed or root / "decoded.txt"
    return decoded_items(DATA, lists, "train", DecodedFiles(path), workers=workers, count=count)


def damage_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)


def test_outcomes_are_facts_or_errors_of_all_frames(kinetics_root: Path) -> None:
    (kinetics_root / "train/1.mp4").write_bytes(b"no video")
    damage_middle(kinetics_root / "train/2.mp4")
    (kinetics_root / "train/3.mp4").unlink()
    first, cut, damaged, *others = decoded(kinetics_root)
    assert (first.facts, first.reason) == (VideoFacts(20, 30.0, 48), "")
    assert cut.name == f"{kinetics_root}/train/1.mp4" and "Invalid data" in cut.reason
    assert damaged.id == "train/2.mp4" and "seconds" in damaged.reason
    # Without the missing one.
    assert [entry.id for entry in others] == [f"train/{number}.mp4" for number in range(4, 22)]
    assert list(DecodedFiles(kinetics_root / "decoded.txt").entries.values()) == [first, cut, damaged, *others]


def test_missing_validation_videos_count_with_those_that_cannot_be_decoded(kinetics_root: Path) -> None:
    (kinetics_root / "val/1.mp4").write_bytes(b"no video")
    (kinetics_root / "val/2.mp4").unlink()
    lists, listed = ItemLists(lambda _: kinetics_root), DecodedFiles(kinetics_root / "decoded.txt")
    check_validation(DATA, lists, listed, allow_bad=2, workers=0)
    with pytest.raises(DataError, match=r"^2 of \d validation videos .* val/2\.mp4 \(no such file\)"):
        check_validation(DATA, lists, listed, allow_bad=1, workers=0)


def test_several_processes_find_the_same(kinetics_root: Path) -> None:
    (kinetics_root / "train/7.mp4").write_bytes(b"no video")
    alone = decoded(kinetics_root)
    assert decoded(kinetics_root, kinetics_root / "again.txt", workers=2) == alone and len(alone) == 22


def test_an_interrupted_examination_goes_on_where_it_was(kinetics_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    examine = VideoData.examine

    def counted(data: VideoData, items: object, index: int) -> VideoFacts:
        if index == 6 and len(read) == 6:
            raise KeyboardInterrupt
        read.append(index)
        return examine(data, items, index)  # type: ignore[arg-type]

    monkeypatch.setattr(VideoData, "examine", counted)
    with pytest.raises(KeyboardInterrupt):
        decoded(kinetics_root)
    assert read == [0, 1, 2, 3, 4, 5]
    (kinetics_root / "train/2.mp4").write_bytes(b"changed")
    read.append(-1)
    found = decoded(kinetics_root)
    assert read[7:] == [2, *range(6, 22)] and len(found) == 22 and found[2].reason
    assert decoded(kinetics_root) == found and len(read) == 7 + 17  # nothing is read again


def killed(items: CompleteItems, place: int) -> None:
    raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")


def test_a_killed_process_is_an_error_with_its_remedy(kinetics_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CompleteItems, "__getitem__", killed)
    with pytest.raises(DataError, match="a decoding process was killed"):
        decoded(kinetics_root)
