"""List of the items of a data set that `reproduce doctor` has decoded. A run counts those with an error as unreadable.

A text file to which one line an item is appended: size and time of change of its files, its id, its name in messages
and its error, both empty if all of it was decoded, then frames, frame rate and short side of a video. A line holds only
for files of that size and time: a file that was repaired or replaced is read again.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from data.config import VideoFacts
from data.errors import DataError, DecodeError, shortened

HEADER = "# bytes\tmodified (ns)\tid\tname\terror\tframes\tfps\tshort side: items that `reproduce doctor` has decoded\n"


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
        except OSError:
            return None
        modified = max((state.st_mtime_ns for state in states), default=0)
        are_readable = all(os.access(file, os.R_OK) for file in files)
        return cls(sum(state.st_size for state in states), modified if are_readable else 0)


class Decoded(NamedTuple):
    """Line of the list. `name` and `reason` are those of the error; `facts` are None for items that are no videos."""

    stamp: Stamp
    id: str
    name: str = ""
    reason: str = ""
    facts: VideoFacts | None = None

    @classmethod
    def read(cls, line: str) -> Self:
        """Line of a file; one without properties of a video is complete."""
        num_bytes, modified, item_id, name, reason, *facts = line.split("\t")
        frames, fps, short_side = facts or ("", "", "")
        found = VideoFacts(int(frames), float(fps), int(short_side)) if frames else None
        return cls(Stamp(int(num_bytes), int(modified)), item_id, name, reason, found)

    def __str__(self) -> str:
        fields = (*self.stamp, self.id, self.name, self.reason, *(self.facts or ()))
        return "\t".join(shortened(str(field)) for field in fields)


class DecodedFiles:
    """List of decoded items in a file; `earlier` is that of an earlier version, which has those with errors alone."""

    def __init__(self, path: Path, earlier: Path | None = None) -> None:
        self.path = path
        self.entries: dict[tuple[str, Stamp], Decoded] = {}
        for file in filter(None, (earlier, path)):
            try:
                lines = file.read_text().splitlines() if file.exists() else []
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{file}: cannot be read ({error}); remove it: `reproduce doctor` makes it") from None
            for number, line in enumerate(lines, start=1):
                try:
                    if line and not line.startswith("#"):
                        self._keep(Decoded.read(line))
                except ValueError:
                    raise DataError(f"{file}:{number}: no entry of five or eight fields; remove the line") from None

    def _keep(self, entry: Decoded) -> None:
        self.entries[shortened(entry.id), entry.stamp] = entry

    def add(self, entry: Decoded) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(f"{'' if file.tell() else HEADER}{entry}\n")
        except OSError as error:
            raise DataError(f"{self.path}: cannot be written ({error}); name another place with --runs") from None
        self._keep(entry)

    def of(self, item_id: str, files: Iterable[str]) -> Decoded | None:
        """Entry of an item whose files have not changed since."""
        stamp = Stamp.of(files)
        return None if stamp is None else self.entries.get((shortened(item_id), stamp))

    def errors(self, ids: Sequence[str], files: Sequence[tuple[str, ...]]) -> Mapping[int, DecodeError]:
        """Errors of the items of a split that could not be decoded, by index."""
        bad = {item_id for (item_id, _), entry in self.entries.items() if entry.reason}
        found = {}
        for index in (index for index, name in enumerate(ids) if shortened(name) in bad) if bad else ():
            entry = self.of(ids[index], files[index])
            if entry is not None and entry.reason:
                found[index] = DecodeError(entry.name, f"listed in {self.path}: {entry.reason}")
        return found
