"""Pictures of the answers of a test, from its saved scores and clips: confusion matrices, and some clips."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.runner.files import StoreError
from experiments.runner.saved_scores import SavedScores, read_scores
from experiments.runner.shown_clips import ShownClips, read_clips
from experiments.runner.store import RunStore
from experiments.spec.run import RunConfig
from lightning_modules.answers import Answer, Answers
from reports.figures import png

CONFUSION, CLIPS = "confusion matrix", "test clips"
MOST_NAMED = 40  # largest number of classes whose names fit beside a matrix
LINE = 44  # characters per line above a clip
CORRECT, WRONG = "#007A3D", "#B00000"


def test_pictures(run: RunConfig, store: RunStore, *, released: bool = False) -> dict[str, bytes]:
    """Pictures of a test as PNG, by name; empty without saved scores of classes.

    Args:
        released: whether the weights are imported released ones.
    """
    directory = store.run(run.train_id)
    saved = read_scores(directory.predictions(run.eval_id, released=released), run)
    answers = saved.scores.answers() if saved is not None else None
    if saved is None or answers is None:
        return {}
    pictures = {CONFUSION: png(confusion_matrices(answers, saved.class_names))}
    try:
        clips = read_clips(directory.shown_clips(run.eval_id, released=released))
    except StoreError:
        clips = None  # the report does not need them
    if clips is not None and max(clips.places) < len(saved.ids):
        pictures[CLIPS] = png(answered_clips(clips, answers, saved))
    return pictures


def confusion_matrices(answers: Answers, class_names: Sequence[str]) -> Figure:
    """Matrices of all kinds of label side by side. Each row is the share of the items of a class."""
    figure = Figure(figsize=(6.4 * len(answers.classes), 5.6), dpi=110, layout="constrained")
    axes = figure.subplots(1, len(answers.classes), squeeze=False)[0]
    for axis, kind in zip(axes, answers.classes, strict=True):
        counts = answers.confusion(kind)
        shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
        image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        accuracy = np.trace(counts) / max(1, counts.sum())
        axis.set_title(f"{kind}: {100 * accuracy:.1f} % of {counts.sum()} items are on the diagonal", fontsize="medium")
        axis.set_xlabel("predicted")
        axis.set_ylabel("label")
        if len(counts) <= MOST_NAMED:
            names = names_of(kind, answers, class_names)
            size = 9 if len(counts) <= MOST_NAMED // 2 else 6
            axis.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
            axis.set_yticks(range(len(names)), names, fontsize=size)
        figure.colorbar(image, ax=axis, shrink=0.7, label="share of the items of the label")
    return figure


def answered_clips(clips: ShownClips, answers: Answers, saved: SavedScores) -> Figure:
    """Frames of clips in two columns, each clip below its id, label and best answers."""
    num_lines = (len(clips.places) + 1) // 2
    kinds = len(answers.classes)
    figure = Figure(figsize=(11, num_lines * (1.75 + 0.35 * kinds)), dpi=110, layout="constrained")
    axes = figure.subplots(num_lines, 2, squeeze=False).flat
    for axis, place, frames in zip(axes, clips.places.tolist(), clips.frames, strict=False):
        axis.imshow(np.concatenate(list(frames), axis=1))  # side by side
        draw_answers(axis, answers, place, saved)
    for axis in axes:
        axis.set_axis_off()
    return figure


def draw_answers(axis: Axes, answers: Answers, place: int, saved: SavedScores) -> None:
    """Title above a clip: its label and answers, green if all are correct."""
    found = answers.of_item(place)
    lines = [fill(answer_text(answer, names_of(answer.kind, answers, saved.class_names)), LINE) for answer in found]
    colour = CORRECT if all(answer.is_correct for answer in found) else WRONG
    axis.set_title("\n".join(lines), fontsize="small", loc="left", color=colour)
    axis.set_xlabel(saved.ids[place], fontsize="x-small", loc="left")
    axis.set_xticks([])
    axis.set_yticks([])


def answer_text(answer: Answer, names: Sequence[str]) -> str:
    """Label and best answers in one line."""
    best = ", ".join(f"{names[number]} {100 * share:.0f} %" for number, share in answer.best)
    return f"{answer.kind}: {names[answer.label]}. Answer: {best}"


def names_of(kind: str, answers: Answers, class_names: Sequence[str]) -> list[str]:
    """Names of the classes of a kind of label; the number of a class without a name."""
    kinds = list(answers.classes)
    start = sum(answers.classes[before] for before in kinds[: kinds.index(kind)])
    numbers = range(start, start + answers.classes[kind])
    return [class_names[n] if n < len(class_names) else str(n - start) for n in numbers]
