"""Masks over the frames of a sequence: the true ones in the upper row, then those of each row of a table.

T shown frames of H x W pixels.
"""

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.spec.figures import MaskStrips
from reports.figures.drawer import Drawer
from reports.figures.empty_figure import empty_figure
from reports.pages.labels import row_name
from reports.pages.report import Report
from runner.store.mask_strip_files import MaskStrip

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OPACITY = 0.6
VOID = 255
# Colours of the objects 1, 2, ..., repeated for more.
COLORS = np.array(
    [(230, 40, 40), (40, 200, 70), (250, 200, 30), (70, 90, 250), (220, 60, 220), (40, 210, 220)], np.float64
)
VOID_COLOR = np.array([200, 200, 200], np.float64)


class MaskStripDrawer(Drawer):
    """Draws the masks of the shown rows. Their data are stored with the runs, not with the report."""

    saves_data = False

    def __init__(self, report: Report, figure: MaskStrips) -> None:
        super().__init__(report)
        self.column = figure.column
        self.strips = {
            row_name(report.table, row.row): report.mask_strips[row.row.key]
            for row in report.rows
            if row.row.key in report.mask_strips
        }

    def has_content(self) -> bool:
        return bool(self.strips)

    def data(self) -> str:
        return json.dumps(
            {title: [strip.record, *map(digest_of_array, strip[:4])] for title, strip in self.strips.items()}
        )

    def draw(self, notice: str | None) -> "Figure":
        first = next(iter(self.strips.values()))
        num_frames, height, width = first.true.shape
        figure = empty_figure(2.0 * num_frames + 1.0, 2.0 * height / width * (1 + len(self.strips)) + 0.8, notice)
        axes = figure.subplots(1 + len(self.strips), num_frames, squeeze=False)
        figure.suptitle(first.record["sequence"], fontsize="medium")
        for column, number in enumerate(first.numbers):
            axes[0, column].set_title(f"frame {number}", fontsize="small")
        shown = [
            ("truth", first, first.true),
            *((title, strip, strip.predicted) for title, strip in self.strips.items()),
        ]
        for line, (title, strip, masks) in zip(axes, shown, strict=True):
            for axis, frame, mask in zip(line, strip.frames, masks, strict=False):
                axis.imshow(overlaid(frame, mask), interpolation="nearest")
            for axis in line:
                axis.set(xticks=[], yticks=[])
            line[0].set_ylabel(title.replace(", ", "\n"), fontsize="x-small")
        return figure

    def explanation(self) -> str:
        return "First row: the true masks. Each object has its own colour; light grey is not scored."

    def provenance_lines(self) -> list[str]:
        """Provenance of the masks of each row, one line per row."""
        return [f"{title}: {provenance_text(strip)}" for title, strip in self.strips.items()]


def overlaid(frame: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frame (H, W, 3) in grey, with a mask (H, W) of numbered objects in their colours."""
    grey = frame.mean(-1, keepdims=True).repeat(3, axis=-1)
    paint = np.where((mask == VOID)[..., None], VOID_COLOR, COLORS[(mask.astype(int) - 1) % len(COLORS)])
    blended = (1 - OPACITY) * grey + OPACITY * paint
    return np.where((mask > 0)[..., None], blended, grey).round().astype(np.uint8)


def provenance_text(strip: MaskStrip) -> str:
    """Provenance of a strip in one line."""
    record = strip.record
    weights = "" if record["weights"] == "own" else f", released weights {record['weights']}"
    return (
        f"sequence {record['sequence']}; run {record['train_id']}{weights}, seed {record['seed']}; "
        f"commit {record['commit']}, {record['hardware']}"
    )


def digest_of_array(array: NDArray) -> str:
    """Short hash of an array, its type and its shape."""
    header = f"{array.dtype} {array.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
