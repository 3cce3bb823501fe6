"""The classes in which two rows of a table differ most: as CSV, as a picture, and beside those that the paper names."""

from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from tabulate import tabulate

from experiments.spec.figures import ClassMargins
from reports.drawer import Drawer
from reports.layout import row_name
from reports.report import Report

SHOWN = 10  # classes drawn at either end
GAIN, LOSS = "#009E73", "#D55E00"


class ClassMargin(NamedTuple):
    """One class: how many of its videos there are, and how many percent of them each of two rows has right."""

    name: str
    videos: int
    percent: float
    other_percent: float

    @property
    def points(self) -> float:
        """By how much the first has more right."""
        return self.percent - self.other_percent


def class_margins(report: Report, compared: ClassMargins) -> list[ClassMargin]:
    """Every class, the greatest gain first; hits are summed over the seeds that both rows have finished.

    A seed whose rows were not tested on as many videos of each class is left out.
    """
    ours, others = (_hits(report, key, compared.column) for key in (compared.row, compared.relative_to))
    seeds = [seed for seed in ours if _videos(ours[seed]) == _videos(others.get(seed, {}))]
    margins = []
    for name in sorted({name for seed in seeds for name in ours[seed]}):
        videos = sum(ours[seed][name][1] for seed in seeds)
        right, other = (sum(hits[seed][name][0] for seed in seeds) for hits in (ours, others))
        margins.append(ClassMargin(name, videos // len(seeds), 100 * right / videos, 100 * other / videos))
    return sorted(margins, key=lambda margin: -margin.points)


def _hits(report: Report, key: str, column: str) -> dict[int, dict[str, list[int]]]:
    """For each seed the videos right and all videos of each class; none where a result does not tell."""
    cells = [cell for row in report.rows if row.row.key == key for cell in row.cells if cell.column == column]
    results = [(result.seed, result.metrics or {}) for cell in cells for result in cell.seeds]
    return {seed: metrics["classes"] for seed, metrics in results if metrics.get("classes")}


def _videos(hits: dict[str, list[int]]) -> dict[str, int]:
    return {name: videos for name, (_, videos) in hits.items()}


class ClassMarginBars(Drawer):
    """Draws the differences of two rows by class as bars."""

    def __init__(self, report: Report, margins: ClassMargins) -> None:
        super().__init__(report)
        self.margins = margins

    def has_content(self) -> bool:
        """Whether both rows have results of the same seed and videos that tell the hits of each class."""
        return bool(class_margins(self.report, self.margins))

    def data(self) -> str:
        """Every class, as CSV."""
        lines = [(*margin, margin.points) for margin in class_margins(self.report, self.margins)]
        names = ["class", "videos", self.margins.row, self.margins.relative_to, "points"]
        return pd.DataFrame(lines, columns=pd.Index(names)).round(6).to_csv(index=False)

    def draw(self, notice: str | None) -> Figure:
        """Bars, the greatest gain on top; of many classes both ends."""
        return draw(self.report, self.margins, notice)

    def text(self) -> str:
        """As many of our greatest gains and losses as the paper prints, beside the classes that it names."""
        ours, printed = class_margins(self.report, self.margins), self.margins.printed
        num_gains = sum(one.points > 0 for one in printed)
        gains, losses = printed[:num_gains], printed[num_gains:]
        pairs = [
            *zip(ours[:num_gains], gains, strict=False),
            *zip(ours[-len(losses) :], losses, strict=False),
        ]
        lines = [(mine.name, f"{mine.points:+.1f}", theirs.name, f"{theirs.points:+.0f}") for mine, theirs in pairs]
        headers = ["class, ours", "points", "class, printed", "points"]
        align = ("left", "right", "left", "right")
        return tabulate(lines, headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def draw(report: Report, compared: ClassMargins, notice: str | None) -> Figure:
    """Bars, the greatest gain on top; of many classes both ends."""
    margins = class_margins(report, compared)
    shown = margins if len(margins) <= 2 * SHOWN else [*margins[:SHOWN], *margins[-SHOWN:]]
    rows = {row.row.key: row_name(report.table, row.row) for row in report.rows}
    figure = Figure(figsize=(9, 1.4 + 0.3 * len(shown)), dpi=150, layout="constrained")
    axis = figure.subplots()
    bars = axis.barh(
        [f"{margin.name} ({margin.videos})" for margin in shown],
        [margin.points for margin in shown],
        color=[GAIN if margin.points > 0 else LOSS for margin in shown],
    )
    axis.bar_label(bars, fmt="%+.1f", padding=3, fontsize="small")
    axis.invert_yaxis()
    axis.axvline(0, color="black", linewidth=0.8)
    axis.margins(x=0.12)
    axis.set_title(f"{rows[compared.row]} against {rows[compared.relative_to]}")
    axis.set_xlabel("difference of top-1 accuracies (points)")
    axis.set_ylabel("class (test videos)")
    if notice:
        figure.supxlabel(notice, fontsize="small", color="#B00000")
    return figure
