"""Differences of two rows by class: as CSV, as a bar chart, and beside the classes that the paper names."""

from typing import TYPE_CHECKING, NamedTuple

from tabulate import tabulate

from experiments.spec.figures import ClassMargins
from reports.figures.drawer import Drawer
from reports.figures.empty_figure import empty_figure
from reports.figures.signed_bars import draw_signed_bars
from reports.pages.csv_text import csv_text
from reports.pages.labels import row_name
from reports.pages.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 10  # number of classes drawn at each end


class ClassMargin(NamedTuple):
    """Number of test videos of a class, and accuracies of two rows on them in percent."""

    name: str
    videos: int
    percent: float
    other_percent: float

    @property
    def points(self) -> float:
        """Difference of the accuracies in percentage points."""
        return self.percent - self.other_percent


def class_margins(report: Report, compared: ClassMargins) -> list[ClassMargin]:
    """Margins of all classes, largest first. Hits are summed over the seeds that both rows have finished.

    A seed is left out if the two rows were tested on different numbers of videos of some class.
    """
    ours, others = (_hits(report, key, compared.column) for key in (compared.row, compared.relative_to))
    seeds = [seed for seed in ours if _num_videos(ours[seed]) == _num_videos(others.get(seed, {}))]
    margins = []
    for name in sorted({name for seed in seeds for name in ours[seed]}):
        num_videos = sum(ours[seed][name][1] for seed in seeds)
        correct, other = (sum(hits[seed][name][0] for seed in seeds) for hits in (ours, others))
        margins.append(
            ClassMargin(name, num_videos // len(seeds), 100 * correct / num_videos, 100 * other / num_videos)
        )
    return sorted(margins, key=lambda margin: -margin.points)


def _hits(report: Report, key: str, column: str) -> dict[int, dict[str, list[int]]]:
    """Correct videos and all videos of each class, by seed. Results without this information are left out."""
    cells = [cell for row in report.rows if row.row.key == key for cell in row.cells if cell.column == column]
    results = [(result.seed, result.metrics or {}) for cell in cells for result in cell.seeds]
    return {seed: metrics["classes"] for seed, metrics in results if metrics.get("classes")}


def _num_videos(hits: dict[str, list[int]]) -> dict[str, int]:
    return {name: num_videos for name, (_, num_videos) in hits.items()}


class ClassMarginBars(Drawer):
    """Draws the margin of each class as a bar."""

    def __init__(self, report: Report, margins: ClassMargins) -> None:
        super().__init__(report)
        self.margins = margins

    def has_content(self) -> bool:
        return bool(class_margins(self.report, self.margins))

    def data(self) -> str:
        margins = class_margins(self.report, self.margins)
        lines = [(m.name, m.videos, *(round(n, 6) for n in (m.percent, m.other_percent, m.points))) for m in margins]
        names = ["class", "videos", self.margins.row, self.margins.relative_to, "points"]
        return csv_text(names, lines)

    def draw(self, notice: str | None) -> "Figure":
        """Bar chart, largest gain on top. Of many classes, only both ends are shown."""
        return draw(self.report, self.margins, notice)

    def text(self) -> str:
        """Markdown table of the classes that the paper names, beside as many of the largest gains and losses here."""
        ours = class_margins(self.report, self.margins)
        printed = () if self.report.scale.small else self.margins.printed
        if not printed:
            return ""
        num_gains = sum(margin.points > 0 for margin in printed)
        gains, losses = printed[:num_gains], printed[num_gains:]
        pairs = [
            *zip(ours[:num_gains], gains, strict=False),
            *zip(ours[-len(losses) :], losses, strict=False),
        ]
        lines = [(own.name, f"{own.points:+.1f}", paper.name, f"{paper.points:+.0f}") for own, paper in pairs]
        headers = ["class, ours", "points", "class, printed", "points"]
        align = ("left", "right", "left", "right")
        return tabulate(lines, headers, tablefmt="pipe", disable_numparse=True, colalign=align)


def draw(report: Report, compared: ClassMargins, notice: str | None) -> "Figure":
    """Bar chart, largest gain on top. Of many classes, only both ends are shown."""
    margins = class_margins(report, compared)
    shown = margins if len(margins) <= 2 * SHOWN else [*margins[:SHOWN], *margins[-SHOWN:]]
    rows = {row.row.key: row_name(report.table, row.row) for row in report.rows}
    figure = empty_figure(9, 1.4 + 0.3 * len(shown), notice)
    axis = figure.subplots()
    labels = [f"{margin.name} ({margin.videos})" for margin in shown]
    draw_signed_bars(axis, labels, [margin.points for margin in shown], fontsize="small")
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set_title(f"{rows[compared.row]} against {rows[compared.relative_to]}")
    axis.set_xlabel("difference of top-1 accuracies (points)")
    axis.set_ylabel(f"class (test {report.facts.unit})")
    return figure
