"""Atomic writes of files."""

import os
from pathlib import Path

import pytest

from runner.machine.files import StoreError, replacing, unwritable, write_atomically


def test_free_space_is_no_remedy_for_missing_rights(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"a: Permission denied; name another place with --runs$"):
        raise unwritable(tmp_path / "a", PermissionError(13, "Permission denied"))


def test_two_processes_can_write_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "maps.npz"
    with replacing(file) as first:
        first.write_text("whole")
        monkeypatch.setattr(os, "getpid", lambda: 0)
        with replacing(file) as second:
            second.write_text("who")
    assert file.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    write_atomically(path, "old")
    with pytest.raises(StoreError, match="No space left on device; free space there"), replacing(path) as partial:
        partial.write_text("half")
        raise OSError(28, "No space left on device")
    assert [file.name for file in tmp_path.iterdir()] == ["file.npz"]
    assert path.read_text() == "old"
