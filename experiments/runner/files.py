"""Atomic writes, and reads that name a damaged file."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

REMEDY = "free space there or name another place with --runs"  # when a run cannot be written


class StoreError(OSError):
    """The run store cannot be read or written; the message says what to do."""


def write_atomically(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        StoreError: when the directory is read-only or the disk is full.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text)
        os.replace(aside, path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise StoreError(f"cannot write {path}: {reason}; {REMEDY}") from None


@contextmanager
def replacing(path: Path, *, remedy: str = f"{REMEDY}; the training is kept") -> Iterator[Path]:
    """A file to write that takes the place of `path` when it is whole.

    Args:
        path: the file.
        remedy: what to do when it cannot be written.

    Raises:
        StoreError: when it cannot be written.
    """
    partial = path.with_name(f".partial.{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"cannot write {path}: {reason}; {remedy}") from None


def read_json(path: Path) -> dict | None:
    """The JSON object in a file, or None where there is no file.

    Raises:
        StoreError: when the file holds something else.
    """
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}; move it away to have it made again") from None
    if not isinstance(value, dict):
        raise StoreError(f"cannot read {path}: it holds no JSON object; move it away to have it made again")
    return value


def read_record(path: Path, names: Iterable[str]) -> dict | None:
    """The JSON object in a file that has to hold some names, or None where there is no file.

    Raises:
        StoreError: when it holds something else.
    """
    record = read_json(path)
    lost = [name for name in names if record is not None and name not in record]
    if lost:
        raise StoreError(f"cannot read {path}: it lacks '{lost[0]}'; move it away to have it made again")
    return record
