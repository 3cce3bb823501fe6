"""Pictures of the answers of a test: confusion matrices, and some clips."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.spec.run import RunConfig
from reports.figures.figures import png
from runner.inference.answers import AnsweredClip, Confusion, NamedAnswer, saved_answers
from runner.store.store import RunStore

CONFUSION, CLIPS = "confusion matrix", "test clips"
MOST_NAMED = 40  # largest number of classes whose names fit beside a matrix
LINE = 60  # characters per line above a clip
CORRECT, WRONG = "#007A3D", "#B00000"


def test_pictures(run: RunConfig, store: RunStore, *, released: bool = False) -> dict[str, bytes]:
    """Pictures of a test as PNG, by name; empty without saved scores of classes.

    Args:
        released: whether the weights are imported released ones.
    """
    answers = saved_answers(run, store, released=released)
    if answers is None:
        return {}
    pictures = {CONFUSION: png(confusion_matrices(answers.confusions))}
    return pictures | ({CLIPS: png(answered_clips(answers.clips))} if answers.clips else {})


def confusion_matrices(confusions: Mapping[str, Confusion]) -> Figure:
    """Matrices of all kinds of label side by side. Each row is the share of the items of a class."""
    figure = Figure(figsize=(6.4 * len(confusions), 5.6), dpi=110, layout="constrained")
    axes = figure.subplots(1, len(confusions), squeeze=False)[0]
    for axis, (kind, (counts, names)) in zip(axes, confusions.items(), strict=True):
        shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
        image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        accuracy = np.trace(counts) / max(1, counts.sum())
        axis.set_title(f"{kind}: {100 * accuracy:.1f} % of {counts.sum()} items are on the diagonal", fontsize="medium")
        axis.set_xlabel("predicted")
        axis.set_ylabel("label")
        if len(names) <= MOST_NAMED:
            size = 9 if len(names) <= MOST_NAMED // 2 else 6
            texts = [plain(name) for name in names]
            axis.set_xticks(range(len(names)), texts, rotation=90, fontsize=size)
            axis.set_yticks(range(len(names)), texts, fontsize=size)
        figure.colorbar(image, ax=axis, shrink=0.7, label="share of the items of the label")
    return figure


def answered_clips(clips: Sequence[AnsweredClip]) -> Figure:
    """Frames of clips in two columns, each clip below its label and best answers."""
    num_lines = (len(clips) + 1) // 2
    kinds = max(len(clip.answers) for clip in clips)
    figure = Figure(figsize=(11, num_lines * (1.75 + 0.35 * kinds)), dpi=110, layout="constrained")
    axes = list(figure.subplots(num_lines, 2, squeeze=False).flat)
    for axis, clip in zip(axes, clips, strict=False):
        axis.imshow(np.concatenate(list(clip.frames), axis=1))  # side by side
        draw_answers(axis, clip.answers)
    for axis in axes:
        axis.set_axis_off()
    return figure


def draw_answers(axis: Axes, answers: Sequence[NamedAnswer]) -> None:
    """Title above a clip: its label and answers, green if all are correct."""
    lines = [fill(plain(answer_text(answer)), LINE) for answer in answers]
    colour = CORRECT if all(answer.is_correct for answer in answers) else WRONG
    axis.set_title("\n".join(lines), fontsize="small", loc="left", color=colour)


def plain(text: str) -> str:
    return text.replace("$", r"\$")


def answer_text(answer: NamedAnswer) -> str:
    """Label and best answers in one line."""
    best = ", ".join(f"{name} {100 * share:.0f}\u00a0%" for name, share in answer.best)
    return f"{answer.kind}: {answer.label}. Answer: {best}"
