"""List of items that cannot be decoded. Readers count a listed item as unreadable, without opening its files.

A text file with one item a line: size and modification time of its files, its id, its name in messages, the error.
An entry holds only for files of that size and time: a file that was repaired or replaced is read again.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from data.errors import DataError, DecodeError, shortened

HEADER = "# bytes\tmodified (ns)\tid\tname\terror: items that `reproduce doctor` could not decode"


class Stamp(NamedTuple):
    """Size of the files of an item in bytes, and the time of the last change of one in nanoseconds.

    The time is 0 while the user has no right to read one of the files, so that they are read once the right is given.
    """

    num_bytes: int
    modified: int

    @classmethod
    def of(cls, files: Iterable[str]) -> Self | None:
        """Stamp of files; None if one is missing."""
        files = tuple(files)
        try:
            states = [os.stat(file) for file in files]
            readable = all(os.access(file, os.R_OK) for file in files)
        except (OSError, ValueError):  # ValueError: a NUL in the path
            return None
        modified = max((state.st_mtime_ns for state in states), default=0)
        return cls(sum(state.st_size for state in states), modified if readable else 0)


class BadFile(NamedTuple):
    """Item that cannot be decoded.

    `name`: name of the item in messages, which begins with its path.
    """

    stamp: Stamp
    id: str
    name: str
    reason: str


class BadFiles:
    """List of items of a data set that cannot be decoded, by id.

    Args:
        path: file of the list.
    """

    def __init__(self, path: Path, entries: Iterable[BadFile] = ()) -> None:
        self.path = path
        self.entries = {(entry.id, entry.stamp): entry for entry in entries}

    @classmethod
    def read(cls, path: Path) -> Self:
        """List in a file; an empty one if there is no file.

        Raises:
            DataError: for a line that is no entry, or a file that cannot be read.
        """
        try:
            lines = path.read_text().splitlines()
        except FileNotFoundError:
            return cls(path)
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path}: cannot be read ({error}); remove it, and `reproduce doctor` makes it again"
            ) from None
        entries = []
        for number, line in enumerate(lines, start=1):
            if not line or line.startswith("#"):
                continue
            try:
                num_bytes, modified, name_of_item, name, reason = line.split("\t")
                entries.append(BadFile(Stamp(int(num_bytes), int(modified)), name_of_item, name, reason))
            except ValueError:
                raise DataError(f"{path}:{number}: no entry of five fields; remove the line, or the file") from None
        return cls(path, entries)

    def text(self) -> str:
        """Content of the file."""
        entries = sorted(self.entries.values(), key=lambda entry: (entry.name, entry.id))
        lines = ("\t".join(map(shortened, (*map(str, e.stamp), e.id, e.name, e.reason))) for e in entries)
        return "\n".join([HEADER, *lines]) + "\n"

    def among(self, ids: Sequence[str], files: Sequence[tuple[str, ...]]) -> Mapping[int, DecodeError]:
        """Errors of the listed items of a split, by index.

        Args:
            files: files of each item.
        """
        listed = {name for name, _ in self.entries}
        found = {}
        for index in (index for index, name in enumerate(ids) if shortened(name) in listed) if listed else ():
            stamp = Stamp.of(files[index])
            entry = None if stamp is None else self.entries.get((shortened(ids[index]), stamp))
            if entry is not None:
                found[index] = DecodeError(entry.name, f"listed in {self.path}: {entry.reason}")
        return found
