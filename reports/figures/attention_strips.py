"""Attention of one query in each frame of a video, drawn in strips as in Figure 4 of Motionformer (arXiv:2106.05392).

Upper row: frames, with the query as a red point and a yellow arrow from peak to peak of the attention. Middle row:
attention in each frame; brighter is higher. Lower row: the same attention as a heat map over the frames.
If the weights of different frames are parts of one sum, all maps have one scale from 0, the title of a frame has its
share of the sum, and there is no arrow.
If places between the patches are read, the upper row has a dot at each, whose area is proportional to its weight.
T token frames, h x w patches, F frames of H x W pixels.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from experiments.spec.figures import AttentionStrips
from reports.figures.attention_text import caption, provenance_text
from reports.figures.drawer import Drawer
from reports.figures.empty_figure import empty_figure
from reports.pages.labels import row_name
from reports.pages.report import Report
from runner.store.attention_files import AttentionMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MAX_FRAMES = 8  # per strip
MAP_SIDE = 256  # longer side of a drawn map in pixels
HEAT = 0.7  # opacity of the heat map at the highest attention
QUERY, PEAK, PLACE = "#FF2020", "#FFE000", "#20E0FF"
LARGEST_DOT = 60  # area of the dot of the highest weight in square points


class Strip(NamedTuple):
    """Title and attention maps of one video."""

    title: str
    maps: AttentionMaps


class Point(NamedTuple):
    """Point of an image, as fractions of its width and height."""

    x: float
    y: float


def draw(strips: Sequence[Strip], notice: str | None = None, *, stacked: bool = False) -> "Figure":
    """Figure of all strips: two per row if all are short, else one per row.

    Args:
        notice: warning shown in red at the bottom.
        stacked: whether there is one strip per row in any case.
    """
    longest = max(len(shown_frames(strip.maps)) for strip in strips)
    num_columns = min(len(strips), 2) if longest <= MAX_FRAMES // 2 and not stacked else 1
    num_rows = -(-len(strips) // num_columns)
    figure = empty_figure(1.45 * longest * num_columns + 0.3, 4.9 * num_rows + 0.2, notice)
    subfigures = figure.subfigures(num_rows, num_columns, squeeze=False).flat
    for subfigure, strip in zip(subfigures, strips, strict=False):
        _draw_strip(subfigure, strip)
    return figure


def data(strips: Sequence[Strip]) -> str:
    """Everything that determines the picture, as text: titles, records, and digests of frames and maps."""
    return json.dumps(
        [
            {
                "title": strip.title,
                "record": strip.maps.record,
                **{name: _array_digest(array) for name, array in _arrays(strip.maps).items()},
            }
            for strip in strips
        ],
        sort_keys=True,
    )


class AttentionStripDrawer(Drawer):
    """Draws the attention maps of the rows of a report. Their data are stored with the runs, not with the report."""

    saves_data = False

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
        return bool(self.strips)

    def data(self) -> str:
        return data(self.strips)

    def draw(self, notice: str | None) -> "Figure":
        return draw(self.strips, notice)

    def explanation(self) -> str:
        maps = [strip.maps for strip in self.strips]
        lines = ["Red point: the query. Lighter: more attention from it."]
        if any(map(has_one_scale, maps)):
            lines.append("Above a frame: its share of the attention. All maps of a strip have one scale.")
        if not all(map(has_one_scale, maps)):
            lines.append("Each frame has its own scale. Yellow arrow: from peak to peak of the attention.")
        if any(one.places is not None and len(one.places) for one in maps):
            lines.append("Light blue dots: the places that are read, larger for more weight.")
        return " ".join(lines)

    def provenance_lines(self) -> list[str]:
        """Provenance of each row's maps, one line per row."""
        return [f"{title}: {provenance_text(maps)}" for title, maps in self.strips]

    def of_row(self, key: str) -> "Drawer | None":
        """Drawer of the strip of one row; None without maps."""
        drawer = AttentionStripDrawer(self.report, self.figure, [key])
        return drawer if drawer.has_content() else None


def shown_frames(maps: AttentionMaps) -> list[int]:
    """Indices of the drawn token frames: all, or MAX_FRAMES at even intervals with the query's frame among them."""
    num_frames = len(maps.maps)
    if num_frames <= MAX_FRAMES:
        return list(range(num_frames))
    shown = np.linspace(0, num_frames - 1, MAX_FRAMES).round().astype(int)
    query = maps.record["patch"][0]
    shown[np.abs(shown - query).argmin()] = query
    return shown.tolist()


def peaks(maps: AttentionMaps) -> list[Point]:
    """Centre of the patch with the highest attention in each token frame."""
    height, width = maps.maps.shape[1:]
    patches = [np.unravel_index(attention.argmax(), attention.shape) for attention in maps.maps]
    return [Point((column + 0.5) / width, (row + 0.5) / height) for row, column in patches]


