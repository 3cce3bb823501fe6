"""Content of annotation files: text, CSV, JSON, and pickles, which are read without executing code from them."""

import csv
import io
import json
import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path

from data.errors import DataError, reading

# Globals in a pickle of arrays and numbers, as numpy has named them from 2019 to today.
ARRAYS = frozenset(
    {
        ("_codecs", "encode"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
    }
)


def file_text(path: Path) -> str:
    with reading(path):
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise ValueError("it has zero bytes, as an incomplete download or a text in UTF-16 has")
        return text


def data_lines(path: Path) -> list[tuple[int, str]]:
    """Numbers and content of the lines of a list that are neither empty nor comments."""
    lines = [(number, line.strip()) for number, line in enumerate(file_text(path).splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not lines:
        raise DataError(f"{path}: the file is empty; it should contain one item per line")
    return lines


def csv_rows(path: Path, columns: Iterable[str] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """Place in the file, and fields by column, of each row of a CSV file with a header. No row may lack `columns`."""
    with reading(path):
        rows = csv.DictReader(file_text(path).splitlines())
        for row in rows:
            if absent := [name for name in columns if not row.get(name)]:
                raise DataError(f"{path}:{rows.line_num}: no {', '.join(absent)}; a row has {', '.join(columns)}")
            yield f"{path}:{rows.line_num}", {name: value or "" for name, value in row.items() if name is not None}


def json_content(path: Path) -> object:
    with reading(path):
        return json.loads(file_text(path))


def class_number(text: str, num_classes: int) -> int | None:
    """Class number that a text gives, or None if it is no number from 0 to num_classes - 1."""
    return int(text) if text.isascii() and text.isdigit() and int(text) < num_classes else None


def unpickled(path: Path, encoding: str = "ASCII") -> object:
    """Content of a pickle of arrays, numbers and texts; `encoding` is that of texts of Python 2."""
    with reading(path):
        return ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding=encoding).load()


class ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> object:
        if (module_name, global_name) not in ARRAYS:
            raise pickle.UnpicklingError(f"no plain pickle of arrays: it names {module_name}.{global_name}")
        return super().find_class(module_name, global_name)
