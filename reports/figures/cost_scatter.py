"""Plot of accuracies against GFLOPs, with a panel for each column."""

from itertools import cycle
from textwrap import fill
from typing import TYPE_CHECKING

from reports.figures.colours import COLOURS, MARKERS
from reports.figures.empty_figure import empty_figure
from reports.figures.plotted_rows import LOG_SPREAD, Panel, Plot, Value, costs_of, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 130
NAME, LABEL = 34, 40  # characters per line of the name of a row and of the label of an axis
ROW_COLOURS = (*COLOURS, "#000000")
ROW_MARKERS = (*MARKERS, "X", "*")  # for tables with more rows than colours


def draw_against_cost(plot: Plot, notice: str | None) -> "Figure":
    """Points of ours are filled; printed ones are hollow and joined to ours by a line."""
    height, width = plot.grid
    names = [fill(name, NAME) for name in plot.names]
    legend_height = 0.6 + 0.19 * sum(1 + name.count("\n") for name in names)
    free = height * width - len(plot.panels)  # places of panels, of which the legend takes one
    figure = empty_figure(4.6 * width + (0 if free else 3.0), max(4.0 * height, legend_height), notice, DPI)
    axes = list(figure.subplots(height, width, squeeze=False).flat)
    styles = {
        name: (colour, ROW_MARKERS[index // len(ROW_COLOURS) % len(ROW_MARKERS)])
        for index, (name, colour) in enumerate(zip(plot.names, cycle(ROW_COLOURS), strict=False))
    }
    handles: dict[str, object] = {}
    for axis, panel in zip(axes, plot.panels, strict=False):
        for value in panel.values:
            handles.setdefault(value.name, draw_point(axis, value, *styles[value.name]))
        finish_axes(axis, panel, plot)
    for axis in axes[len(plot.panels) :]:
        axis.axis("off")
    (axes[-1] if free else figure).legend(
        list(handles.values()),  # type: ignore[arg-type]
        names,
        title="filled: ours, hollow: printed" if plot.prints_numbers else None,
        loc="center left" if free else "outside right upper",
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        alignment="left",
    )
    return figure


def draw_point(axis: "Axes", value: Value, colour: str, marker: str) -> object:
    """Both points of a row. Returns the handle for the legend: ours, or else the printed one."""
    assert value.x is not None
    ours_x, printed_x = (x if x is not None else other for x, other in (value.x, value.x[::-1]))
    points = []
    if value.ours is not None:
        points.append((ours_x, value.ours, colour))
    if value.printed is not None:
        points.append((printed_x, value.printed, "none"))
    axis.plot([p[0] for p in points], [p[1] for p in points], color=colour, linewidth=0.8, alpha=0.4)
    if value.std is not None and value.ours is not None and ours_x is not None:
        axis.errorbar([ours_x], [value.ours], yerr=[value.std], color=colour, capsize=3)
    style = {"s": 46, "marker": marker, "edgecolors": colour, "zorder": 3}
    drawn = [axis.scatter([x], [y], facecolors=face, **style) for x, y, face in points]  # type: ignore[arg-type]
    return drawn[0]


def finish_axes(axis: "Axes", panel: Panel, plot: Plot) -> None:
    """Labels and limits. Percentages end at 0 and 100, with room for the markers."""
    axis.margins(0.1)
    axis.ticklabel_format(useOffset=False)
    axis.set_xlabel(str(plot.cost))
    if spread(costs_of(plot.panels)) > LOG_SPREAD:
        axis.set_xscale("log")
        axis.set_xlabel(f"{plot.cost}, log scale")
    axis.set_ylabel(fill(f"{panel.header} ({panel.unit})" if panel.unit else panel.header, LABEL))
    if panel.is_percentage:
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, -3.0), min(high, 103.0))
        axis.set_yticks([tick for tick in axis.get_yticks() if 0 <= tick <= 100 and low <= tick <= high])
    axis.grid(alpha=0.3)
