"""Content of pickles of arrays, numbers and texts, read without executing code from them."""

import io
import pickle
from pathlib import Path

from data.errors import reading

# Globals in a pickle of arrays and numbers, as numpy has named them from 2019 to today.
ARRAYS = frozenset(
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


def unpickled(path: Path, encoding: str = "ASCII") -> object:
    """Content of a pickle; `encoding` is that of texts of Python 2."""
    with reading(path):
        return ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding=encoding).load()


class ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> object:
        if (module_name, global_name) not in ARRAYS:
            raise pickle.UnpicklingError(f"no plain pickle of arrays: it names {module_name}.{global_name}")
        return super().find_class(module_name, global_name)
