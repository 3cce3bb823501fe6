"""Reading of files of arrays (.npz), of which a damaged one is named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from runner.machine.files import StoreError


@contextmanager
def opened_arrays(path: Path, damaged: Callable[[Path, str], StoreError]) -> Iterator[NpzFile]:
    """Arrays of a file, by name. Pickled objects are never read.

    Args:
        damaged: error for a path and a reason.

    Raises:
        StoreError: if the file cannot be read, or an error occurs while its arrays are taken.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except Exception as error:  # damaged archives raise errors of many types
        raise damaged(path, str(error) or type(error).__name__) from None
