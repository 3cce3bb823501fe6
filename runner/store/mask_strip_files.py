"""Files with the masks of some frames of a test sequence, from which figures are drawn without the data set.

T shown frames of H x W pixels.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.spec.ids import digest
from experiments.spec.shown_sequences import ShownRun
from runner.machine.array_files import opened_arrays
from runner.machine.files import StoreError, replacing
from runner.store.store import RunStore

RECORD_FIELDS = {"train_id", "weights", "sequence", "seed", "data", "commit", "hardware"}


class MaskStrip(NamedTuple):
    """Frames of a sequence with their masks.

    Args:
        numbers: (T,) indices of the frames in the sequence.
        frames: (T, H, W, 3) in RGB.
        true, predicted: (T, H, W), numbers of objects.
        record: provenance.
    """

    numbers: NDArray[np.int64]
    frames: NDArray[np.uint8]
    true: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    record: dict


def strip_id(shown: ShownRun) -> str:
    """Id of a strip within its run."""
    run = shown.run
    return digest({"sequence": shown.sequence, "frames": shown.num_frames, "evaluation": run.evaluation})


def held_strip(shown: ShownRun, store: RunStore) -> MaskStrip | None:
    """Strip of a run, made here or published; None if there is none.

    Raises:
        StoreError: if its file is damaged.
    """
    path = store.mask_strip(shown.run.train_id, strip_id(shown))
    return read_strip(path) if path is not None else None


def write_strip(path: Path, strip: MaskStrip) -> None:
    """Write a strip to a file, completely or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    arrays = {name: value for name, value in strip._asdict().items() if name != "record"}
    with replacing(path) as partial:
        np.savez_compressed(partial, **arrays, record=np.array(json.dumps(strip.record)))


def read_strip(path: Path) -> MaskStrip:
    """Strip in a file. Pickled objects are never read.

    Raises:
        StoreError: if the file is damaged or contains anything else.
    """
    with opened_arrays(path, _damaged) as arrays:
        parts = {name: arrays[name] for name in MaskStrip._fields if name != "record"}
        strip = MaskStrip(**parts, record=json.loads(str(arrays["record"])))
    shape = strip.true.shape
    if strip.frames.shape != (*shape, 3) or strip.predicted.shape != shape or strip.numbers.shape != shape[:1]:
        raise _damaged(path, f"frames are {strip.frames.shape}, masks are {shape} and {strip.predicted.shape}")
    if (
        len(shape) != 3
        or 0 in shape
        or {strip.frames.dtype, strip.true.dtype, strip.predicted.dtype} != {np.dtype("u1")}
    ):
        raise _damaged(path, f"masks are {strip.true.dtype} {shape}")
    if not (isinstance(strip.record, dict) and strip.record.keys() >= RECORD_FIELDS):
        raise _damaged(path, "its record is incomplete")
    return strip


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path} holds no masks of a sequence ({reason}); remove it to have it made again")
