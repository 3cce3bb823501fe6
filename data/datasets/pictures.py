"""Pictures as sequences of grey values, row by row. A value is its id, so that black is padding."""

import numpy as np
from numpy.typing import NDArray

from data.datasets.token_lists import Ids

NUM_VALUES = 256


def grey_ids(picture: NDArray[np.uint8], pool: int) -> Ids:
    """Ids of a picture (height, width), of which squares of `pool` x `pool` pixels are averaged."""
    if pool == 1:
        return picture.reshape(-1).astype(np.int64)
    height, width = picture.shape
    squares = picture.reshape(height // pool, pool, width // pool, pool).astype(np.float64)
    return np.rint(squares.mean(axis=(1, 3))).astype(np.int64).reshape(-1)


def check_pool(pool: int, side: int) -> None:
    """Refuse squares that do not divide a picture.

    Raises:
        ValueError: with the field.
    """
    if not 1 <= pool <= side or side % pool:
        raise ValueError(f"data.dataset.pool is {pool}; it must divide the side of the pictures, {side}")
