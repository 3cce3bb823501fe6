"""Strips of frames with what one query attends to in each, as Motionformer's Figure 4 shows them (arXiv:2106.05392).

For each video: the frames with the query as a red point and a yellow arrow from peak to peak; below them the attention
in each frame, bright where it is high; and the same attention as heat over the frames.
T token frames, h x w patches, F frames of H x W pixels.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from PIL import Image

from experiments.runner.attention_files import AttentionMaps
from experiments.spec.figures import AttentionStrips
from reports.drawer import Drawer
from reports.layout import row_name
from reports.report import Report

MOST_FRAMES = 8
MAP_SIDE = 256  # pixels that a map's longer side is drawn with
HEAT = 0.7  # opacity of the overlay where attention is highest
QUERY, PEAK = "#FF2020", "#FFE000"
OUTLINE = withStroke(linewidth=3, foreground="black")


class Strip(NamedTuple):
    """One video: what stands above it, and the maps."""

    title: str
    maps: AttentionMaps


class Point(NamedTuple):
    """A place in the picture, as shares of its width and height."""

    x: float
    y: float


def draw(strips: Sequence[Strip], notice: str | None = None) -> Figure:
    """The strips, side by side where they are short, else below each other.

    Args:
        notice: what a reader must know before looking, in red at the bottom.
    """
    longest = max(len(shown_frames(strip.maps)) for strip in strips)
    across = min(len(strips), 2) if longest <= MOST_FRAMES // 2 else 1
    down = -(-len(strips) // across)
    figure = Figure(figsize=(1.45 * longest * across + 0.3, 4.9 * down + 0.2), dpi=150, layout="constrained")
    parts = figure.subfigures(down, across, squeeze=False).flat
    for part, strip in zip(parts, strips, strict=False):
        _draw_strip(part, strip)
    if notice:
        figure.supxlabel(notice, fontsize="small", color="#B00000")
    return figure


def data(strips: Sequence[Strip]) -> str:
    """All that the picture depends on, as text: titles, records, and digests of frames and maps."""
    return json.dumps(
        [
            {
                "title": strip.title,
                "record": strip.maps.record,
                **{name: _array_digest(getattr(strip.maps, name)) for name in ("frames", "maps")},
            }
            for strip in strips
        ],
        sort_keys=True,
    )


class AttentionStripDrawer(Drawer):
    """Draws the attention maps of a report's rows; their data lie beside the runs."""

    keeps_data = False

    def __init__(self, report: Report, figure: AttentionStrips, rows: Sequence[str] | None = None) -> None:
        super().__init__(report)
        self.figure = figure
        self.column = figure.column
        maps = report.attention_maps
        self.strips = [
            Strip(row_name(report.table, row.row), maps[row.row.key])
            for row in report.rows
            if row.row.key in maps and (rows is None or row.row.key in rows)
        ]

    def has_content(self) -> bool:
        """Whether any maps have been made."""
        return bool(self.strips)

    def data(self) -> str:
        """Titles, records, and digests of frames and maps."""
        return data(self.strips)

    def draw(self, notice: str | None) -> Figure:
        """The strips of all rows."""
        return draw(self.strips, notice)

    def provenance_lines(self) -> list[str]:
        """A line a row."""
        return [f"{title}: {provenance_text(maps)}" for title, maps in self.strips]

    def of_row(self, key: str) -> "Drawer | None":
        """The strip of one row."""
        drawer = AttentionStripDrawer(self.report, self.figure, [key])
        return drawer if drawer.has_content() else None


def caption(maps: AttentionMaps) -> str:
    """What is shown: video, block, head and weights."""
    record = maps.record
    kind = f" ({record['class']})" if record.get("class") else ""
    lines = [f"{PurePosixPath(record['video']).name}{kind}", f"{block_text(record)}, {head_text(record)}"]
    return "\n".join(lines) + ("" if record["weights"] == "trained" else f", {record['weights']}")


def provenance_text(maps: AttentionMaps) -> str:
    """How the maps came about, in a line."""
    record = maps.record
    x, y = query_point(maps)
    kind = f" ({record['class']})" if record.get("class") else ""
    source = "trained here" if record["weights"] == "trained" else f"released, {record['weights']}"
    return (
        f"video {record['video']}{kind}, view {record['view']}; query at {x:g},{y:g} of token frame "
        f"{record['patch'][0]}; {block_text(record)}, {head_text(record)}; weights {source}, run {record['train_id']}, "
        f"seed {record['seed']}; commit {record['commit']}, {record['hardware']}"
    )


