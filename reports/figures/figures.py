"""Pictures of reports: their drawers, their files beside a page, and their part of it."""

import importlib
from pathlib import Path

from experiments.spec.figures import AnsweredClips, AttentionStrips, Bars, ClassDifferences, Figure, MaskStrips, Panels
from reports.figures.drawer import Drawer
from reports.pages.markup import Markdown
from reports.pages.report import Report
from runner.machine.files import write_atomically

# Module and class of the drawer of each type of figure, and of tables without one. It is imported for its type alone.
DRAWERS: dict[type[Figure] | None, tuple[str, str]] = {
    None: ("row_plots", "RowPlot"),
    Panels: ("panels", "LinePanels"),
    Bars: ("panels", "BarPanels"),
    ClassDifferences: ("class_differences", "ClassDifferenceBars"),
    AttentionStrips: ("strips", "AttentionStripDrawer"),
    MaskStrips: ("strips", "MaskStripDrawer"),
    AnsweredClips: ("answers", "AnsweredClipDrawer"),
}


def drawer(report: Report) -> Drawer | None:
    """Drawer of a report's figure or, without a figure, of a plot of its rows; None without results to draw."""
    figure = report.table.figure
    module, name = DRAWERS[None if figure is None else type(figure)]
    found: Drawer = getattr(importlib.import_module(f"reports.figures.{module}"), name)(report, figure)
    return found if found.shown else None


def save_with_data(found: Drawer, path: Path) -> None:
    """Save a picture, and the data that it shows as CSV, beside the report file `path`."""
    if (data := found.data()) is not None:
        write_atomically(path.with_suffix(".csv"), data)
    found.save(path.with_suffix(".png"))


def is_fresh(found: Drawer, path: Path) -> bool:
    """Whether the picture beside the report file `path` exists, and its data are those of the results."""
    data, saved = found.data(), path.with_suffix(".csv")
    try:
        same = data is None or saved.read_text(encoding="utf-8") == data
    except (OSError, UnicodeDecodeError):
        return False
    return same and path.with_suffix(".png").exists()


def figure_text(report: Report, markup: Markdown, path: Path) -> str:
    """Picture beside the report file `path`, with its data, its explanation, its text and its provenance."""
    if (found := drawer(report)) is None:
        return ""
    data, parts, origin = path.with_suffix(".csv"), [found.text(markup)], ""
    if report.whole:
        drawn_from = f"Drawn from {markup.link(data.name, data)}." if found.data() is not None else ""
        shown = markup.picture(report.table.caption, path.with_suffix(".png"))
        parts = [shown, drawn_from, markup.paragraph(found.explanation()), *parts]
        origin = markup.items([markup.escaped(line) for line in found.provenance_lines()])
    return "\n\n".join(filter(None, [*parts, markup.folded("Origin of the picture", origin)]))
