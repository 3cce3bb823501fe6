"""Pictures of reports: their drawers, the warnings in them, their files, and their part of a page."""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.spec.figures import AnsweredClips, AttentionStrips, Bars, ClassDifferences, Figure, MaskStrips, Panels
from experiments.spec.scales import Scale
from reports.figures.drawer import Drawer, png
from reports.pages.markup import Markdown
from reports.pages.report import Report
from reports.pages.table_texts import data_text, row_names
from runner.machine.files import replacing, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

# Module of the drawer of each type of figure; it is imported for figures of its type alone.
DRAWERS: dict[type[Figure], str] = {
    Panels: "panels",
    Bars: "panels",
    ClassDifferences: "class_differences",
    AttentionStrips: "strips",
    MaskStrips: "strips",
    AnsweredClips: "answers",
}
REMEDY = "name another file"


def drawer(report: Report) -> Drawer | None:
    """Drawer of a report's figure; None for a table without a figure and for a report without results to draw."""
    figure = report.table.figure
    if figure is None:
        return None
    module = importlib.import_module(f"reports.figures.{DRAWERS[type(figure)]}")
    found: Drawer = module.drawer(report, figure)
    return found if found.has_content() else None


def plot(report: Report) -> Drawer | None:
    """Drawer of the rows of a table without a figure; None if there is nothing to plot."""
    if report.table.figure is not None:
        return None
    from reports.figures.row_plots import RowPlot

    found = RowPlot(report)
    return found if found.has_content() else None


def figure_of(found: Drawer) -> "Picture":
    return found.draw(notice(found))


def row_figures(found: Drawer) -> "dict[str, Picture]":
    """Part of a picture for each row, by the row's key; empty if it does not consist of such parts."""
    parts = {row.row.key: found.of_row(row.row.key) for row in found.report.rows}
    return {key: part.draw(notice(found)) for key, part in parts.items() if part is not None}


def save(found: Drawer, path: Path) -> None:
    """Save a picture as PNG."""
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(png(figure_of(found)))


def save_with_data(found: Drawer, path: Path) -> None:
    """Save a picture, and the data that it shows as CSV, beside the report file `path`."""
    if (data := found.data()) is not None:
        write_atomically(path.with_suffix(".csv"), data)
    save(found, path.with_suffix(".png"))


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


def notice(found: Drawer) -> str | None:
    """Warnings in a picture, which may be shown without its page: small models, generated data, released weights,
    published results, and overrides."""
    report, facts, names = found.report, found.report.facts, row_names(found.report.table)
    columns = found.shown_columns()
    shown = [c for c in report.cells if not c.row.quoted and c.value is not None and c.column.key in columns]
    every = list(dict.fromkeys(names[cell.row.key] for cell in shown))
    marks = {
        "Released weights, tested here": [names[cell.row.key] for cell in shown if cell.released],
        "Published results, not run here": [names[cell.row.key] for cell in shown if cell.published],
    }
    named = [f"{start}: {_named(list(dict.fromkeys(rows)), every)}." for start, rows in marks.items() if rows]
    is_tested = bool(facts.generated or facts.given)  # otherwise, everything is measured at the paper's size
    small = _of_scale(report.scale, data_text(facts.unit, facts.generated, facts.given)) if is_tested else []
    return "\n".join([*small, *named, *_overridden(report.overrides), *found.warnings()]) or None


def notice_of_run(scale: Scale, data: str, overrides: Iterable[str]) -> str | None:
    """Warnings in a picture of a run alone."""
    return "\n".join([*_of_scale(scale, data), *_overridden(overrides)]) or None


def _of_scale(scale: Scale, data: str) -> list[str]:
    return [f"Scale {scale.name}: small models on {data}."] if scale.small else []


def _overridden(overrides: Iterable[str]) -> list[str]:
    changes = ", ".join(overrides)
    return [f"Not the table's runs: {changes}."] if changes else []


def _named(names: list[str], every: list[str]) -> str:
    """Some of all names, the shortest way. Names contain commas."""
    if len(names) == len(every) > 1:
        return "all rows"
    listed, others = "; ".join(names), [name for name in every if name not in names]
    but = f"all rows but {'; '.join(others)}"
    return but if others and len(but) < len(listed) else listed
