"""Content of pickle files, read without executing code from them."""

import io
import pickle
from collections.abc import Set
from pathlib import Path
from typing import NoReturn

from data.errors import DataError, shortened

Globals = Set[tuple[str, str]]

# Globals in a pickle of arrays and numbers, as numpy has named them from 2019 to today.
ARRAYS: Globals = frozenset(
    {
        ("_codecs", "encode"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
    }
)


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickler that is restricted to some globals.

    Args:
        allowed: modules and names of the globals.
        encoding: of texts in pickles of Python 2.
    """

    def __init__(self, file: io.BytesIO, allowed: Globals, encoding: str = "ASCII") -> None:
        super().__init__(file, encoding=encoding)
        self.allowed = allowed

    def find_class(self, module_name: str, global_name: str) -> object:
        """An allowed global."""
        if (module_name, global_name) not in self.allowed:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}")
        return super().find_class(module_name, global_name)

    def persistent_load(self, pid: object) -> NoReturn:
        """Reject persistent ids: such files have none."""
        raise pickle.UnpicklingError("it refers to other files")


def unpickled(path: Path, allowed: Globals, *, kind: str, remedy: str) -> object:
    """Content of a pickle file.

    Args:
        allowed: globals that it may name.
        kind: what the file should be, for the message.
        remedy: what to do with another file, for the message.

    Raises:
        DataError: if the file cannot be read, is damaged, or names other globals.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error
    return unpickled_content(content, path, allowed, kind=kind, remedy=remedy)


def unpickled_content(
    content: bytes, path: Path, allowed: Globals, *, kind: str, remedy: str, encoding: str = "ASCII"
) -> object:
    """Content of a pickle file that has been read.

    Args:
        encoding: of texts in pickles of Python 2.

    Raises:
        DataError: if the content is damaged, or names other globals.
    """
    try:
        return RestrictedUnpickler(io.BytesIO(content), allowed, encoding).load()
    except Exception as error:  # a broken pickle may raise anything
        raise DataError(f"{path}: not {kind} ({shortened(str(error))}); {remedy}") from error
