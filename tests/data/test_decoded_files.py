"""List of decoded items: its lines, the files for which they hold, and readers that do not open bad items."""

import logging
import os
import re
from pathlib import Path

import pytest

from data.config import VideoFacts
from data.decoded_files import Decoded, DecodedFiles, Stamp
from data.errors import DataError
from data.video.frame_sources import opened
from tests.data.small_clips import data_module


def entry(path: Path, name: str, reason: str = "cut short") -> Decoded:
    stamp = Stamp.of([str(path)])
    assert stamp is not None
    return Decoded(stamp, name, str(path), reason)


def listed(path: Path, *entries: Decoded) -> DecodedFiles:
    listed = DecodedFiles(path)
    for each in entries:
        listed.add(each)
    assert DecodedFiles(path).entries == listed.entries
    return DecodedFiles(path)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"12345")
    return path


def test_items_with_errors_are_told_from_those_without(video: Path, tmp_path: Path) -> None:
    whole = Decoded(Stamp(1, 2), "whole", facts=VideoFacts(9, 29.97002997002997, 64))
    read = DecodedFiles(tmp_path / "a/list.txt")
    for each in (entry(video, "b", "two\nlines"), entry(video, "a\tb"), whole, Decoded(Stamp(3, 4), "no video")):
        read.add(each)
    read = DecodedFiles(read.path)
    assert [(e.id, e.reason) for e in read.entries.values()][:2] == [("b", r"two\nlines"), ("a\\tb", "cut short")]
    assert list(read.entries.values())[2:] == [whole, Decoded(Stamp(3, 4), "no video")]
    assert list(read.errors(["a\tb", "c"], [(str(video),)] * 2)) == [0]
    assert len(read.path.read_text().splitlines()) == 5 and DecodedFiles(tmp_path / "none.txt").entries == {}


def test_lists_of_bad_files_of_earlier_versions_count(video: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.txt"
    earlier.write_text(
        "# bytes\t...\n" + "\t".join(map(str, (*(Stamp.of([str(video)]) or ()), "a", video, "cut short")))
    )
    error = DecodedFiles(tmp_path / "list.txt", earlier).errors(["a"], [(str(video),)])[0]
    assert error.reason.endswith("cut short")


@pytest.mark.parametrize("content", ["5\t6\ta\tb", "5\tnow\ta\tb\tc", "5\t6\ta\tb\tc\t7"])
def test_a_damaged_line_is_an_error_with_its_number(content: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"# heading\n{content}\n")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}/list.txt:2: no entry of five or eight fields")):
        DecodedFiles(tmp_path / "list.txt")


def test_an_entry_holds_only_for_files_of_its_size_and_time(video: Path, tmp_path: Path) -> None:
    bad = listed(tmp_path / "list.txt", entry(video, "a"))
    error = bad.errors(["a"], [(str(video),)])[0]
    assert str(error) == f"{video}: listed in {tmp_path}/list.txt: cut short" and not error.missing
    os.utime(video, ns=(1, 1))
    assert not bad.errors(["a"], [(str(video),)])
    bad = listed(tmp_path / "list.txt", entry(video, "a"))
    video.write_bytes(b"123456")
    os.utime(video, ns=(1, 1))
    assert not bad.errors(["a"], [(str(video),)])
    video.unlink()
    assert not bad.errors(["a"], [(str(video),)])


def test_listed_videos_are_unreadable_without_being_opened(
    kinetics_root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["val/1.mp4", "train/3.mp4", "train/4.mp4"]
    bad = listed(kinetics_root / "list.txt", *(entry(kinetics_root / name, name) for name in names))
    paths = set()

    def recorded(record):  # noqa: ANN001, ANN202
        paths.add(os.path.relpath(record.path, kinetics_root))
        return opened(record)

    monkeypatch.setattr("data.clips.opened", recorded)
    with caplog.at_level(logging.WARNING):
        datamodule = data_module(kinetics_root, views=2, allow_bad=5, decoded=bad)
        tested = list(datamodule.test_dataloader())
        trained = list(datamodule.train_dataloader())
    assert not paths & set(names) and len(paths) > 10
    unreadable = {int(i) for batch in tested for i, u in zip(batch.items, batch.unreadable, strict=True) if u}
    assert unreadable == {1} and not any(batch.missing.any() for batch in tested)
    assert sum(int(batch.unreadable.sum()) for batch in trained) == 2 == datamodule.num_replaced()
    assert f"1 test items count as unreadable: they are listed in {bad.path}" in caplog.text
    # Replaced by the same videos as if they had been opened and found to be damaged.
    for name in names:
        (kinetics_root / name).write_bytes(b"damaged")
    again = list(data_module(kinetics_root, views=2, allow_bad=5).train_dataloader())
    assert [batch.items.tolist() for batch in again] == [batch.items.tolist() for batch in trained]