def query_point(maps: AttentionMaps) -> Point:
    return Point(maps.record["query"]["x"], maps.record["query"]["y"])


def has_one_scale(maps: AttentionMaps) -> bool:
    return bool(maps.record.get("one_scale"))


def stretched(attention: NDArray[np.float32], highest: float | None = None) -> NDArray[np.float32]:
    """Map (h, w) scaled to the range 0 to 1 and resized bicubically to a longer side of 256. Constant maps become 0.

    Args:
        highest: weight that becomes 1, while 0 stays 0; None to scale the map from its lowest to its highest weight.
    """
    low, high = (float(attention.min()), float(attention.max())) if highest is None else (0.0, highest)
    unit = (attention - low) / (high - low) if high > low else np.zeros_like(attention)
    height, width = (round(MAP_SIDE * side / max(unit.shape)) for side in unit.shape)
    return np.asarray(Image.fromarray(unit).resize((width, height), Image.Resampling.BICUBIC)).clip(0, 1)


def _draw_strip(subfigure: "SubFigure", strip: Strip) -> None:
    maps = strip.maps
    shown = shown_frames(maps)
    axes = subfigure.subplots(3, len(shown), squeeze=False)
    subfigure.suptitle(f"{strip.title}: {caption(maps)}", fontsize="medium")
    frames_per_token = len(maps.frames) // len(maps.maps)
    highest = float(maps.maps.max()) if has_one_scale(maps) else None
    for column, frame in enumerate(shown):
        upper, middle, lower = axes[:, column]
        attention = stretched(maps.maps[frame], highest)
        _show(upper, maps.pictures[frame])
        if not has_one_scale(maps):
            _draw_path(upper, maps, shown[: column + 1])
        _draw_places(upper, maps, frame)
        if frame == maps.record["patch"][0]:
            upper.plot(*query_point(maps), "o", color=QUERY, markeredgecolor="white", markersize=7)
        _show(middle, attention)
        _show(lower, maps.pictures[frame])
        _show(lower, _heat(attention))
        first, last = frame * frames_per_token, (frame + 1) * frames_per_token - 1
        numbers = f"frame {first}" if first == last else f"frames {first}–{last}"
        share = f": {maps.maps[frame].sum():.0%}" if has_one_scale(maps) else ""
        upper.set_title(numbers + share, fontsize="small")
    for axis, text in zip(axes[:, 0], ("frames", "attention", "overlaid"), strict=True):
        axis.set_ylabel(text, fontsize="small")


def _draw_path(axis: "Axes", maps: AttentionMaps, frames: list[int]) -> None:
    """Draw the path from peak to peak up to the last of these frames."""
    from matplotlib.patheffects import withStroke

    outline = withStroke(linewidth=3, foreground="black")
    query, peak_points = maps.record["patch"][0], peaks(maps)
    path = [query_point(maps) if frame == query else peak_points[frame] for frame in frames]
    if len(path) > 1:
        line = axis.plot([p.x for p in path], [p.y for p in path], color=PEAK, linewidth=1.2, solid_capstyle="round")
        line[0].set_path_effects([outline])
        arrow = axis.annotate(
            "", path[-1], path[-2], arrowprops={"arrowstyle": "-|>", "color": PEAK, "shrinkA": 0, "shrinkB": 0}
        )
        assert arrow.arrow_patch is not None
        arrow.arrow_patch.set_path_effects([outline])


def _draw_places(axis: "Axes", maps: AttentionMaps, frame: int) -> None:
    """Draw the places that are read in a token frame, those between two frames in the nearer one."""
    if maps.places is None or not len(maps.places):
        return
    highest = max(float(maps.places[:, 3].max()), np.finfo(np.float32).tiny)
    nearest = maps.places[:, 0].round().clip(0, len(maps.maps) - 1)
    _, x, y, weight = maps.places[nearest == frame].T
    axis.scatter(x, y, s=LARGEST_DOT * weight / highest, color=PLACE, alpha=0.8, linewidths=0)


def _show(axis: "Axes", image: NDArray) -> None:
    axis.imshow(image, extent=(0, 1, 1, 0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])


def _heat(attention: NDArray[np.float32]) -> NDArray[np.float64]:
    """Heat map (h, w, 4) in RGBA. The opacity is proportional to the attention."""
    from matplotlib import colormaps

    colors = colormaps["inferno"](attention)
    colors[..., 3] = HEAT * attention
    return colors


def _arrays(maps: AttentionMaps) -> dict[str, NDArray]:
    arrays = {"frames": maps.frames, "maps": maps.maps, "places": maps.places}
    return {name: array for name, array in arrays.items() if array is not None}


def _array_digest(array: NDArray) -> str:
    header = f"{array.dtype} {array.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
