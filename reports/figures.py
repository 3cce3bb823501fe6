"""The picture of a figure beside its report, and the data it is drawn from.

A picture carries the digest of its data, so that a stale one is found without drawing it again.
"""

import hashlib
import io
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.runner.files import replacing, write_atomically
from experiments.spec.figures import AttentionStrips, ClassMargins, Panels
from experiments.spec.scales import Scale
from reports.layout import row_name
from reports.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.attention_strips import Strip
    from reports.drawer import Drawer

REMEDY = "free space there or name another file"
LINE = 80  # characters of a line under a picture
DIGEST = "Description"  # the PNG text that holds the digest of the data


def drawer(report: Report) -> "Drawer | None":
    """The drawer of a report's figure; None for a table without one, or where there is nothing to draw yet."""
    # matplotlib and pandas take a second to import.
    match report.table.figure:
        case Panels() as panels:
            from reports.line_panels import LinePanels

            found: Drawer = LinePanels(report, panels)
        case ClassMargins() as margins:
            from reports.class_margins import ClassMarginBars

            found = ClassMarginBars(report, margins)
        case AttentionStrips() as strips:
            from reports.attention_strips import AttentionStripDrawer

            found = AttentionStripDrawer(report, strips)
        case None:
            return None
    return found if found.has_content() else None


def files(report: Report, path: Path) -> dict[str, Path]:
    """The picture and the data kept beside a report at `path`; none where there is nothing to draw."""
    found = drawer(report)
    if found is None:
        return {}
    data = {"data": path.with_suffix(".csv")} if found.keeps_data else {}
    return {"picture": path.with_suffix(".png"), **data}


def write(report: Report, path: Path) -> None:
    """Keep picture and data beside the report at `path`.

    Raises:
        StoreError: when they cannot be written.
    """
    found, kept = drawer(report), files(report, path)
    if found is not None and "data" in kept:
        write_atomically(kept["data"], found.data())
    if kept:
        save_picture(report, kept["picture"])


def save_picture(report: Report, path: Path) -> None:
    """Write the report's figure as PNG.

    Raises:
        ValueError: where there is nothing to draw yet.
        StoreError: when it cannot be written.
    """
    found = drawer(report)
    if found is None:
        raise ValueError(f"{report.table.name} has nothing to draw yet: `reproduce run {report.table.name}` first")
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(picture(report, found))


def stale(report: Report, path: Path) -> bool:
    """Whether the picture or the data beside the report at `path` are missing or differ from the results."""
    found, kept = drawer(report), files(report, path)
    if found is None:
        return False
    try:
        if "data" in kept and kept["data"].read_text(encoding="utf-8") != found.data():
            return True
        return digest_of(kept["picture"]) != digest(_content(report, found))
    except (OSError, UnicodeDecodeError):
        return True


def picture(report: Report, drawn: "Drawer") -> bytes:
    """The report's figure as PNG; the same bytes for the same report."""
    return png(drawn.draw(_notice(report.scale, report.facts.unit, _marks(report))), digest(_content(report, drawn)))


def save_strip(strip: "Strip", scale: Scale, path: Path, overrides: Iterable[str] = ()) -> None:
    """Write the attention maps of one query as PNG; overrides of the run stand under it.

    Raises:
        StoreError: when it cannot be written.
    """
    from reports import attention_strips

    figure = attention_strips.draw([strip], _notice(scale, "videos", _modified(overrides)))
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(png(figure, digest(attention_strips.data([strip]))))


def row_pictures(report: Report) -> dict[str, bytes]:
    """The part of the figure that shows one row, as PNG by the row's key; none where the figure joins all rows."""
    whole, notice = drawer(report), _notice(report.scale, report.facts.unit, _modified(report.overrides))
    parts = {row.row.key: whole.of_row(row.row.key) for row in report.rows} if whole is not None else {}
    return {key: png(part.draw(notice), digest(part.data())) for key, part in parts.items() if part is not None}


def pictured_column(report: Report) -> str | None:
    """Key of the column whose runs have pictures of their own, if any."""
    found = drawer(report)
    return found.column if found is not None else None


def png(figure: "Figure", description: str) -> bytes:
    """A figure as PNG that says what it was drawn from, and not when or by which matplotlib."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None, DIGEST: description})
    return content.getvalue()


def digest(text: str) -> str:
    """A short hash of the data that a picture is drawn from."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of(path: Path) -> str | None:
    """The digest of the data that a kept picture was drawn from; None for one that does not say.

    Raises:
        OSError: for a file that is no whole picture.
    """
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return image.info.get(DIGEST)


def _notice(scale: Scale, unit: str, marks: Iterable[str]) -> str | None:
    """The warnings that a picture carries: it may be shown without its report.

    Args:
        unit: what the items of the data set are called.
    """
    small = [f"Scale {scale.name}: small models on generated stand-in {unit}."] if scale.small else []
    return "\n".join([*small, *marks]) or None


def _marks(report: Report) -> list[str]:
    """What sets the numbers apart from those of the table's own runs: released weights and overrides."""
    rows = [row_name(report.table, row.row) for row in report.rows if any(cell.released for cell in row.cells)]
    released = [f"Released weights, tested here: {', '.join(rows)}."] if rows else []
    return [*released, *_modified(report.overrides)]


def _modified(overrides: Iterable[str]) -> list[str]:
    changes = ", ".join(overrides)
    return [textwrap.fill(f"Not the table's runs: {changes}.", LINE)] if changes else []


def _content(report: Report, drawn: "Drawer") -> str:
    """All that the picture depends on."""
    return "\n".join([drawn.data(), *_marks(report)])
