"""Files of arrays: their values, and damaged files by name."""

from pathlib import Path

import numpy as np
import pytest

from runner.machine.array_files import opened_arrays
from runner.machine.files import StoreError


def damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path}: {reason}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "arrays.npz"
    np.savez(path, values=np.arange(1000), names=np.array(["a", "b"]))
    return path


def test_arrays_are_taken_by_name(path: Path) -> None:
    with opened_arrays(path, damaged) as arrays:
        assert arrays["values"].tolist() == list(range(1000)) and arrays["names"].tolist() == ["a", "b"]


def test_missing_array_names_the_file(path: Path) -> None:
    with pytest.raises(StoreError, match=r"arrays\.npz: .*others"), opened_arrays(path, damaged) as arrays:
        arrays["others"]


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_file_cut_short_is_named(path: Path, part: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(StoreError, match=r"arrays\.npz: ."), opened_arrays(path, damaged) as arrays:
        arrays["values"]


def test_changed_bytes_are_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[500] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"arrays\.npz: ."), opened_arrays(path, damaged) as arrays:
        arrays["values"]


def test_pickled_objects_are_refused(path: Path) -> None:
    np.savez(path, values=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StoreError, match=r"arrays\.npz: .*pickle"), opened_arrays(path, damaged) as arrays:
        arrays["values"]
