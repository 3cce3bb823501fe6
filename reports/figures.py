"""The picture of a figure beside its report, and the data it is drawn from.

A picture carries the digest of its data, so that a stale one is found without drawing it again.
"""

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.drawing import Panels
from experiments.store import replacing, write_atomically
from reports.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIGEST = "Description"  # the PNG text that holds the digest of the data


def files(report: Report, path: Path) -> dict[str, Path]:
    """The picture and the data of a report kept at `path`, by what they are; none where there is nothing to draw."""
    if report.table.drawing is None or not any(_values(report)):
        return {}
    return {"picture": path.with_suffix(".png"), "data": path.with_suffix(".csv")}


def write(report: Report, path: Path) -> None:
    """Keep picture and data beside the report at `path`.

    Raises:
        StoreError: when they cannot be written.
    """
    kept = files(report, path)
    if kept:
        write_atomically(kept["data"], data(report))
        save_picture(report, kept["picture"])


def save_picture(report: Report, path: Path) -> None:
    """Write the report's figure as PNG.

    Raises:
        ValueError: where there is nothing to draw yet.
        StoreError: when it cannot be written.
    """
    if not files(report, path):
        raise ValueError(f"{report.table.name} has nothing to draw yet: `reproduce run {report.table.name}` first")
    with replacing(path) as partial:
        partial.write_bytes(picture(report))


def stale(report: Report, path: Path) -> bool:
    """Whether what is kept beside the report at `path` differs from what the results give, or is missing."""
    kept = files(report, path)
    if not kept:
        return False
    text = data(report)
    try:
        return kept["data"].read_text(encoding="utf-8") != text or digest_of(kept["picture"]) != digest(text)
    except (OSError, UnicodeDecodeError):
        return True


def data(report: Report) -> str:
    """What the report's figure is drawn from, as CSV."""
    from reports import line_panels  # pandas and matplotlib take a second to import

    return line_panels.data(report, _panels(report))


def picture(report: Report) -> bytes:
    """The report's figure as PNG; the same bytes for the same report."""
    from reports import line_panels

    return png(line_panels.draw(report, _panels(report)), digest(data(report)))


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
        OSError: for a file that is no picture.
    """
    from PIL import Image

    with Image.open(path) as image:
        return image.info.get(DIGEST)


def _panels(report: Report) -> Panels:
    assert report.table.drawing is not None
    return report.table.drawing


def _values(report: Report) -> list[bool]:
    return [result.value is not None for row in report.rows for cell in row.cells for result in cell.seeds]
