"""Files of attention maps, readable without a model.

`runner.inference.attention` computes the maps. T token frames of h x w patches, F frames of H x W pixels.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.spec.figures import AttentionQuery
from experiments.spec.ids import digest
from experiments.spec.run import RunConfig
from runner.machine.array_files import opened_arrays
from runner.machine.files import StoreError, replacing
from runner.store.store import RunStore

RECORD_FIELDS = {
    "train_id", "weights", "video", "view", "query", "patch", "block", "num_blocks", "head", "num_heads", "seed",
    "data", "commit", "hardware",
}  # fmt: skip


class AttentionMaps(NamedTuple):
    """Attention maps of one query.

    Args:
        frames: frames of the clip, RGB, uint8 (F, H, W, 3).
        maps: one map per token frame, float32 (T, h, w).
        record: provenance. `patch` is the token frame, row and column of the query.
        places: what is read at places that are not the patches, float32 (n, 4): token frame, x, y and weight of each, x
            and y as shares of the picture. None if the patches are read.
    """

    frames: NDArray[np.uint8]
    maps: NDArray[np.float32]
    record: dict
    places: NDArray[np.float32] | None = None

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """First frame of each token frame: (T, H, W, 3)."""
        return self.frames[:: len(self.frames) // len(self.maps)]


def maps_id(run: RunConfig, query: AttentionQuery) -> str:
    """Id of a query's maps within its run. It depends on the test protocol, which determines the frames of the clip."""
    return digest({"query": query, "evaluation": run.evaluation})


def held_maps(run: RunConfig, store: RunStore, query: AttentionQuery) -> AttentionMaps | None:
    """Maps of a query, made here or published; None if there are none.

    Raises:
        StoreError: if their file is damaged.
    """
    path = store.attention_maps(run.train_id, maps_id(run, query))
    return read_maps(path) if path is not None else None


def write_maps(path: Path, attention: AttentionMaps) -> None:
    """Write maps to a file, completely or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    with replacing(path) as partial:
        arrays = {name: getattr(attention, name) for name in ("frames", "maps", "places")}
        kept = {name: array for name, array in arrays.items() if array is not None}
        np.savez_compressed(partial, **kept, record=np.array(json.dumps(attention.record)))


def read_maps(path: Path) -> AttentionMaps:
    """Maps in a file. Pickled objects are never read.

    Raises:
        StoreError: if the file is damaged or contains anything else.
    """
    with opened_arrays(path, _damaged) as arrays:
        places = arrays.get("places")
        attention = AttentionMaps(arrays["frames"], arrays["maps"], json.loads(str(arrays["record"])), places)
    frames, maps, record, places = attention
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise _damaged(path, f"frames are {frames.dtype} {frames.shape}")
    if maps.dtype != np.float32 or maps.ndim != 3 or 0 in maps.shape or len(frames) % len(maps) or not len(frames):
        raise _damaged(path, f"maps are {maps.dtype} {maps.shape} for {len(frames)} frames")
    if not np.isfinite(maps).all():
        raise _damaged(path, "maps are not all finite")
    if places is not None and (places.dtype != np.float32 or places.ndim != 2 or places.shape[1] != 4):
        raise _damaged(path, f"places are {places.dtype} {places.shape}")
    if places is not None and not np.isfinite(places).all():
        raise _damaged(path, "places are not all finite")
    if not (isinstance(record, dict) and record.keys() >= RECORD_FIELDS):
        raise _damaged(path, "its record is incomplete")
    return attention


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path} holds no attention maps ({reason}); remove it to have it made again")
