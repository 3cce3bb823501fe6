"""Pictures kept beside results, in files of arrays from which figures are drawn without a model or a data set.

N clips. T token frames or shown frames, F frames of H x W pixels.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from msgspec import convert
from numpy.typing import NDArray

from experiments.spec.run import RunConfig
from runner.machine.files import StoreError, replacing

if TYPE_CHECKING:
    from runner.store.saved_scores import SavedScores


class AttentionMaps(NamedTuple):
    """Attention maps of one query."""

    folder = "attention_maps"

    frames: NDArray[np.uint8]  # (F, H, W, 3) of the clip, RGB
    maps: NDArray[np.float32]  # (T, h, w), one per token frame
    record: dict  # provenance; `patch` is the token frame, row and column of the query
    places: NDArray[np.float32] | None = None
    """Places that are read, other than the patches, (n, 4): token frame, x, y, weight. x and y are shares of a side."""

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """First frame of each token frame: (T, H, W, 3)."""
        return self.frames[:: len(self.frames) // len(self.maps)]


class MaskStrip(NamedTuple):
    """Frames of a sequence with their masks, numbers of objects."""

    folder = "mask_strips"

    numbers: NDArray[np.int64]  # (T,) indices of the frames in the sequence
    frames: NDArray[np.uint8]  # (T, H, W, 3) in RGB
    true: NDArray[np.uint8]  # (T, H, W)
    predicted: NDArray[np.uint8]
    record: dict  # provenance


class NamedAnswer(NamedTuple):
    """Answer to an item for one kind of label: the best classes with their shares of the scores."""

    kind: str
    label: str
    best: tuple[tuple[str, float], ...]
    is_correct: bool


class AnsweredClip(NamedTuple):
    """A clip, frames (F, H, W, 3), with the answers to it, one for each kind of label."""

    id: str
    frames: NDArray[np.uint8]
    answers: tuple[NamedAnswer, ...]


class AnsweredClips(NamedTuple):
    """A few clips of a test with its answers."""

    folder = "answered_clips"

    frames: NDArray[np.uint8]  # (N, F, H, W, 3), RGB
    record: list  # id of each clip, and the fields of its answers

    @property
    def clips(self) -> tuple[AnsweredClip, ...]:
        record = convert(self.record, list[tuple[str, tuple[NamedAnswer, ...]]])
        pairs = zip(record, self.frames, strict=True)
        return tuple(AnsweredClip(name, frames, answers) for (name, answers), frames in pairs)


class ShownClips(NamedTuple):
    """Clips of a test of an earlier version, whose answers follow from its scores."""

    folder = "shown_clips"

    places: NDArray[np.int64]  # (N,) indices of the items in the test
    frames: NDArray[np.uint8]  # as those of `AnsweredClips`


KeptPictures = AttentionMaps | MaskStrip | AnsweredClips
Pictures = TypeVar("Pictures", bound=KeptPictures | ShownClips)


def in_words(kind: type[KeptPictures | ShownClips]) -> str:
    return kind.folder.replace("_", " ")


def answered_clips(
    run: RunConfig, saved: "SavedScores", places: list[int], frames: NDArray[np.uint8]
) -> AnsweredClips | None:
    """Clips (N, F, H, W, 3) of some items with the answers of a test; None if it has no scores of classes."""
    answers = saved.scores.predictions()
    if answers is None:
        return None
    names = saved.names_of(run.data.targets)
    record = []
    for place in places:
        found = [
            NamedAnswer(a.kind, names[a.kind][a.label], tuple((names[a.kind][n], s) for n, s in a.best), a.is_correct)
            for a in answers.of_item(place)
        ]
        record.append([saved.ids[place], found])
    return AnsweredClips(frames, record)


def write_pictures(path: Path, pictures: KeptPictures | ShownClips) -> None:
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
        return kind(**fields)
    except Exception as error:  # damaged archives raise errors of many types
        reason = str(error) or type(error).__name__
        raise StoreError(f"{path} holds no {in_words(kind)} ({reason}); remove it to have it made again") from None
