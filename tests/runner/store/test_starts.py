"""Folder of a run: what started it, and the names of its overrides."""

from pathlib import Path

import pytest

from runner.machine.files import write_atomically
from runner.store.run_directory import RunDirectory
from runner.store.starts import Start, add_start, name_overrides, named_overrides, read_starts

FIRST = Start(cell="a/b:c.d", scale="tiny", overrides=("x=1", "y=2"), date="2026-01-01")


def test_each_set_of_overrides_has_one_entry_whose_name_alone_can_change(tmp_path: Path) -> None:
    folder = RunDirectory(tmp_path / "a.b.c.d-0123456789ab")
    assert read_starts(folder.starts) == () and folder.names == ""
    add_start(folder.starts, FIRST)
    add_start(folder.starts, Start(cell="e/f:g.h", scale="tiny", overrides=("y=2", "x=1"), date="2027-01-01"))
    assert read_starts(folder.starts) == (FIRST,)
    add_start(folder.starts, Start(cell="e/f:g.h", scale="tiny", overrides=("y=2", "x=1"), name="both"))
    add_start(folder.starts, Start(cell="a/b:c.d", scale="tiny", name="baseline"))
    add_start(folder.starts, FIRST)
    assert [(one.cell, one.name, one.date) for one in read_starts(folder.starts)] == [
        ("a/b:c.d", "both", "2026-01-01"), ("a/b:c.d", "baseline", ""),
    ]  # fmt: skip
    assert folder.names == "both, baseline"
    assert named_overrides(tmp_path) == {"both": ("x=1", "y=2"), "baseline": ()}


def test_a_damaged_file_is_named_once_and_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = RunDirectory(tmp_path / "a.b.c.d-0123456789ab").starts
    write_atomically(file, "half")
    assert read_starts(file) == read_starts(file) == ()
    assert capsys.readouterr().err.startswith(f"note: cannot read {file}: ") and not capsys.readouterr().err
    add_start(file, FIRST)
    assert read_starts(file) == (FIRST,)


def test_own_videos_that_moved_have_their_new_place(tmp_path: Path) -> None:
    folder = RunDirectory(tmp_path / "a.b.c.d-0123456789ab")
    unchanged = Start(cell="a/b:c.d", scale="tiny", overrides=("x=1",))
    add_start(folder.starts, unchanged)
    for place in ("/old/pets", "/new/pets"):
        add_start(folder.starts, Start(scale="tiny", overrides=("x=1", f"data={place}"), date=place))
    first, moved = read_starts(folder.starts)
    assert first == unchanged
    assert (moved.overrides, moved.date) == (("x=1", "data=/new/pets"), "/old/pets")


def test_a_name_is_that_of_all_runs_with_the_same_overrides(tmp_path: Path) -> None:
    folders = [RunDirectory(tmp_path / f"a.b.c.d-{number:012d}") for number in range(3)]
    for number, folder in enumerate(folders):
        add_start(folder.starts, Start(scale="tiny", seed=number, overrides=("x=1", "y=2") if number else ()))
    name_overrides(tmp_path, ("y=2", "x=1"), "both")
    assert [folder.names for folder in folders] == ["", "both", "both"]
