"""Pickles that are read without executing code from the file: only named globals are allowed."""

import io
import pickle
from collections.abc import Collection
from typing import NoReturn

# Globals of pickled arrays, as numpy has named them from 2009 to today.
ARRAYS = {
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


class PlainUnpickler(pickle.Unpickler):
    """Unpickler that is restricted to some globals.

    Args:
        allowed: modules and names of the globals.
        encoding: of texts in pickles of Python 2.
    """

    def __init__(self, content: bytes, allowed: Collection[tuple[str, str]], encoding: str = "ASCII") -> None:
        super().__init__(io.BytesIO(content), encoding=encoding)
        self.allowed = allowed

    def find_class(self, module_name: str, global_name: str) -> object:
        """An allowed global."""
        if (module_name, global_name) not in self.allowed:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}")
        return super().find_class(module_name, global_name)

    def persistent_load(self, pid: object) -> NoReturn:
        """Reject persistent ids: they refer to other files."""
        raise pickle.UnpicklingError("it refers to other files")
