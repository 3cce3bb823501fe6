"""Plot of the rows of a table without a figure, as a file: accuracy against GFLOPs, or bars."""

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.spec.table import Table
from reports.figures.cost_scatter import draw_against_cost
from reports.figures.drawing_code import is_newer_than_code
from reports.figures.figures import REMEDY, digest, digest_of, notice, png
from reports.figures.plotted_rows import Plot, plotted
from reports.figures.row_bars import draw_bars
from reports.pages.markdown import report_path
from reports.pages.report import Report
from runner.machine.files import replacing

if TYPE_CHECKING:
    from experiments.spec.scales import Scale


def plot_path(table: Table, scale: "Scale", root: Path | None = None) -> Path | None:
    """Path of the plot of a table beside its report, `<paper>/<table>.<scale>.png`; None if the table has a figure.

    The file exists only where `reproduce report --plot` has drawn it. The path of a figure is the same.

    Args:
        root: directory of reports; by default that of the committed ones.
    """
    return None if table.figure is not None else report_path(table, scale, root).with_suffix(".png")


def plot(report: Report) -> bytes | None:
    """Plot of a report as PNG; None if there is nothing to plot. Equal reports give equal bytes."""
    found = plotted(report)
    if found is None:
        return None
    draw = draw_against_cost if found.cost is not None else draw_bars
    return png(draw(found, plot_notice(report, found)), plot_digest(report, found))


def plot_notice(report: Report, found: Plot) -> str | None:
    """Warnings about the plotted cells, and the devices of measurements. GFLOPs of small models are not counted."""
    columns = [panel.column for panel in found.panels]
    cells = (cell for row in report.rows for cell in row.cells if cell.column in columns)
    devices = " and ".join(sorted({cell.device for cell in cells if cell.device is not None}))
    notices = [notice(report, columns)]
    if devices:
        notices.append(f"Speed and memory of ours are measured on {devices}.")
    if found.cost is not None and report.scale.small:
        notices.append("GFLOPs are those of the models at the paper's size.")
    return "\n".join(filter(None, notices)) or None


def save_plot(report: Report, path: Path) -> bool:
    """Save the plot of a report as PNG. Returns whether there is one.

    Raises:
        StoreError: if the file cannot be written.
    """
    drawn = plot(report)
    if drawn is None:
        return False
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(drawn)
    return True


def is_stale(report: Report, path: Path) -> bool:
    """Whether a saved plot differs from that of the report. A plot that was never saved is not stale."""
    found = plotted(report)
    if report.table.figure is not None or not path.exists():
        return False
    try:
        return found is None or digest_of(path) != plot_digest(report, found)
    except OSError:
        return True


def is_current(report: Report, path: Path) -> bool:
    """Whether a saved plot is that of the report, drawn since the code was last changed."""
    return path.exists() and not is_stale(report, path) and is_newer_than_code(path)


def plot_digest(report: Report, found: Plot) -> str:
    return digest(repr((found, plot_notice(report, found))))
