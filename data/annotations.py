"""Content of annotation files: text, CSV and JSON."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from data.errors import DataError, reading


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
