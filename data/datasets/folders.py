"""Folders of data sets: their check, and the search for files in them."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from pathlib import Path

from data.errors import AbsentVideosError, DataError, MissingAnnotationError, reading, shortened

# Approximate number of listed paths that are tried first in the search for their base folder.
NUM_PROBED_PATHS = 64
VIDEO_SUFFIXES = (".mp4", ".webm", ".avi", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".3gp")
# Where published archives and the authors' code keep annotation files.
ANNOTATION_FOLDERS = (".", "annotations", "annotation", "labels", "trainValTest")
ABSENT_ALLOWED = ContextVar("absent videos are allowed", default=False)  # e.g. to list those that are needed


def checked_root(root: Path, name: str) -> Path:
    """Absolute path of the folder of a data set."""
    root = Path(os.path.abspath(root.expanduser()))
    with reading(root):
        if root.is_dir():
            fault = None if any(root.iterdir()) else "is empty"
        else:
            fault = "is a file" if root.exists() else "does not exist"
    if fault is not None:
        raise DataError(
            f"{name}: the data root {root} {fault}; give the folder of the data set with --data {name}=PATH"
        )
    return root


def first_file(root: Path, names: Sequence[str], folders: Iterable[str] = ANNOTATION_FOLDERS) -> Path | None:
    """First file with one of the names in one of the folders below a root, or None."""
    paths = (root / folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)


def needed_file(
    root: Path, names: Sequence[str], name: str, remedy: str, folders: Iterable[str] = ANNOTATION_FOLDERS
) -> Path:
    """First file with one of the names in one of the folders below the root of the data set `name`."""
    path = first_file(root, names, folders)
    if path is None:
        raise MissingAnnotationError(f"{name}: no {names[0]} in {root}; {remedy}")
    return path


def base_with(bases: Sequence[Path], paths: Sequence[str]) -> Path | None:
    """First folder in which one of the paths exists, or None. A few of the paths are tried in all folders first."""
    sample = paths[:: max(1, len(paths) // NUM_PROBED_PATHS)]
    for probed in (sample, paths):
        for base in bases:
            if any(os.path.exists(os.path.join(base, path)) for path in probed):
                return base
    return None


def refuse_duplicates(annotation: Path, names: Iterable[str], unit: str = "video") -> None:
    """Refuse annotations that name a video, or another unit, twice: it would count twice in every accuracy."""
    counts = Counter(names)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        others = f", {len(repeated) - 1} more are repeated" if len(repeated) > 1 else ""
        raise DataError(
            f"{annotation}: {repeated[0]} is listed {counts[repeated[0]]} times{others}; list each {unit} once"
        )


def refuse_absent(name: str, annotation: Path, paths: Sequence[str], remedy: str) -> None:
    """Refuse annotations of the data set of this name of which no video exists."""
    if not ABSENT_ALLOWED.get() and not any(os.path.exists(path) for path in dict.fromkeys(paths)):
        raise AbsentVideosError(
            f"{name}: none of the {len(paths)} videos of {annotation} exists, e.g. {shortened(paths[0])}; {remedy}"
        )


def files_by_stem(folder: Path | str, suffixes: tuple[str, ...] = VIDEO_SUFFIXES, depth: int = 1) -> dict[str, str]:
    """Paths of files with these suffixes, in any letter case, in `depth` levels of folders, by name without suffix."""
    found: dict[str, str] = {}
    for parent, below, names in os.walk(folder, followlinks=True):
        levels = len(Path(parent).relative_to(folder).parts)
        below[:] = sorted(below) if levels < depth - 1 else []
        for name in sorted(names):
            if name.lower().endswith(suffixes):
                found.setdefault(os.path.splitext(name)[0], os.path.join(parent, name))
    return found


def folders_in(base: Path) -> list[Path]:
    """Folders in a folder, in alphabetical order, without hidden ones."""
    return sorted(path for path in base.iterdir() if path.is_dir() and path.name[0] != ".") if base.is_dir() else []


def videos_below(folder: Path) -> list[str]:
    """Paths of the video files below a folder, relative to it. Other files, and hidden ones, are left out.

    Links are followed, but no folder is listed twice.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}); check its rights") from None

    found, visited = [], set()
    for parent, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        if (own := os.path.realpath(parent)) in visited:  # a link may lead to a folder above it
            folders.clear()
            continue
        visited.add(own)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        chosen = (name for name in files if name.lower().endswith(VIDEO_SUFFIXES) and not name.startswith("."))
        found += [checked_name(os.path.relpath(os.path.join(parent, name), folder)) for name in chosen]
    return sorted(found)


def checked_name(path: str) -> str:
    """A path that goes into lists and results."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise DataError(f"{shortened(path)}: the name is not text in UTF-8; rename it") from None
    return path
