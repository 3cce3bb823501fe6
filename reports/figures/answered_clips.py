"""Frames of test videos with the answers of each row of a table."""

import json
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from tabulate import tabulate

from experiments.spec.figures import AnsweredClips
from reports.figures.drawer import Drawer
from reports.figures.empty_figure import empty_figure
from reports.figures.mask_strip_drawer import digest_of_array
from reports.figures.test_pictures import CORRECT, WRONG, plain
from reports.pages.labels import row_names
from reports.pages.markdown_markup import MARKDOWN
from reports.pages.report import Report
from runner.inference.answers import AnsweredClip, NamedAnswer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE = 0.2  # inches


class AnsweredClipDrawer(Drawer):
    """Draws clips with answers. Their data are stored with the runs, not with the report."""

    saves_data = False

    def __init__(self, report: Report, figure: AnsweredClips) -> None:
        super().__init__(report)
        names = row_names(report.table)
        shown = slice(figure.first, figure.first + figure.number)
        self.clips = {
            names[row.row.key]: report.answered_clips[row.row.key][shown]
            for row in report.rows
            if row.row.key in report.answered_clips
        }

    def has_content(self) -> bool:
        return any(self.clips.values())

    def data(self) -> str:
        clips = {
            name: [[clip.id, digest_of_array(clip.frames), clip.answers] for clip in found]
            for name, found in self.clips.items()
        }
        return json.dumps(clips)

    def draw(self, notice: str | None) -> "Figure":
        first = next(iter(self.clips.values()))
        num_lines, below = -(-len(first) // 2), LINE * (2 + len(self.clips))
        figure = empty_figure(12.0, num_lines * (1.7 + below), notice)
        figure.get_layout_engine().set(hspace=0.14, h_pad=0.12)  # type: ignore[union-attr]
        axes = list(figure.subplots(num_lines, 2, squeeze=False).flat)
        for axis in axes:
            axis.set_axis_off()
        for index, (axis, clip) in enumerate(zip(axes, first, strict=False)):
            _draw(axis, clip, {name: found[index].answers for name, found in self.clips.items() if index < len(found)})
        return figure

    def explanation(self) -> str:
        return (
            "The videos are evenly spaced in the test, and were not chosen by their answers. Green: a right answer, "
            "red: a wrong one, with its share of the scores."
        )

    def text(self) -> str:
        first = next(iter(self.clips.values()))
        lines = [
            [
                clip.id,
                MARKDOWN.escaped(truth.label),
                *(_cell(found[place].answers[kind]) for found in self.clips.values()),
            ]
            for place, clip in enumerate(first)
            for kind, truth in enumerate(clip.answers)
        ]
        return tabulate(lines, ["video", "label", *self.clips], tablefmt="pipe", disable_numparse=True)


def _cell(answer: NamedAnswer) -> str:
    text = MARKDOWN.escaped(_best(answer))
    return MARKDOWN.bold(text) if answer.is_correct else text


def _best(answer: NamedAnswer) -> str:
    name, share = answer.best[0]
    return f"{name} {100 * share:.0f}\u00a0%"


def _draw(axis: "Axes", clip: AnsweredClip, answers: dict[str, tuple[NamedAnswer, ...]]) -> None:
    gap = ((0, 0), (0, 0), (0, 1), (0, 0))  # white, between frames side by side
    axis.imshow(np.concatenate(list(np.pad(clip.frames, gap, constant_values=255)), axis=1))
    labels = ", ".join(f"{answer.kind}: {answer.label}" for answer in clip.answers)
    write = partial(
        axis.annotate, xy=(0, 0), xycoords="axes fraction", textcoords="offset points", va="top", fontsize="small"
    )
    write(plain(labels), xytext=(0, -72 * 0.3 * LINE), weight="bold")
    for line, (name, found) in enumerate(answers.items(), start=1):
        drop = -72 * (line + 0.3) * LINE
        write(plain(name), xytext=(0, drop))
        for column, answer in enumerate(found):
            colour = CORRECT if answer.is_correct else WRONG
            write(plain(_best(answer)), xy=(0.2 + 0.4 * column, 0), xytext=(0, drop), color=colour)
