"""Empty files, numbered pictures, and the messages of errors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.errors import DataError, DecodeError


def touched(root: Path, *names: str) -> Path:
    """Folder with empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def refusal(call: Callable[[], object], kind: type[ValueError] = DataError, *, missing: bool = False) -> str:
    """Message of the error of a call, which is one line. `missing`: whether it says that an item's file is missing."""
    with pytest.raises(kind) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, DecodeError) or caught.value.missing == missing
    return str(caught.value)


def write_frames(folder: Path, count: int, name: str = "frame_{:010d}.jpg") -> Path:
    """Pictures whose grey level is their number."""
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        Image.fromarray(np.full((6, 8, 3), number, np.uint8)).save(folder / name.format(number), quality=100)
    return folder
