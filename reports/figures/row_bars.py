"""Plot of the rows of a table as horizontal bars, with the printed value as a mark and a panel for each column."""

from textwrap import fill
from typing import TYPE_CHECKING

from reports.figures.colours import COLOURS
from reports.figures.empty_figure import empty_figure
from reports.figures.plotted_rows import Panel, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 130
NAME = 34  # characters per line of the name of a row or of a panel


def draw_bars(plot: Plot, notice: str | None) -> "Figure":
    """Panels with the rows in the order of the table, below a common legend. Percentages have one scale."""
    lines, width = plot.grid
    names = [fill(name, NAME) for name in plot.names]
    height = 0.9 + sum(0.22 + 0.16 * (1 + name.count("\n")) for name in names)
    figure = empty_figure(3.8 * width + 2.4, lines * max(1.8, height) + 0.5, notice, DPI)
    axes = list(figure.subplots(lines, width, squeeze=False, sharey=True).flat)
    most = max([n for panel in plot.panels if panel.is_percentage for v in panel.values for n in v.shown], default=0.0)
    handles: dict[str, object] = {}
    for axis, panel in zip(axes, plot.panels, strict=False):
        draw_column(axis, panel, plot.names)
        if panel.is_percentage:
            axis.set_xlim(0, min(1.05 * most, 102) or 1.0)
        handles |= {label: handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)  # the first row is above
    for axis in axes[len(plot.panels) :]:
        axis.remove()
    if "printed" in handles:
        figure.legend(
            [handles[label] for label in ("ours", "printed")],  # type: ignore[misc]
            ["ours", "printed"],
            loc="outside upper center",
            ncols=2,
            frameon=False,
            fontsize="small",
            markerscale=0.6,
        )
    return figure


def draw_column(axis: "Axes", panel: Panel, rows: list[str]) -> None:
    """Bars that start at 0, or points on a logarithmic axis, and marks of a column."""
    ours = [(value.ours, rows.index(value.name), value.std or 0.0) for value in panel.values if value.ours is not None]
    numbers, places, stds = zip(*ours, strict=True)
    errors = stds if any(stds) else None
    if panel.is_wide:
        axis.set_xscale("log")
        axis.errorbar(numbers, places, xerr=errors, fmt="o", color=COLOURS[0], label="ours")
    else:
        axis.barh(places, numbers, height=0.6, color=COLOURS[0], alpha=0.75, xerr=errors, label="ours")
    printed = [(value.printed, rows.index(value.name)) for value in panel.values if value.printed is not None]
    if printed:
        style = {"marker": "|", "s": 200, "linewidths": 2.5, "color": COLOURS[1], "zorder": 3}
        axis.scatter(*zip(*printed, strict=True), label="printed", **style)  # type: ignore[arg-type]
    for value in panel.values:
        place = (1.02, rows.index(value.name))
        axis.annotate(value.text, place, xycoords=axis.get_yaxis_transform(), va="center", fontsize="small")
    axis.margins(x=0.05)
    axis.set_title(fill(panel.header, NAME), fontsize="medium")
    axis.set_xlabel("log scale" if panel.is_wide else panel.unit, fontsize="small")
    axis.tick_params(labelsize="small")
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