def block_text(record: dict) -> str:
    """Which block, of which: all are counted from 0."""
    return f"block {record['block']} of 0 to {record['num_blocks'] - 1}"


def head_text(record: dict) -> str:
    """Which head, of which."""
    if record["head"] is None:
        return f"mean of {record['num_heads']} heads"
    return f"head {record['head']} of 0 to {record['num_heads'] - 1}"


def shown_frames(maps: AttentionMaps) -> list[int]:
    """The token frames that are drawn: all, or some at even steps, always with the query's."""
    count = len(maps.maps)
    if count <= MOST_FRAMES:
        return list(range(count))
    shown = np.linspace(0, count - 1, MOST_FRAMES).round().astype(int)
    query = maps.record["patch"][0]
    shown[np.abs(shown - query).argmin()] = query
    return shown.tolist()


def peaks(maps: AttentionMaps) -> list[Point]:
    """The middle of the patch that each token frame's attention is highest in."""
    height, width = maps.maps.shape[1:]
    places = [np.unravel_index(one.argmax(), one.shape) for one in maps.maps]
    return [Point((column + 0.5) / width, (row + 0.5) / height) for row, column in places]


def query_point(maps: AttentionMaps) -> Point:
    """The point that was asked for."""
    return Point(maps.record["query"]["x"], maps.record["query"]["y"])


def stretched(attention: NDArray[np.float32]) -> NDArray[np.float32]:
    """A map (h, w) from 0 at its lowest to 1 at its highest, bicubic, with a longer side of 256; 0 where it is even."""
    low, high = float(attention.min()), float(attention.max())
    unit = (attention - low) / (high - low) if high > low else np.zeros_like(attention)
    height, width = (round(MAP_SIDE * side / max(unit.shape)) for side in unit.shape)
    return np.asarray(Image.fromarray(unit).resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)


def _draw_strip(part: SubFigure, strip: Strip) -> None:
    maps = strip.maps
    shown = shown_frames(maps)
    axes = part.subplots(3, len(shown), squeeze=False)
    part.suptitle(f"{strip.title}: {caption(maps)}", fontsize="medium")
    each = len(maps.frames) // len(maps.maps)
    for column, frame in enumerate(shown):
        above, middle, below = axes[:, column]
        attention = stretched(maps.maps[frame])
        _show(above, maps.pictures[frame])
        _draw_path(above, maps, shown[: column + 1])
        _show(middle, attention)
        _show(below, maps.pictures[frame])
        _show(below, _heat(attention))
        first = frame * each
        above.set_title(f"frame {first}" if each == 1 else f"frames {first}–{first + each - 1}", fontsize="small")
    for axis, text in zip(axes[:, 0], ("frames", "attention", "overlaid"), strict=True):
        axis.set_ylabel(text, fontsize="small")


def _draw_path(axis: Axes, maps: AttentionMaps, frames: list[int]) -> None:
    """The query in its own frame; the way from peak to peak up to the last of these frames."""
    query, tops = maps.record["patch"][0], peaks(maps)
    way = [query_point(maps) if frame == query else tops[frame] for frame in frames]
    if len(way) > 1:
        line = axis.plot([p.x for p in way], [p.y for p in way], color=PEAK, linewidth=1.2, solid_capstyle="round")
        line[0].set_path_effects([OUTLINE])
        arrow = axis.annotate(
            "", way[-1], way[-2], arrowprops={"arrowstyle": "-|>", "color": PEAK, "shrinkA": 0, "shrinkB": 0}
        )
        assert arrow.arrow_patch is not None
        arrow.arrow_patch.set_path_effects([OUTLINE])
    if frames[-1] == query:
        axis.plot(*way[-1], "o", color=QUERY, markeredgecolor="white", markersize=7)


def _show(axis: Axes, image: NDArray) -> None:
    axis.imshow(image, extent=(0, 1, 1, 0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])


def _heat(attention: NDArray[np.float32]) -> NDArray[np.float64]:
    """Colours (h, w, 4), the more opaque the higher the attention."""
    colors = colormaps["inferno"](attention)
    colors[..., 3] = HEAT * attention
    return colors


def _array_digest(array: NDArray) -> str:
    header = f"{array.dtype} {array.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
