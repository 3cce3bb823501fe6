"""Pictures of the answers of tests: clips with the answers of rows, confusion matrices, and clips of one test."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.spec.figure_runs import ShownRun
from experiments.spec.figures import AnsweredClips as AnsweredFigure
from experiments.spec.figures import ShownAnswers
from experiments.spec.run import RunConfig
from reports.figures.drawer import KeptDrawer, empty_figure
from reports.pages.markup import Markdown
from reports.pages.report import Report
from runner.machine.files import StoreError
from runner.store.kept_pictures import kept_pictures
from runner.store.picture_files import AnsweredClip, AnsweredClips, NamedAnswer
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import SavedScores, read_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONFUSION, CLIPS = "confusion matrix", "test clips"
MOST_NAMED = 40  # largest number of classes whose names fit beside a matrix
WORDS = 60  # characters per line above a clip
LINE, LETTER = 0.2, 0.075  # inches
CORRECT, WRONG = "#007A3D", "#B00000"
DPI = 110


# Numbers of items by label (rows) and predicted class (columns), and the names of the classes.
Confusion = tuple[NDArray[np.int64], tuple[str, ...]]


class AnsweredClipDrawer(KeptDrawer[AnsweredClips]):
    """Draws clips with the answers of each row."""

    kind = AnsweredClips

    def __init__(self, report: Report, figure: AnsweredFigure) -> None:
        super().__init__(report, figure)
        shown = slice(figure.first, figure.first + figure.number)
        self.clips = {name: kept.clips[shown] for name, kept in self.shown.items()}

    def draw(self, notice: str | None) -> "Figure":
        first = next(iter(self.clips.values()))
        num_lines, below = -(-len(first) // 2), LINE * (2 + len(self.clips))
        figure = empty_figure(12.0, num_lines * (1.7 + below), notice)
        figure.get_layout_engine().set(hspace=0.14, h_pad=0.12)  # type: ignore[union-attr]
        axes = list(figure.subplots(num_lines, 2, squeeze=False).flat)
        for axis in axes:
            axis.set_axis_off()
        for index, (axis, clip) in enumerate(zip(axes, first, strict=False)):
            answers = {name: found[index].answers for name, found in self.clips.items() if index < len(found)}
            _draw_clip(axis, clip, answers)
        return figure

    def explanation(self) -> str:
        return (
            "The videos are evenly spaced in the test, and were not chosen by their answers. Green: a right answer, "
            "red: a wrong one, with its share of the scores."
        )

    def text(self, markup: Markdown) -> str:
        """Answers as a table; right ones are bold."""
        first = next(iter(self.clips.values()))
        lines = [
            [
                clip.id,
                markup.escaped(truth.label),
                *(_cell(found[place].answers[kind], markup) for found in self.clips.values()),
            ]
            for place, clip in enumerate(first)
            for kind, truth in enumerate(clip.answers)
        ]
        return markup.table([["video", "label", *self.clips]], lines)


def _cell(answer: NamedAnswer, markup: Markdown) -> str:
    text = markup.escaped(_share(*answer.best[0]))
    return markup.bold(text) if answer.is_correct else text


def _share(name: str, share: float) -> str:
    return f"{name} {100 * share:.0f}\u00a0%"


def _draw_clip(axis: "Axes", clip: AnsweredClip, answers: Mapping[str, Sequence[NamedAnswer]]) -> None:
    """Frames of a clip side by side, its labels, and a line for the answers of each row."""
    gap = ((0, 0), (0, 0), (0, 1), (0, 0))  # white, between frames
    axis.imshow(np.concatenate(list(np.pad(clip.frames, gap, constant_values=255)), axis=1))
    labels = ", ".join(f"{answer.kind}: {answer.label}" for answer in clip.answers)
    write = partial(
        axis.annotate, xy=(0, 0), xycoords="axes fraction", textcoords="offset points", va="top", fontsize="small"
    )
    write(_plain(labels), xytext=(0, -72 * 0.3 * LINE), weight="bold")
    for line, (name, found) in enumerate(answers.items(), start=1):
        drop = -72 * (line + 0.3) * LINE
        write(_plain(name), xytext=(0, drop))
        for column, answer in enumerate(found):
            colour = CORRECT if answer.is_correct else WRONG
            text = _plain(_share(*answer.best[0]))
            write(text, xy=(0.2 + 0.4 * column, 0), xytext=(0, drop), color=colour)


def pictures_of_test(run: RunConfig, directory: RunDirectory) -> "dict[str, Figure]":
    """Pictures of a test by name; empty without saved scores of classes."""
    saved = read_scores(directory.scores(run.eval_id), run)
    if saved is None or not (found := confusions(saved, run)):
        return {}
    pictures = {CONFUSION: confusion_matrices(found)}
    with suppress(StoreError):  # the confusions do not need the clips
        if isinstance(kept := kept_pictures(ShownRun("", run, ShownAnswers()), [directory]), AnsweredClips):
            pictures[CLIPS] = clips_of_test(kept.clips)
    return pictures


def confusions(saved: SavedScores, run: RunConfig) -> dict[str, Confusion]:
    """Confusions of a test by kind of label; empty for scores that are not of classes."""
    answers = saved.scores.predictions()
    if answers is None:
        return {}
    names = saved.names_of(run.data.targets)
    return {kind: (answers.confusion(kind), names[kind]) for kind in answers.classes}


def confusion_matrices(confusions: Mapping[str, Confusion]) -> "Figure":
    """Matrices of all kinds of label side by side. Each row is the share of the items of a class."""
    named = (names for _, names in confusions.values() if len(names) <= MOST_NAMED)
    for_names = LETTER * max((len(name) for names in named for name in names), default=0)
    figure = empty_figure((5.8 + for_names) * len(confusions), 5.6 + for_names, None, DPI)
    axes = figure.subplots(1, len(confusions), squeeze=False)[0]
    for axis, (kind, (counts, names)) in zip(axes, confusions.items(), strict=True):
        shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
        image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        accuracy = np.trace(counts) / max(1, counts.sum())
        title = f"{kind}: {100 * accuracy:.1f} % of {counts.sum()} items\nare on the diagonal"
        axis.set_title(title, fontsize="medium")
        axis.set_xlabel("predicted")
        axis.set_ylabel("label")
        if len(names) <= MOST_NAMED:
            size = 9 if len(names) <= MOST_NAMED // 2 else 6
            texts = [_plain(name) for name in names]
            axis.set_xticks(range(len(names)), texts, rotation=90, fontsize=size)
            axis.set_yticks(range(len(names)), texts, fontsize=size)
        figure.colorbar(image, ax=axis, shrink=0.7, label="share of the items of the label")
    return figure


def clips_of_test(clips: Sequence[AnsweredClip]) -> "Figure":
    """Frames of clips in two columns, each below its label and best answers, green if all are correct."""
    num_lines = (len(clips) + 1) // 2
    kinds = max(len(clip.answers) for clip in clips)
    figure = empty_figure(11, num_lines * (1.75 + 0.35 * kinds), None, DPI)
    axes = list(figure.subplots(num_lines, 2, squeeze=False).flat)
    for axis, clip in zip(axes, clips, strict=False):
        axis.imshow(np.concatenate(list(clip.frames), axis=1))  # side by side
        lines = [fill(_plain(_answer_text(answer)), WORDS) for answer in clip.answers]
        colour = CORRECT if all(answer.is_correct for answer in clip.answers) else WRONG
        axis.set_title("\n".join(lines), fontsize="small", loc="left", color=colour)
    for axis in axes:
        axis.set_axis_off()
    return figure


def _plain(text: str) -> str:
    return text.replace("$", r"\$")


def _answer_text(answer: NamedAnswer) -> str:
    best = ", ".join(_share(name, share) for name, share in answer.best)
    return f"{answer.kind}: {answer.label}. Answer: {best}"
