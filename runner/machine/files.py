"""Atomic writes, and reads with errors that name the damaged file.

Errors for users are ValueError, DataError and StoreError with a message of one line, which the command prints. The
docstrings of this package name only errors that a caller handles.
"""

import errno
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec
from safetensors import SafetensorError

from data.leases import check_held

REMEDY = "name another place with --runs"  # for files of a run that cannot be written
PARTIAL = ".partial."  # start of the names of temporary files
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

Record = TypeVar("Record", bound=msgspec.Struct)


class StoreError(OSError):
    """The run store cannot be read or written. The message contains the remedy."""


def write_atomically(path: Path, text: str) -> None:
    """Write a file completely or not at all."""
    with replacing(path) as partial:
        partial.write_text(text)


@contextmanager
def replacing(path: Path, *, remedy: str = REMEDY) -> Iterator[Path]:
    """Temporary file for the caller to write, which replaces `path` at the end of the block."""
    partial = path.with_name(f"{PARTIAL}{socket.gethostname()}.{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        check_held()
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise unwritable(path, error, remedy) from None


def unwritable(path: Path, error: OSError | SafetensorError, remedy: str = REMEDY) -> StoreError:
    """Error for a file that cannot be written, with a remedy besides free space, which helps only on a full disk."""
    reason = getattr(error, "strerror", None) or str(error)
    is_full = getattr(error, "errno", None) in NO_SPACE or "No space left" in reason
    return StoreError(f"cannot write {path}: {reason}; {'free space there or ' if is_full else ''}{remedy}")


def json_object(path: Path) -> dict | None:
    """JSON object in a file; None if the file does not exist. A ValueError says why it cannot be read."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path}: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"cannot read {path}: it holds no JSON object")
    return value


def read_json(path: Path) -> dict | None:
    """As `json_object`, with a StoreError."""
    try:
        return json_object(path)
    except ValueError as error:
        raise StoreError(f"{error}; move it away to have it made again") from None


def read_record(path: Path, kind: type[Record]) -> Record | None:
    """Record in a JSON file; None if the file does not exist."""
    fields = read_json(path)
    try:
        return None if fields is None else msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise StoreError(f"cannot read {path}: {error}; move it away to have it made again") from None


def write_record(path: Path, record: msgspec.Struct) -> None:
    write_atomically(path, json.dumps(msgspec.to_builtins(record), indent=1) + "\n")


def free_bytes(folder: Path) -> int:
    """Free bytes of the disk of a folder, which need not exist."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """A folder or, if it does not exist, the nearest of its parents that does."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())
