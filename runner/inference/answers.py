"""Answers of a finished test with the names of their classes, from its saved scores and clips."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.spec.run import RunConfig
from lightning_modules.predictions import Predictions
from runner.machine.array_files import opened_arrays
from runner.machine.files import StoreError, replacing
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import SavedScores, read_scores
from runner.store.shown_clips import ShownClips, read_clips
from runner.store.store import RunStore


class Confusion(NamedTuple):
    """Numbers of items by label (rows) and predicted class (columns), and the names of the classes."""

    counts: NDArray[np.int64]
    names: tuple[str, ...]


class NamedAnswer(NamedTuple):
    """Answer to an item for one kind of label: its label, and the best classes with their shares of the scores."""

    kind: str
    label: str
    best: tuple[tuple[str, float], ...]
    is_correct: bool


class AnsweredClip(NamedTuple):
    """A clip, frames (F, height, width, 3), with the answers to it, one for each kind of label."""

    id: str
    frames: NDArray[np.uint8]
    answers: tuple[NamedAnswer, ...]


class SavedAnswers(NamedTuple):
    """Confusions of a test by kind of label, and some of its clips with their answers."""

    confusions: dict[str, Confusion]
    clips: tuple[AnsweredClip, ...]


def held_clips(run: RunConfig, store: RunStore) -> tuple[AnsweredClip, ...]:
    """Clips with the answers of a test, published in this store or from its saved scores; of released weights last.

    Raises:
        StoreError: if their file is damaged.
    """
    directory = store.run(run.train_id)
    for released in (False, True):
        if (path := directory.answered_clips(run.eval_id, released=released)).exists():
            return read_answered(path)
        found = saved_answers(run, store, released=released)
        if found is not None and found.clips:
            return found.clips
    return ()


def publish_clips(run: RunConfig, store: RunStore) -> None:
    """Write clips with the answers of a test made here to the published results.

    Raises:
        StoreError: if they cannot be written.
    """
    for released in (False, True):
        found = saved_answers(run, store, released=released)
        if store.results is not None and found is not None and found.clips:
            target = RunDirectory(store.results / run.train_id)
            write_answered(target.answered_clips(run.eval_id, released=released), found.clips)


def write_answered(path: Path, clips: tuple[AnsweredClip, ...]) -> None:
    """Write clips with answers to a file, completely or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    record = json.dumps([[clip.id, clip.answers] for clip in clips], ensure_ascii=False)
    with replacing(path) as partial:
        np.savez_compressed(partial, frames=np.stack([clip.frames for clip in clips]), record=np.array(record))


def read_answered(path: Path) -> tuple[AnsweredClip, ...]:
    """Clips with answers in a file. Pickled objects are never read.

    Raises:
        StoreError: if the file is damaged.
    """
    with opened_arrays(path, _damaged) as arrays:
        return tuple(
            AnsweredClip(
                name,
                frames,
                tuple(NamedAnswer(k, label, tuple(map(tuple, best)), right) for k, label, best, right in found),
            )
            for (name, found), frames in zip(json.loads(str(arrays["record"])), arrays["frames"], strict=True)
        )


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path} holds no clips with answers ({reason}); remove it, and publish the report again")


def saved_answers(run: RunConfig, store: RunStore, *, released: bool = False) -> SavedAnswers | None:
    """Answers of the test of a run; None without saved scores of classes.

    Args:
        released: whether the weights are imported released ones.
    """
    directory = store.run(run.train_id)
    saved = read_scores(directory.predictions(run.eval_id, released=released), run)
    answers = saved.scores.predictions() if saved is not None else None
    if saved is None or answers is None:
        return None
    try:
        clips = read_clips(directory.shown_clips(run.eval_id, released=released))
    except StoreError:
        clips = None  # the confusions do not need them
    return named_answers(answers, saved, clips)


def named_answers(answers: Predictions, saved: SavedScores, clips: ShownClips | None) -> SavedAnswers:
    """Answers with the names of their classes."""
    names = names_by_kind(answers, saved)
    confusions = {kind: Confusion(answers.confusion(kind), names[kind]) for kind in answers.classes}
    answered = []
    for place, frames in zip(clips.places.tolist(), clips.frames, strict=True) if clips is not None else ():
        if place < len(saved.ids):
            found = (
                NamedAnswer(
                    a.kind, names[a.kind][a.label], tuple((names[a.kind][n], s) for n, s in a.best), a.is_correct
                )
                for a in answers.of_item(place)
            )
            answered.append(AnsweredClip(saved.ids[place], frames, tuple(found)))
    return SavedAnswers(confusions, tuple(answered))


def names_by_kind(answers: Predictions, saved: SavedScores) -> dict[str, tuple[str, ...]]:
    """Names of the classes of each kind of label; the number of a class without a name."""
    names, start = {}, 0
    for kind, count in answers.classes.items():
        found = saved.class_names[start : start + count]
        names[kind] = (*found, *map(str, range(len(found), count)))
        start += count
    return names
