"""List of bad files: its text, the files for which an entry holds, and readers that do not open listed items."""

import logging
import os
import re
from pathlib import Path

import pytest

from data.datamodule import DataModule
from data.errors import DataError
from data.inspection.bad_files import BadFile, BadFiles, Stamp
from data.video.frame_sources import opened
from interface.evaluation import EvalConfig
from tests.data.small_clips import DATA


def entry(path: Path, name: str, reason: str = "cut short") -> BadFile:
    stamp = Stamp.of([str(path)])
    assert stamp is not None
    return BadFile(stamp, name, str(path), reason)


def listed(path: Path, *entries: BadFile) -> BadFiles:
    path.write_text(BadFiles(path, entries).text())
    return BadFiles.read(path)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"12345")
    return path


def test_a_list_is_read_as_it_was_written(video: Path, tmp_path: Path) -> None:
    entries = [entry(video, "b", "two\nlines"), entry(video, "a\tb")]
    read = listed(tmp_path / "bad.txt", *entries)
    assert [(e.id, e.reason) for e in read.entries.values()] == [("a\\tb", "cut short"), ("b", r"two\nlines")]
    assert list(read.among(["a\tb", "c"], [(str(video),)] * 2)) == [0]
    assert BadFiles.read(tmp_path / "none.txt").entries == {}


@pytest.mark.parametrize("content", ["5\t6\ta\tb", "5\tnow\ta\tb\tc"])
def test_a_damaged_line_is_an_error_with_its_number(content: str, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text(f"# heading\n{content}\n")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}/bad.txt:2: no entry of five fields; remove the line")):
        BadFiles.read(tmp_path / "bad.txt")


def test_an_entry_holds_only_for_files_of_its_size_and_time(video: Path, tmp_path: Path) -> None:
    bad = listed(tmp_path / "bad.txt", entry(video, "a"))
    error = bad.among(["a"], [(str(video),)])[0]
    assert str(error) == f"{video}: listed in {tmp_path}/bad.txt: cut short" and not error.missing
    os.utime(video, ns=(1, 1))
    assert not bad.among(["a"], [(str(video),)])
    bad = listed(tmp_path / "bad.txt", entry(video, "a"))
    video.write_bytes(b"123456")
    os.utime(video, ns=(1, 1))
    assert not bad.among(["a"], [(str(video),)])
    video.unlink()
    assert not bad.among(["a"], [(str(video),)])


def module(root: Path, bad: BadFiles | None) -> DataModule:
    return DataModule(
        DATA,
        EvalConfig(views=2, crops=1),
        root=root,
        seed=0,
        batch_size=4,
        test_batch_size=4,
        num_workers=0,
        allow_bad=5,
        bad_files=bad,
    )


def test_listed_videos_are_unreadable_without_being_opened(
    kinetics_root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["val/1.mp4", "train/3.mp4", "train/4.mp4"]
    bad = listed(kinetics_root / "bad.txt", *(entry(kinetics_root / name, name) for name in names))
    paths = set()

    def recorded(record):  # noqa: ANN001, ANN202
        paths.add(os.path.relpath(record.path, kinetics_root))
        return opened(record)

    monkeypatch.setattr("data.clips.opened", recorded)
    with caplog.at_level(logging.WARNING):
        datamodule = module(kinetics_root, bad)
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
    again = list(module(kinetics_root, None).train_dataloader())
    assert [batch.items.tolist() for batch in again] == [batch.items.tolist() for batch in trained]


def test_an_item_that_may_not_be_read_is_listed_only_while_that_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"12345")
    readable = Stamp.of([str(path)])
    monkeypatch.setattr("data.inspection.bad_files.os.access", lambda *_: False)
    forbidden = Stamp.of([str(path)])
    entries = listed(tmp_path / "bad.txt", BadFile(forbidden or Stamp(0, 0), "a.mp4", str(path), "Permission denied"))
    assert forbidden == Stamp(5, 0) != readable
    assert list(entries.among(["a.mp4"], [(str(path),)])) == [0]
    monkeypatch.undo()
    assert list(entries.among(["a.mp4"], [(str(path),)])) == []
