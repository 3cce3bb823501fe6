"""Atomic writes, and reads with errors that name the damaged file."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

REMEDY = "free space there or name another place with --runs"  # for files of a run that cannot be written


class StoreError(OSError):
    """The run store cannot be read or written. The message contains the remedy."""


def write_atomically(path: Path, text: str) -> None:
    """Write a file completely or not at all.

    Raises:
        StoreError: if the directory is read-only or the disk is full.
    """
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_text(text)


@contextmanager
def replacing(path: Path, *, remedy: str = f"{REMEDY}; the training is kept") -> Iterator[Path]:
    """Temporary file for the caller to write, which replaces `path` at the end of the block.

    Args:
        remedy: the remedy in the error message.

    Raises:
        StoreError: if the file cannot be written.
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
    """JSON object in a file; None if the file does not exist.

    Raises:
        StoreError: if the file contains anything else.
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
    """JSON object with required fields in a file; None if the file does not exist.

    Raises:
        StoreError: if a field is missing, or the file contains anything else.
    """
    record = read_json(path)
    missing = [name for name in names if record is not None and name not in record]
    if missing:
        raise StoreError(f"cannot read {path}: it lacks '{missing[0]}'; move it away to have it made again")
    return record
