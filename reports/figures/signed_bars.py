"""Horizontal bars of gains and losses in points, with their signs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GAIN, LOSS = "#009E73", "#D55E00"


def draw_signed_bars(axis: "Axes", labels: Sequence[str], points: Sequence[float], *, fontsize: str) -> None:
    """A bar for each label, with its number beside it, and a line at 0."""
    bars = axis.barh(labels, points, color=[GAIN if number > 0 else LOSS for number in points])
    axis.bar_label(bars, [signed_text(number) for number in points], padding=2, fontsize=fontsize)
    axis.axvline(0, color="black", linewidth=0.8)


def signed_text(points: float) -> str:
    return f"{points:+.1f}".replace("-", "−")
