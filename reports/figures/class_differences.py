"""Differences of the scores of two rows, by class or by category of classes: bars, their data as CSV, and means."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from experiments.spec.class_f1 import ClassF1, categories_of, f1_by_class, weighted_mean
from experiments.spec.figures import ClassDifferences, ClassPanel
from reports.figures.drawer import Drawer, empty_figure
from reports.pages.markup import Markdown
from reports.pages.report import Report
from reports.pages.table_texts import DASH
from reports.pages.tidy_frame import csv_text
from runner.store.records import fields_of_test

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scores = Mapping[str, ClassF1]  # by class

BARS = 60  # largest number of bars below each other
GAIN, LOSS = "#009E73", "#D55E00"


class Difference(NamedTuple):
    """Mean number of test items of a class or category, and scores of two rows in percent."""

    name: str
    items: int
    percent: float
    other_percent: float

    @property
    def points(self) -> float:
        return self.percent - self.other_percent


def scores_by_class(result: Mapping, kind: str | None) -> Scores:
    """F1 of the classes of a kind of label; without a kind, their accuracies."""
    if kind is not None:
        return f1_by_class(result, kind)
    return {name: ClassF1(100 * hits / items, items) for name, (hits, items) in result.get("classes", {}).items()}


def paired_scores(report: Report, panel: ClassPanel) -> list[tuple[Scores, Scores]]:
    """Scores of the two rows of a panel for each seed that both have finished.

    Results without counts by class are left out, and pairs whose classes have different numbers of items.
    """
    own, others = (
        {seed: scores_by_class(result, panel.kind) for seed, result in _results(report, key, panel.column).items()}
        for key in (panel.row, panel.relative_to)
    )
    both = [(scores, others[seed]) for seed, scores in own.items() if seed in others]
    return [(scores, other) for scores, other in both if scores and _supports(scores) == _supports(other)]


def _results(report: Report, key: str, column: str) -> dict[int, dict]:
    """Results of the finished tests of a cell, by seed."""
    results = [found for cell in report.column(column) if cell.row.key == key for found in cell.by_seed.items()]
    return {seed: fields_of_test(found.test.record) for seed, found in results if found.test is not None}


def _supports(scores: Scores) -> dict[str, int]:
    return {name: score.support for name, score in scores.items()}


def differences(report: Report, panel: ClassPanel) -> list[Difference]:
    """Differences of all classes or categories, largest first; scores are means over the seeds."""
    if not (pairs := paired_scores(report, panel)):
        return []
    categories = categories_of(next(iter(_results(report, panel.row, panel.column).values())), panel.kind or "")
    groups: dict[str, list[str]] = {}
    for name in pairs[0][0]:
        if (label := categories.get(name) if panel.by_category else name) is not None:
            groups.setdefault(label, []).append(name)
    made = (_difference(label, names, pairs) for label, names in groups.items())
    return sorted(made, key=lambda found: (-found.points, found.name))


def mean_difference(report: Report, panel: ClassPanel) -> Difference | None:
    """Difference of the means over all classes, weighted by their numbers of test items; None without results."""
    pairs = paired_scores(report, panel)
    return _difference("mean", list(pairs[0][0]), pairs) if pairs else None


def _difference(name: str, classes: list[str], pairs: list[tuple[Scores, Scores]]) -> Difference:
    """Difference of the weighted means over some classes."""
    means = [
        [weighted_mean(scores[one] for one in classes if one in scores) or 0.0 for scores in pair] for pair in pairs
    ]
    own, others = (statistics.fmean(column) for column in zip(*means, strict=True))
    items = sum(scores[one].support for scores, _ in pairs for one in classes if one in scores)
    return Difference(name, items // len(pairs), own, others)


class ClassDifferenceBars(Drawer[list[Difference]]):
    """Draws the difference of each class or category as a bar."""

    def __init__(self, report: Report, figure: ClassDifferences) -> None:
        super().__init__(report)
        self.panels = {panel: differences(report, panel) for panel in figure.panels}
        self.shown = [bar for bars in self.panels.values() for bar in bars]

    def data(self) -> str:
        lines = [
            (
                *(panel.title, panel.row, panel.relative_to, bar.name, bar.items),
                *(round(number, 6) for number in (bar.percent, bar.other_percent, bar.points)),
            )
            for panel, bars in self.panels.items()
            for bar in bars
        ]
        return csv_text(["panel", "row", "relative_to", "class", "items", "score", "other_score", "points"], lines)

    def draw(self, notice: str | None) -> "Figure":
        """Panels side by side, largest gain on top. Many classes continue in further columns of bars."""
        shown = [(panel, _ends(bars, panel.ends)) for panel, bars in self.panels.items()]
        parts = [(panel, bars, part) for panel, bars in shown for part in _parts(bars)]
        longest = max(len(part) for _, _, part in parts)
        width = 3.2 + 0.06 * max((len(_label(bar)) for _, _, part in parts for bar in part), default=0)
        figure = empty_figure(max(5.0, width * len(parts)), 1.6 + 0.17 * longest, notice)
        axes = figure.subplots(1, len(parts), squeeze=False)[0]
        for axis, (panel, bars, part) in zip(axes, parts, strict=True):
            _draw(axis, part, longest, [bar.points for bar in bars])
            axis.set_xlabel(f"difference of {panel.score} (points)")
            if part and part[0] is bars[0]:
                axis.set_ylabel(f"{'category' if panel.by_category else 'class'} (test {self.report.facts.unit})")
                axis.set_title(self.title(panel), loc="left", fontsize="medium")
        return figure

    def title(self, panel: ClassPanel) -> str:
        """Title of a panel with the mean difference, ours and printed."""
        found = mean_difference(self.report, panel)
        means = [] if found is None else [f"mean {signed_text(found.points)}"]
        means += [] if (printed := self.printed_mean(panel)) is None else [f"printed {signed_text(printed)}"]
        return panel.title + (f"\n{', '.join(means)}" if means else "")

    def printed_mean(self, panel: ClassPanel) -> float | None:
        """Printed mean difference, with which small models are not compared."""
        return panel.printed_mean if self.report.scale.comparable else None

    def text(self, markup: Markdown) -> str:
        """Means over all classes, weighted and unweighted, beside printed ones, and the classes that are printed."""
        score = next(iter(self.panels)).score
        headers = [f"difference of {score} in points", "mean weighted by test items", "mean of all classes"]
        headers += ["printed mean"] if any(self.printed_mean(panel) is not None for panel in self.panels) else []
        lines = []
        for panel in self.panels:
            found = mean_difference(self.report, panel)
            plain = [bar.points for bar in differences(self.report, replace(panel, by_category=False))]
            means = [found and found.points, statistics.fmean(plain) if plain else None, self.printed_mean(panel)]
            texts = [DASH if mean is None else f"{mean:+.1f}" for mean in means]
            lines.append([markup.escaped(panel.title), *texts][: len(headers)])
        means_table = markup.table([headers], lines, ["left", *["right"] * (len(headers) - 1)])
        extremes = [self.extremes(panel, markup) for panel in self.panels if self.report.scale.comparable]
        return "\n\n".join([means_table, *filter(None, extremes)])

    def extremes(self, panel: ClassPanel, markup: Markdown) -> str:
        """Classes that the paper names, beside as many of the largest gains and losses here; empty without any."""
        num_gains = sum(points > 0 for _, points in panel.printed)
        ours = self.panels[panel]
        ends = [*ours[:num_gains], *ours[max(0, len(ours) - len(panel.printed) + num_gains) :]]
        lines = [
            [markup.escaped(own.name), f"{own.points:+.1f}", markup.escaped(name), f"{points:+.0f}"]
            for own, (name, points) in zip(ends, panel.printed, strict=False)
        ]
        headers = ["class, ours", "points", "class, printed", "points"]
        return markup.table([headers], lines, ["left", "right", "left", "right"]) if lines else ""


def signed_text(points: float) -> str:
    return f"{points:+.1f}".replace("-", "−")


def _ends(found: list[Difference], ends: int | None) -> list[Difference]:
    """Largest gains and losses, as many of each; all without a number."""
    return found if ends is None or len(found) <= 2 * ends else [*found[:ends], *found[-ends:]]


def _parts(found: list[Difference]) -> list[list[Difference]]:
    """Differences in parts of at most `BARS`, of nearly equal length."""
    size = math.ceil(len(found) / max(1, math.ceil(len(found) / BARS)))
    return [found[start : start + size] for start in range(0, len(found), size or 1)] or [[]]


def _label(bar: Difference) -> str:
    return f"{bar.name} ({bar.items})"


def _draw(axis: "Axes", part: list[Difference], longest: int, all_points: list[float]) -> None:
    """Bars of a part with signed numbers. All parts of a panel have the same scale."""
    points = [bar.points for bar in part]
    bars = axis.barh([_label(bar) for bar in part], points, color=[GAIN if n > 0 else LOSS for n in points])
    axis.bar_label(bars, [signed_text(number) for number in points], padding=2, fontsize="xx-small")
    axis.axvline(0, color="black", linewidth=0.8)
    axis.tick_params(axis="y", labelsize="x-small")
    axis.set_ylim(longest - 0.5, -0.5)
    low, high = min([0.0, *all_points]), max([0.0, *all_points])
    room = 0.25 * (high - low or 1.0)  # for the number beside the longest bar
    axis.set_xlim(low - room, high + room)
    axis.locator_params(axis="x", nbins=6)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
