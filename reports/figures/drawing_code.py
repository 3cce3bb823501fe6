"""Comparison of saved pictures with the time of the code that draws them, as `make` compares files."""

from collections.abc import Iterator
from pathlib import Path

from experiments.spec.catalog import paper_folders


def is_newer_than_code(picture: Path) -> bool:
    """Whether a picture was saved after the last change of the code of reports and tables.

    Raises:
        OSError: if the picture cannot be read.
    """
    return picture.stat().st_mtime > max(file.stat().st_mtime for file in _source_files())


def _source_files() -> Iterator[Path]:
    yield from Path(__file__).parents[1].rglob("*.py")
    for folder in paper_folders():
        yield from folder.rglob("*.py")
