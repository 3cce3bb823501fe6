"""Folder of a run: what started it, and the names of its overrides."""

from pathlib import Path

from runner.store.run_folder import RunFolder
from runner.store.starts import Start, add_start, name_overrides, named_overrides, starts_of

FIRST = Start(cell="a/b:c.d", scale="tiny", overrides=("x=1", "y=2"), date="2026-01-01")


def test_each_set_of_overrides_has_one_entry_whose_name_alone_can_change(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "a.b.c.d-0123456789ab")
    assert starts_of(folder) == () and folder.names == ""
    add_start(folder, FIRST)
    add_start(folder, Start(cell="e/f:g.h", scale="tiny", overrides=("y=2", "x=1"), date="2027-01-01"))
    assert starts_of(folder) == (FIRST,)
    add_start(folder, Start(cell="e/f:g.h", scale="tiny", overrides=("y=2", "x=1"), name="both"))
    add_start(folder, Start(cell="a/b:c.d", scale="tiny", name="baseline"))
    add_start(folder, FIRST)
    assert [(one.cell, one.name, one.date) for one in starts_of(folder)] == [
        ("a/b:c.d", "both", "2026-01-01"), ("a/b:c.d", "baseline", ""),
    ]  # fmt: skip
    assert folder.names == "both, baseline"
    assert named_overrides(tmp_path) == {"both": ("x=1", "y=2"), "baseline": ()}


def test_own_videos_that_moved_have_their_new_place(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "a.b.c.d-0123456789ab")
    for place in ("/old/pets", "/new/pets"):
        add_start(folder, Start(scale="tiny", overrides=("x=1", f"data={place}"), date=place))
    assert [(one.overrides, one.date) for one in starts_of(folder)] == [(("x=1", "data=/new/pets"), "/old/pets")]


def test_a_name_is_that_of_all_runs_with_the_same_overrides(tmp_path: Path) -> None:
    folders = [RunFolder(tmp_path / f"a.b.c.d-{number:012d}") for number in range(3)]
    for number, folder in enumerate(folders):
        add_start(folder, Start(scale="tiny", seed=number, overrides=("x=1", "y=2") if number else ()))
    name_overrides(tmp_path, ("y=2", "x=1"), "both")
    assert [folder.names for folder in folders] == ["", "both", "both"]
