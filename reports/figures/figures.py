"""Pictures (PNG) of the figures of reports, and the plotted data that are saved with them.

A picture contains the digest of its data, so that a stale picture is detected without drawing it again.
"""

import hashlib
import importlib
import io
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.spec.figures import (
    AnsweredClips,
    AttentionStrips,
    Bars,
    ClassMargins,
    F1Differences,
    Figure,
    MaskStrips,
    Panels,
)
from experiments.spec.scales import Scale
from reports.figures.drawing_code import is_newer_than_code
from reports.pages.labels import row_names
from reports.pages.layout import data_text
from reports.pages.report import Report
from runner.machine.files import replacing, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

    from reports.figures.attention_strips import Strip
    from reports.figures.drawer import Drawer

# Module and class of the drawer of each type of figure. Each is imported for figures of its type alone.
DRAWERS: dict[type[Figure], tuple[str, str]] = {
    Panels: ("reports.figures.line_panels", "LinePanels"),
    Bars: ("reports.figures.bar_panels", "BarPanels"),
    ClassMargins: ("reports.figures.class_margins", "ClassMarginBars"),
    F1Differences: ("reports.figures.f1_differences", "F1DifferenceBars"),
    AttentionStrips: ("reports.figures.attention_strips", "AttentionStripDrawer"),
    MaskStrips: ("reports.figures.mask_strip_drawer", "MaskStripDrawer"),
    AnsweredClips: ("reports.figures.answered_clips", "AnsweredClipDrawer"),
}
REMEDY = "name another file"
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of a function of a figure
DIGEST = "Description"  # keyword of the PNG text that contains the digest of the data


def drawer(report: Report) -> "Drawer | None":
    """Drawer of a report's figure; None for a table without a figure and for a report without results to draw."""
    figure = report.table.figure
    if figure is None:
        return None
    module, name = DRAWERS[type(figure)]
    found: Drawer = getattr(importlib.import_module(module), name)(report, figure)
    return found if found.has_content() else None


def files(report: Report, path: Path) -> dict[str, Path]:
    """Paths of the picture and the data of the report file `path`; empty if there is nothing to draw."""
    found = drawer(report)
    if found is None:
        return {}
    data = {"data": path.with_suffix(".csv")} if found.saves_data else {}
    return {"picture": path.with_suffix(".png"), **data}


def write(report: Report, path: Path) -> None:
    """Save the picture and the data of the report file `path`.

    Raises:
        StoreError: if they cannot be written.
    """
    found, paths = drawer(report), files(report, path)
    if found is not None and "data" in paths:
        write_atomically(paths["data"], found.data())
    if paths:
        save_picture(report, paths["picture"])


def save_picture(report: Report, path: Path) -> None:
    """Save the figure of a report as PNG.

    Raises:
        ValueError: if there is nothing to draw yet.
        StoreError: if the file cannot be written.
    """
    found = drawer(report)
    if found is None:
        raise ValueError(f"{report.table.name} has nothing to draw yet: `reproduce run {report.table.name}` first")
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(picture(report, found))


def stale(report: Report, path: Path) -> bool:
    """Whether the picture or the data of the report file `path` are missing or differ from the results."""
    found, paths = drawer(report), files(report, path)
    if found is None:
        return False
    try:
        if "data" in paths and paths["data"].read_text(encoding="utf-8") != found.data():
            return True
        return digest_of(paths["picture"]) != digest(_content(report, found))
    except (OSError, UnicodeDecodeError):
        return True


def is_current(report: Report, path: Path) -> bool:
    """Whether the saved picture and data are those of the results, drawn since the code was last changed."""
    paths = files(report, path)
    return not stale(report, path) and (not paths or is_newer_than_code(paths["picture"]))


def picture(report: Report, source: "Drawer") -> bytes:
    """Figure of a report as PNG. Equal reports give equal bytes."""
    return png(source.draw(notice(report)), digest(_content(report, source)))


