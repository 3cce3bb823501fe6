"""Answers of a finished test with the names of their classes, from its saved scores and clips."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.spec.run import RunConfig
from lightning_modules.predictions import Predictions
from runner.machine.files import StoreError
from runner.store.kept_pictures import AnsweredClips, ShownClips, read_pictures, write_pictures
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import SavedScores, names_by_kind, read_scores
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


def held_clips(run: RunConfig, directories: list[RunDirectory]) -> tuple[AnsweredClip, ...]:
    """Clips with the answers of a test: the first in the directories, published or from its saved scores."""
    for directory in directories:
        path = directory.pictures(AnsweredClips.folder, run.eval_id)
        clips = answered(read_pictures(path, AnsweredClips)) if path.exists() else answered_here(run, directory)
        if clips:
            return clips
    return ()


def answered(published: AnsweredClips) -> tuple[AnsweredClip, ...]:
    """Clips of a published file."""
    return tuple(
        AnsweredClip(
            name,
            frames,
            tuple(NamedAnswer(k, label, tuple(map(tuple, best)), right) for k, label, best, right in found),
        )
        for (name, found), frames in zip(published.record, published.frames, strict=True)
    )


def answered_here(run: RunConfig, directory: RunDirectory) -> tuple[AnsweredClip, ...]:
    """Clips of a test with saved scores; empty without them."""
    found = saved_answers(run, directory)
    return found.clips if found is not None else ()


def publish_clips(run: RunConfig, store: RunStore) -> None:
    """Write clips with the answers of a test made here to the published results."""
    own = store.run(run.train_id)
    for directory in (own, own.of_released):
        if clips := answered_here(run, directory):
            path = store.published(directory).pictures(AnsweredClips.folder, run.eval_id)
            write_pictures(path, for_file(clips))


def for_file(clips: tuple[AnsweredClip, ...]) -> AnsweredClips:
    """Clips as in a published file."""
    return AnsweredClips(np.stack([clip.frames for clip in clips]), [[clip.id, clip.answers] for clip in clips])


def saved_answers(run: RunConfig, directory: RunDirectory) -> SavedAnswers | None:
    """Answers of the test of a run; None without saved scores of classes."""
    saved = read_scores(directory.predictions(run.eval_id), run)
    answers = saved.scores.predictions() if saved is not None else None
    if saved is None or answers is None:
        return None
    path = directory.pictures(ShownClips.folder, run.eval_id)
    try:
        clips = read_pictures(path, ShownClips) if path.exists() else None
    except StoreError:
        clips = None  # the confusions do not need them
    return named_answers(answers, saved, clips)


def named_answers(answers: Predictions, saved: SavedScores, clips: ShownClips | None) -> SavedAnswers:
    """Answers with the names of their classes."""
    named = names_by_kind(saved.class_names, answers.classes)
    names = {kind: (*found, *map(str, range(len(found), answers.classes[kind]))) for kind, found in named.items()}
    confusions = {kind: Confusion(answers.confusion(kind), names[kind]) for kind in answers.classes}
    shown = []
    for place, frames in zip(clips.places.tolist(), clips.frames, strict=True) if clips is not None else ():
        if place < len(saved.ids):
            found = (
                NamedAnswer(
                    a.kind, names[a.kind][a.label], tuple((names[a.kind][n], s) for n, s in a.best), a.is_correct
                )
                for a in answers.of_item(place)
            )
            shown.append(AnsweredClip(saved.ids[place], frames, tuple(found)))
    return SavedAnswers(confusions, tuple(shown))
