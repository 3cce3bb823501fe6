"""A few clips of a test, kept beside its scores so that its answers can be shown. N: clips. F: frames."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from data.config import DataConfig
from data.errors import DecodeError
from data.items import ItemList
from interface.evaluation import EvalConfig
from runner.machine.array_files import opened_arrays
from runner.machine.files import StoreError, replacing

NUM_CLIPS = 8
NUM_FRAMES = 4
LARGEST_SIDE = 112  # in pixels


class ShownClips(NamedTuple):
    """Clips of a test.

    `places`: indices of the items in the test, (N,).
    `frames`: a few frames of each clip, RGB, uint8 (N, F, height, width, 3).
    """

    places: NDArray[np.int64]
    frames: NDArray[np.uint8]


def decoded_clips(data: DataConfig, evaluation: EvalConfig, items: ItemList) -> ShownClips | None:
    """Clips from the middle views of items that are evenly spaced in the test, without unreadable ones.

    None if the items cannot be shown, or none of them can be read.
    """
    test_items = data.test_items(items, evaluation)
    places, clips = [], []
    for place in dict.fromkeys(np.linspace(0, len(items) - 1, NUM_CLIPS).round().astype(int).tolist()):
        try:
            frames = data.display(test_items.inputs(place, evaluation.views // 2))
        except DecodeError:
            continue
        if frames is None:
            return None
        places.append(place)
        clips.append(small(frames))
    return ShownClips(np.array(places), np.stack(clips)) if clips else None


def small(frames: Tensor) -> NDArray[np.uint8]:
    """Evenly spaced frames of a clip (F, 3, height, width), made small: (at most NUM_FRAMES, height, width, 3)."""
    chosen = frames[np.linspace(0, len(frames) - 1, min(NUM_FRAMES, len(frames))).round().astype(int)]
    height, width = chosen.shape[-2:]
    ratio = min(1.0, LARGEST_SIDE / max(height, width))
    if ratio < 1:
        resized = F.interpolate(chosen.float(), (round(ratio * height), round(ratio * width)), mode="area")
        chosen = resized.round().to(chosen.dtype)
    return chosen.permute(0, 2, 3, 1).contiguous().numpy()  # (F, height, width, 3)


def write_clips(path: Path, clips: ShownClips) -> None:
    """Write clips to a file, completely or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    with replacing(path) as partial:
        np.savez_compressed(partial, places=clips.places, frames=clips.frames)


def read_clips(path: Path) -> ShownClips | None:
    """Clips in a file; None if it does not exist. Pickled objects are never read.

    Raises:
        StoreError: if the file is damaged.
    """
    if not path.exists():
        return None
    with opened_arrays(path, _damaged) as arrays:
        clips = ShownClips(arrays["places"], arrays["frames"])
    if clips.frames.dtype != np.uint8 or clips.frames.ndim != 5 or len(clips.places) != len(clips.frames):
        raise _damaged(path, f"frames are {clips.frames.shape}")
    return clips


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path} holds no clips of a test ({reason}); remove it")
