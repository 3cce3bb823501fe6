"""Attention maps: which are asked for, what a file of them holds, and reading one back without a model.

A file is made by `experiments.runner.attention`. T token frames of h x w patches, F frames of H x W pixels.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.runner.files import StoreError, replacing
from experiments.runner.store import RunStore
from experiments.spec.figures import AttentionQuery
from experiments.spec.ids import digest
from experiments.spec.run import RunConfig

RECORDED = {
    "train_id", "weights", "video", "view", "query", "patch", "block", "num_blocks", "head", "num_heads", "seed",
    "data", "commit", "hardware",
}  # fmt: skip


class AttentionMaps(NamedTuple):
    """What one query looks at.

    Args:
        frames: what the model saw, RGB, uint8 (F, H, W, 3).
        maps: the attention in each token frame, float32 (T, h, w).
        record: how they came about; patch is the query's token frame, row and column.
    """

    frames: NDArray[np.uint8]
    maps: NDArray[np.float32]
    record: dict

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """The first of the frames that each token frame covers: (T, H, W, 3)."""
        return self.frames[:: len(self.frames) // len(self.maps)]


def maps_id(run: RunConfig, query: AttentionQuery) -> str:
    """Names the maps of a query within its run; the test protocol decides which frames are seen."""
    return digest({"query": query, "evaluation": run.evaluation})


def held_maps(run: RunConfig, store: RunStore, query: AttentionQuery) -> AttentionMaps | None:
    """The maps of a query, made here or published; None where there are none.

    Raises:
        StoreError: when their file is damaged.
    """
    path = store.attention_maps(run.train_id, maps_id(run, query))
    return read_maps(path) if path is not None else None


def write_maps(path: Path, made: AttentionMaps) -> None:
    """Keep maps in a file, whole or not at all.

    Raises:
        StoreError: when it cannot be written.
    """
    with replacing(path) as partial:
        np.savez_compressed(partial, frames=made.frames, maps=made.maps, record=np.array(json.dumps(made.record)))


def read_maps(path: Path) -> AttentionMaps:
    """The maps in a file.

    Raises:
        StoreError: when it is damaged or holds something else; pickles are never read.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            made = AttentionMaps(arrays["frames"], arrays["maps"], json.loads(str(arrays["record"])))
    except Exception as error:  # whatever the part that reads a damaged archive raises
        raise _damaged(path, str(error) or type(error).__name__) from None
    frames, maps, record = made
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise _damaged(path, f"frames are {frames.dtype} {frames.shape}")
    if maps.dtype != np.float32 or maps.ndim != 3 or 0 in maps.shape or len(frames) % len(maps) or not len(frames):
        raise _damaged(path, f"maps are {maps.dtype} {maps.shape} for {len(frames)} frames")
    if not np.isfinite(maps).all():
        raise _damaged(path, "maps are not all finite")
    if not (isinstance(record, dict) and record.keys() >= RECORDED):
        raise _damaged(path, "it does not say how it came about")
    return made


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path} holds no attention maps ({reason}); remove it to have it made again")
