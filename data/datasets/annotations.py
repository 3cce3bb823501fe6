"""Content of annotation files. Whatever a file contains, an error is one short line that names it and the remedy."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from data.errors import DataError, shortened

# Longer numbers are no class. Python itself rejects those above 4,300 digits with another error.
MAX_DIGITS = 9


def file_text(path: Path) -> str:
    """Text of an annotation file.

    Raises:
        DataError: if the file is unreadable, not UTF-8 text, or contains a NUL character.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{path}:{line}: a NUL character; an annotation file is plain text: write or download it again")
    return text


def csv_fields(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of each row of a CSV file, the header included.

    Raises:
        DataError: if the lines are not CSV, or a field is too long.
    """
    rows = csv.reader(lines)
    try:
        for fields in rows:
            if fields:
                yield rows.line_num, fields
    except csv.Error as error:
        raise DataError(
            f"{path}:{rows.line_num}: not a CSV row ({error}); close its quotation marks, or download the file again"
        ) from None


def csv_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Location in the file, and fields by column of each row of a CSV file with a header.

    Raises:
        DataError: as `file_text` and `csv_fields`.
    """
    rows = csv_fields(path, file_text(path).splitlines())
    header = [name.strip() for name in next(rows, (1, []))[1]]
    for number, fields in rows:
        yield f"{path}:{number}", dict(zip(header, fields, strict=False))


def json_content(path: Path) -> object:
    """Content of a JSON file.

    Raises:
        DataError: if the file is not JSON, nested too deeply, or contains a number that is too long.
    """
    try:
        return json.loads(file_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON ({error.msg}); download the file again") from None
    except RecursionError:
        raise DataError(f"{path}: its lists are nested too deeply; download the file again") from None
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: a number is too long ({shortened(str(error))}); download the file again") from None


def class_number(text: str, num_classes: int) -> int | None:
    """Class number that a text gives, or None if it is no number from 0 to num_classes - 1."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    return int(text) if is_number and int(text) < num_classes else None