def save_strips(strips: "Sequence[Strip]", scale: Scale, path: Path, overrides: Iterable[str] = ()) -> None:
    """Save attention maps of one run as PNG, one query below the other, with the overrides of the run below.

    Raises:
        StoreError: if the file cannot be written.
    """
    from reports.figures import attention_strips

    data = strips[0].maps.record["data"]
    names = (data["name"],)
    shown = data_text("videos", *((names, ()) if data.get("stand_in") else ((), names)))
    figure = attention_strips.draw(strips, _notice(scale, shown, _modified(overrides)), stacked=True)
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(png(figure, digest(attention_strips.data(strips))))


def row_pictures(report: Report) -> dict[str, bytes]:
    """Part of the figure for each row as PNG, by the row's key; empty if the figure does not consist of such parts."""
    whole, warning = drawer(report), notice(report)
    parts = {row.row.key: whole.of_row(row.row.key) for row in report.rows} if whole is not None else {}
    return {
        key: png(part.draw(warning), digest(_content(report, part))) for key, part in parts.items() if part is not None
    }


def pictured_column(report: Report) -> str | None:
    """Key of the column whose runs have one picture each; None if there is no such column."""
    found = drawer(report)
    return found.column if found is not None else None


def png(figure: "Picture", data_digest: str = "") -> bytes:
    """Figure as PNG with the digest of its data. Date and matplotlib version are left out, for reproducible bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None, DIGEST: data_digest})
    return content.getvalue()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of(path: Path) -> str | None:
    """Digest in a picture file; None if the file contains none.

    Raises:
        OSError: if the file is not a complete picture.
    """
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return image.info.get(DIGEST)


def notice(report: Report, columns: Collection[str] | None = None) -> str | None:
    """Warnings in the pictures of a report: small models, generated data, and differences from the table's own runs.

    Args:
        columns: keys of the columns in the picture; by default those of the figure or, without a figure, all.
    """
    marks = _marks(report, columns)
    if not (report.facts.generated or report.facts.given):
        return "\n".join(marks) or None  # everything is measured at the paper's size
    return _notice(report.scale, _data(report), marks)


def _notice(scale: Scale, data: str, marks: Iterable[str]) -> str | None:
    """Warnings in the picture itself, because it may be shown without its report.

    Args:
        data: data of the runs, as text.
    """
    small = [f"Scale {scale.name}: small models on {data}."] if scale.small else []
    return "\n".join([*small, *marks]) or None


def _data(report: Report) -> str:
    return data_text(report.facts.unit, report.facts.generated, report.facts.given)


def _marks(report: Report, columns: Collection[str] | None = None) -> list[str]:
    """Differences from the table's own runs: released weights, published results and overrides."""
    figure = report.table.figure
    keys = figure.columns if columns is None and figure is not None else columns
    cells = {
        row.row.key: [c for c in row.cells if c.value is not None and (keys is None or c.column in keys)]
        for row in report.rows
        if not row.row.quoted
    }
    shown = {key: found for key, found in cells.items() if found}
    names = row_names(report.table)

    def text(start: str, rows: list[str]) -> list[str]:
        return [f"{start}: {_named([names[key] for key in rows], [names[key] for key in shown])}."] if rows else []

    return [
        *text("Released weights, tested here", [key for key, found in shown.items() if any(c.released for c in found)]),
        *text(
            "Published results, not run here", [key for key, found in shown.items() if any(c.published for c in found)]
        ),
        *_modified(report.overrides),
    ]


def _named(names: list[str], every: list[str]) -> str:
    """Some of all names, the shortest way. Names contain commas."""
    if len(names) == len(every) > 1:
        return "all rows"
    listed, others = "; ".join(names), [name for name in every if name not in names]
    but = f"all rows but {'; '.join(others)}"
    return but if others and len(but) < len(listed) else listed


def _modified(overrides: Iterable[str]) -> list[str]:
    changes = ", ".join(overrides)
    return [f"Not the table's runs: {changes}."] if changes else []


def _content(report: Report, source: "Drawer") -> str:
    """Everything that determines the picture: its data, the literal of the figure, names of rows, and warnings."""
    literal = ADDRESS.sub("", repr(report.table.figure))
    return "\n".join([source.data(), source.text(), literal, repr(row_names(report.table)), notice(report) or ""])
