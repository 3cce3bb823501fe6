"""Pictures kept beside results, in files of arrays from which figures are drawn without a model or a data set.

N clips. T token frames or shown frames, F frames of H x W pixels.
"""

import json
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from experiments.spec.figure_runs import ShownRun
from experiments.spec.figures import AttentionQuery
from experiments.spec.ids import digest
from experiments.spec.run import RunConfig
from runner.machine.files import StoreError, replacing


class AttentionMaps(NamedTuple):
    """Attention maps of one query.

    Args:
        frames: frames of the clip, RGB, uint8 (F, H, W, 3).
        maps: one map per token frame, float32 (T, h, w).
        record: provenance. `patch` is the token frame, row and column of the query.
        places: what is read at places that are not the patches, float32 (n, 4): token frame, x, y and weight of each, x
            and y as shares of the picture. None if the patches are read.
    """

    folder = "attention_maps"

    frames: NDArray[np.uint8]
    maps: NDArray[np.float32]
    record: dict
    places: NDArray[np.float32] | None = None

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """First frame of each token frame: (T, H, W, 3)."""
        return self.frames[:: len(self.frames) // len(self.maps)]

    @property
    def is_whole(self) -> bool:
        """Whether the arrays fit each other."""
        at_places = np.zeros((0, 4), np.float32) if self.places is None else self.places
        return (
            self.frames.dtype == np.uint8
            and self.frames.ndim == 4
            and len(self.frames) > 0
            and self.maps.dtype == at_places.dtype == np.float32
            and self.maps.ndim == 3
            and self.maps.size > 0
            and len(self.frames) % len(self.maps) == 0
            and at_places.shape[1:] == (4,)
            and bool(np.isfinite(self.maps).all() and np.isfinite(at_places).all())
            and {"train_id", "weights", "video", "query", "patch", "commit", "hardware"} <= self.record.keys()
        )


class MaskStrip(NamedTuple):
    """Frames of a sequence with their masks.

    Args:
        numbers: (T,) indices of the frames in the sequence.
        frames: (T, H, W, 3) in RGB.
        true, predicted: (T, H, W), numbers of objects.
        record: provenance.
    """

    folder = "mask_strips"

    numbers: NDArray[np.int64]
    frames: NDArray[np.uint8]
    true: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    record: dict

    @property
    def is_whole(self) -> bool:
        """Whether the arrays fit each other."""
        return (
            self.frames.shape == (*self.true.shape, 3)
            and self.true.shape == self.predicted.shape
            and self.true.size > 0
            and self.numbers.shape == self.true.shape[:1]
            and {self.frames.dtype, self.true.dtype, self.predicted.dtype} == {np.dtype("u1")}
            and {"train_id", "weights", "sequence", "commit", "hardware"} <= self.record.keys()
        )


class ShownClips(NamedTuple):
    """A few clips of a test, kept so that its answers can be shown.

    `places`: indices of the items in the test, (N,).
    `frames`: a few frames of each clip, RGB, uint8 (N, F, H, W, 3).
    """

    folder = "shown_clips"

    places: NDArray[np.int64]
    frames: NDArray[np.uint8]

    @property
    def is_whole(self) -> bool:
        """Whether the arrays fit each other."""
        return self.frames.dtype == np.uint8 and self.frames.ndim == 5 and len(self.places) == len(self.frames)


class AnsweredClips(NamedTuple):
    """Published clips of a test with its answers, which in its own run follow from the scores.

    `frames`: a few frames of each clip, RGB, uint8 (N, F, H, W, 3).
    `record`: id of each clip, and its answers.
    """

    folder = "answered_clips"

    frames: NDArray[np.uint8]
    record: list

    @property
    def is_whole(self) -> bool:
        """Whether each clip has answers."""
        return len(self.record) == len(self.frames)


Pictures = TypeVar("Pictures", AttentionMaps, MaskStrip, ShownClips, AnsweredClips)


def maps_id(run: RunConfig, query: AttentionQuery) -> str:
    """Id of a query's maps within its run. It depends on the test protocol, which determines the frames of the clip."""
    return digest({"query": query, "evaluation": run.evaluation})


def strip_id(shown: ShownRun) -> str:
    """Id of a strip within its run."""
    run = shown.run
    return digest({"sequence": shown.sequence, "frames": shown.num_frames, "evaluation": run.evaluation})


def write_pictures(path: Path, pictures: AttentionMaps | MaskStrip | ShownClips | AnsweredClips) -> None:
    """Write pictures to a file, completely or not at all."""
    fields = pictures._asdict()
    if "record" in fields:
        fields["record"] = json.dumps(fields["record"], ensure_ascii=False)
    with replacing(path) as partial:
        np.savez_compressed(partial, **{name: value for name, value in fields.items() if value is not None})


def read_pictures(path: Path, kind: type[Pictures]) -> Pictures:
    """Pictures in a file. Pickled objects are never read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            fields = {name: arrays[name] for name in kind._fields if name in arrays.files}
        if "record" in fields:
            fields["record"] = json.loads(str(fields["record"]))
        pictures = kind(**fields)
        if not pictures.is_whole:
            raise ValueError("its arrays do not fit each other")
    except Exception as error:  # damaged archives raise errors of many types
        what, reason = kind.folder.replace("_", " "), str(error) or type(error).__name__
        raise StoreError(f"{path} holds no {what} ({reason}); remove it to have it made again") from None
    return pictures
