"""The picture of a figure beside its report, and the data it is drawn from.

A picture carries the digest of its data, so that a stale one is found without drawing it again.
"""

import hashlib
import io
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.drawing import AttentionStrips, ClassMargins, Panels
from experiments.scales import Scale
from experiments.store import replacing, write_atomically
from reports.layout import row_name
from reports.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.attention_strips import Strip

REMEDY = "free space there or name another file"
LINE = 80  # characters of a line under a picture
DIGEST = "Description"  # the PNG text that holds the digest of the data


def files(report: Report, path: Path) -> dict[str, Path]:
    """The picture and the data of a report kept at `path`, by what they are; none where there is nothing to draw."""
    picture = {"picture": path.with_suffix(".png")}
    match report.table.drawing:
        case Panels() if any(_results(report)):
            return {**picture, "data": path.with_suffix(".csv")}
        case ClassMargins() as margins if _has_margins(report, margins):
            return {**picture, "data": path.with_suffix(".csv")}
        case AttentionStrips() if report.attention_maps:  # their data lie beside the runs
            return picture
    return {}


def write(report: Report, path: Path) -> None:
    """Keep picture and data beside the report at `path`.

    Raises:
        StoreError: when they cannot be written.
    """
    kept = files(report, path)
    if "data" in kept:
        write_atomically(kept["data"], data(report))
    if kept:
        save_picture(report, kept["picture"])


def save_picture(report: Report, path: Path) -> None:
    """Write the report's figure as PNG.

    Raises:
        ValueError: where there is nothing to draw yet.
        StoreError: when it cannot be written.
    """
    if not files(report, path):
        raise ValueError(f"{report.table.name} has nothing to draw yet: `reproduce run {report.table.name}` first")
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(picture(report))


def stale(report: Report, path: Path) -> bool:
    """Whether what is kept beside the report at `path` differs from what the results give, or is missing."""
    kept = files(report, path)
    if not kept:
        return False
    try:
        if "data" in kept and kept["data"].read_text(encoding="utf-8") != data(report):
            return True
        return digest_of(kept["picture"]) != digest(_content(report))
    except (OSError, UnicodeDecodeError):
        return True


def data(report: Report) -> str:
    """What the report's figure is drawn from: as CSV, or the digests of attention maps."""
    # matplotlib and pandas take a second to import.
    match report.table.drawing:
        case Panels() as panels:
            from reports import line_panels

            return line_panels.data(report, panels)
        case ClassMargins() as margins:
            from reports import class_margins

            return class_margins.data(report, margins)
    from reports import attention_strips

    return attention_strips.data(_strips(report))


def picture(report: Report) -> bytes:
    """The report's figure as PNG; the same bytes for the same report."""
    notice = _notice(report.scale, _marks(report))
    match report.table.drawing:
        case Panels() as panels:
            from reports import line_panels

            figure = line_panels.draw(report, panels, notice)
        case ClassMargins() as margins:
            from reports import class_margins

            figure = class_margins.draw(report, margins, notice)
        case _:
            from reports import attention_strips

            figure = attention_strips.draw(_strips(report), notice)
    return png(figure, digest(_content(report)))


def extremes(report: Report) -> str:
    """The classes with the greatest margins beside the printed ones, in markdown; nothing for other figures."""
    margins = report.table.drawing
    if not isinstance(margins, ClassMargins) or not _has_margins(report, margins):
        return ""
    from reports import class_margins

    return class_margins.extremes(report, margins)


def save_strip(strip: "Strip", scale: Scale, path: Path, overrides: Iterable[str] = ()) -> None:
    """Write the attention maps of one query as PNG; overrides of the run stand under it.

    Raises:
        StoreError: when it cannot be written.
    """
    from reports import attention_strips

    figure = attention_strips.draw([strip], _notice(scale, _modified(overrides)))
    with replacing(path, remedy=REMEDY) as partial:
        partial.write_bytes(png(figure, digest(attention_strips.data([strip]))))


def row_pictures(report: Report) -> dict[str, bytes]:
    """The part of the figure that shows one row, by the row's key; none where the figure joins all rows."""
    if not report.attention_maps:
        return {}
    from reports import attention_strips

    keys = [row.row.key for row in report.rows if row.row.key in report.attention_maps]
    strips = zip(keys, _strips(report), strict=True)
    notice = _notice(report.scale, _modified(report.overrides))
    return {
        key: png(attention_strips.draw([strip], notice), digest(attention_strips.data([strip])))
        for key, strip in strips
    }


def provenance_lines(report: Report) -> list[str]:
    """How the attention maps of a figure came about, a line a row; none for other figures."""
    if not report.attention_maps:
        return []
    from reports import attention_strips

    return [f"{title}: {attention_strips.provenance_text(maps)}" for title, maps in _strips(report)]


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


def _strips(report: Report) -> "list[Strip]":
    from reports.attention_strips import Strip

    maps = report.attention_maps
    rows = [row.row for row in report.rows if row.row.key in maps]
    return [Strip(row_name(report.table, row), maps[row.key]) for row in rows]


def _notice(scale: Scale, marks: Iterable[str]) -> str | None:
    """What a reader must know before looking: pictures travel without their report."""
    small = [f"Scale {scale.name}: small models on generated stand-in videos."] if scale.small else []
    return "\n".join([*small, *marks]) or None


def _marks(report: Report) -> list[str]:
    """What sets the numbers apart from those of the table's own runs: released weights and overrides."""
    rows = [row_name(report.table, row.row) for row in report.rows if any(cell.released for cell in row.cells)]
    released = [f"Released weights, tested here: {', '.join(rows)}."] if rows else []
    return [*released, *_modified(report.overrides)]


def _modified(overrides: Iterable[str]) -> list[str]:
    changes = ", ".join(overrides)
    return [textwrap.fill(f"Not the table's runs: {changes}.", LINE)] if changes else []


def _content(report: Report) -> str:
    """All that the picture depends on."""
    return "\n".join([data(report), *_marks(report)])


def _results(report: Report) -> list[dict]:
    """What finished tests wrote."""
    return [result.metrics for line in report.rows for cell in line.cells for result in cell.seeds if result.metrics]


def _has_margins(report: Report, margins: ClassMargins) -> bool:
    """Whether both rows have results, of the same seed and videos, that tell how many of each class are right."""
    from reports import class_margins

    return bool(class_margins.class_margins(report, margins))
