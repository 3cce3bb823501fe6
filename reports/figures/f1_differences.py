"""Differences of the F1 scores of two rows, by class or by category of classes: bars, their data as CSV, and means."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from tabulate import tabulate

from experiments.spec.class_f1 import ClassF1, categories_of, f1_by_class, weighted_mean
from experiments.spec.figures import F1Differences, F1Panel
from reports.figures.drawer import Drawer
from reports.figures.empty_figure import empty_figure
from reports.figures.signed_bars import draw_signed_bars, signed_text
from reports.pages.csv_text import csv_text
from reports.pages.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS = 60  # largest number of bars below each other


class F1Difference(NamedTuple):
    """Mean number of test items of a class or category, and F1 scores of two rows in percent."""

    name: str
    items: int
    percent: float
    other_percent: float

    @property
    def points(self) -> float:
        return self.percent - self.other_percent


class PairedScores(NamedTuple):
    """F1 scores by class of two tests of the same items, and the categories of the classes."""

    own: Mapping[str, ClassF1]
    others: Mapping[str, ClassF1]
    category_of: Mapping[str, str]


def paired_scores(report: Report, panel: F1Panel) -> list[PairedScores]:
    """Scores of the two rows of a panel for each seed that both have finished.

    Results without counts by class are left out, and pairs whose classes have different numbers of items.
    """
    own, others = (_results(report, key, panel.column) for key in (panel.row, panel.relative_to))
    pairs = []
    for seed in [seed for seed in own if seed in others]:
        scores, other_scores = (f1_by_class(results[seed], panel.kind) for results in (own, others))
        if scores and _supports(scores) == _supports(other_scores):
            names = categories_of(own[seed], panel.kind)
            if panel.category_of is not None:
                found = {name: panel.category_of(name) for name in scores}
                names = {name: category for name, category in found.items() if category is not None}
            pairs.append(PairedScores(scores, other_scores, names))
    return pairs


def _results(report: Report, key: str, column: str) -> dict[int, dict]:
    """Results of the finished tests of a cell, by seed."""
    cells = [cell for row in report.rows if row.row.key == key for cell in row.cells if cell.column == column]
    return {result.seed: result.metrics for cell in cells for result in cell.seeds if result.metrics is not None}


def _supports(scores: Mapping[str, ClassF1]) -> dict[str, int]:
    return {name: score.support for name, score in scores.items()}


def differences(report: Report, panel: F1Panel) -> list[F1Difference]:
    """Differences of all classes or categories, largest first; scores are means over the seeds."""
    pairs = paired_scores(report, panel)
    groups: dict[str, list[str]] = {}
    for pair in pairs[:1]:
        for name in pair.own:
            label = pair.category_of.get(name) if panel.by_category else name
            if label is not None:
                groups.setdefault(label, []).append(name)
    made = (_difference(label, names, pairs) for label, names in groups.items())
    return sorted(made, key=lambda found: (-found.points, found.name))


def mean_difference(report: Report, panel: F1Panel) -> F1Difference | None:
    """Difference of the means over all classes, weighted by their numbers of test items; None without results."""
    pairs = paired_scores(report, panel)
    return _difference("mean", list(pairs[0].own), pairs) if pairs else None


def _difference(name: str, classes: list[str], pairs: list[PairedScores]) -> F1Difference:
    """Difference of the weighted means over some classes."""
    means = [
        [weighted_mean(scores[one] for one in classes if one in scores) or 0.0 for scores in (pair.own, pair.others)]
        for pair in pairs
    ]
    own, others = (statistics.fmean(column) for column in zip(*means, strict=True))
    items = sum(pair.own[one].support for pair in pairs for one in classes if one in pair.own)
    return F1Difference(name, items // len(pairs), own, others)


class F1DifferenceBars(Drawer):
    """Draws the F1 difference of each class or category as a bar."""

    def __init__(self, report: Report, figure: F1Differences) -> None:
        super().__init__(report)
        self.figure = figure

    def has_content(self) -> bool:
        return any(differences(self.report, panel) for panel in self.figure.panels)

    def data(self) -> str:
        lines = [
            (
                *(panel.title, panel.row, panel.relative_to, found.name, found.items),
                *(round(number, 6) for number in (found.percent, found.other_percent, found.points)),
            )
            for panel in self.figure.panels
            for found in differences(self.report, panel)
        ]
        names = ["panel", "row", "relative_to", "class", "items", "f1", "other_f1", "points"]
        return csv_text(names, lines)

    def draw(self, notice: str | None) -> "Figure":
        """Panels side by side, largest gain on top. Many classes continue in further columns of bars."""
        panels = [(panel, differences(self.report, panel)) for panel in self.figure.panels]
        parts = [(panel, part) for panel, found in panels for part in _parts(found)]
        longest = max(len(part) for _, part in parts)
        width = 3.2 + 0.06 * max((len(_label(bar)) for _, part in parts for bar in part), default=0)
        figure = empty_figure(max(5.0, width * len(parts)), 1.6 + 0.17 * longest, notice)
        axes = figure.subplots(1, len(parts), squeeze=False)[0]
        for axis, (panel, part) in zip(axes, parts, strict=True):
            found = next(found for other, found in panels if other is panel)
            _draw(axis, part, longest, [bar.points for bar in found])
            axis.set_xlabel("difference of F1 (points)")
            if part and part[0] is found[0]:
                axis.set_ylabel(f"{'category' if panel.by_category else 'class'} (test {self.report.facts.unit})")
                axis.set_title(self.title(panel), loc="left", fontsize="medium")
        return figure

    def title(self, panel: F1Panel) -> str:
        """Title of a panel with the mean difference, ours and printed."""
        found = mean_difference(self.report, panel)
        means = [] if found is None else [f"mean {signed_text(found.points)}"]
        means += [] if (printed := self.printed_mean(panel)) is None else [f"printed {signed_text(printed)}"]
        return panel.title + (f"\n{', '.join(means)}" if means else "")

    def printed_mean(self, panel: F1Panel) -> float | None:
        """Printed mean difference, with which small models are not compared."""
        return None if self.report.scale.small else panel.printed_mean

    def text(self) -> str:
        """Markdown table of the mean differences over all classes, weighted and unweighted, beside the printed ones."""
        lines = []
        for panel in self.figure.panels:
            found = mean_difference(self.report, panel)
            plain = [bar.points for bar in differences(self.report, replace(panel, by_category=False))]
            lines.append(
                (
                    panel.title,
                    "–" if found is None else f"{found.points:+.1f}",
                    f"{statistics.fmean(plain):+.1f}" if plain else "–",
                    "–" if (printed := self.printed_mean(panel)) is None else f"{printed:+.1f}",
                )
            )
        headers = ["difference of F1 in points", "mean weighted by test items", "mean of all classes", "printed mean"]
        if self.report.scale.small:
            headers, lines = headers[:-1], [line[:-1] for line in lines]
        align = ("left", *["right"] * (len(headers) - 1))
        return tabulate(lines, headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def _parts(found: list[F1Difference]) -> list[list[F1Difference]]:
    """Differences in parts of at most `BARS`, of nearly equal length."""
    size = math.ceil(len(found) / max(1, math.ceil(len(found) / BARS)))
    return [found[start : start + size] for start in range(0, len(found), size or 1)] or [[]]


def _label(bar: F1Difference) -> str:
    return f"{bar.name} ({bar.items})"


def _draw(axis: "Axes", part: list[F1Difference], longest: int, all_points: list[float]) -> None:
    """Bars of a part. All parts of a panel have the same scale."""
    draw_signed_bars(axis, [_label(bar) for bar in part], [bar.points for bar in part], fontsize="xx-small")
    axis.tick_params(axis="y", labelsize="x-small")
    axis.set_ylim(longest - 0.5, -0.5)
    low, high = min([0.0, *all_points]), max([0.0, *all_points])
    room = 0.25 * (high - low or 1.0)  # for the number beside the longest bar
    axis.set_xlim(low - room, high + room)
    axis.locator_params(axis="x", nbins=6)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
