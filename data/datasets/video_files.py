"""Folders of video files: the folders in one, and the video files below one, without hidden ones."""

import os
from pathlib import Path

from data.datasets.videos import VIDEO_SUFFIXES
from data.errors import DataError, shortened


def folders_in(base: Path) -> list[Path]:
    """Folders in a folder, in alphabetical order, without hidden ones.

    Raises:
        DataError: for a name that is not text.
    """
    if not base.is_dir():
        return []
    found = sorted(entry.path for entry in os.scandir(base) if entry.is_dir() and entry.name[0] != ".")
    return [Path(checked_name(path)) for path in found]


def videos_below(folder: Path) -> list[str]:
    """Paths of the video files below a folder, relative to it. Other files, and hidden ones, are left out.

    Raises:
        DataError: if a folder cannot be read, or for a name that is not text.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}); check its rights") from None

    found = []
    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names = (name for name in files if name.lower().endswith(VIDEO_SUFFIXES) and not name.startswith("."))
        found += [os.path.relpath(checked_name(os.path.join(parent, name)), folder) for name in names]
    return sorted(found)


def checked_name(path: str) -> str:
    """The path of a file or folder, whose name goes into lists and results.

    Raises:
        DataError: for a name that is not text in UTF-8.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        raise DataError(f"{shortened(path)}: the name is not text in UTF-8; rename it") from None
    return path
