"""Strips of frames with what a model says of them: attention maps of a point, and masks of a sequence.

Attention is drawn as in Figure 4 of Motionformer (arXiv:2106.05392). Upper row: frames, with the query as a red point
and a yellow arrow from peak to peak of the attention. Middle row: attention in each frame; brighter is higher. Lower
row: the same attention as a heat map over the frames.
If the weights of different frames are parts of one sum, all maps have one scale from 0, the title of a frame has its
share of the sum, and there is no arrow.
If places between the patches are read, the upper row has a dot at each, whose area is proportional to its weight.
T token frames, h x w patches, F frames of H x W pixels.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from experiments.spec.scales import Scale
from reports.figures.drawer import KeptDrawer, empty_figure, notice, save
from reports.pages.table_texts import data_text
from runner.store.picture_files import AttentionMaps, MaskStrip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MAX_FRAMES = 8  # per strip
MAP_SIDE = 256  # longer side of a drawn map in pixels
HEAT = 0.7  # opacity of the heat map at the highest attention
QUERY, PEAK, PLACE = "#FF2020", "#FFE000", "#20E0FF"
LARGEST_DOT = 60  # area of the dot of the highest weight in square points
OPACITY = 0.6  # of masks
VOID = 255
# Colours of the objects 1, 2, ..., repeated for more.
COLORS = np.array(
    [(230, 40, 40), (40, 200, 70), (250, 200, 30), (70, 90, 250), (220, 60, 220), (40, 210, 220)], np.float64
)
VOID_COLOR = np.array([200, 200, 200], np.float64)


def draw(strips: Sequence[tuple[str, AttentionMaps]], notice: str | None = None, *, stacked: bool = False) -> "Figure":
    """Figure of strips, each with its title: two per row if all are short, else one per row.

    Args:
        notice: warning shown in red at the bottom.
        stacked: whether there is one strip per row in any case.
    """
    longest = max(len(shown_frames(maps)) for _, maps in strips)
    num_columns = min(len(strips), 2) if longest <= MAX_FRAMES // 2 and not stacked else 1
    num_rows = -(-len(strips) // num_columns)
    figure = empty_figure(1.45 * longest * num_columns + 0.3, 4.9 * num_rows + 0.2, notice)
    subfigures = figure.subfigures(num_rows, num_columns, squeeze=False).flat
    for subfigure, strip in zip(subfigures, strips, strict=False):
        _draw_strip(subfigure, *strip)
    return figure


def save_strips(title: str, found: Sequence[AttentionMaps], scale: Scale, path: Path, overrides: Iterable[str]) -> None:
    """Save attention maps of one run as PNG, one query below the other, with the overrides of the run below."""
    data = found[0].record["data"]
    names = (data["name"],)
    shown = data_text("videos", *((names, ()) if data.get("stand_in") else ((), names)))
    save(draw([(title, maps) for maps in found], notice(scale, shown, overrides), stacked=True), path)


class AttentionStripDrawer(KeptDrawer[AttentionMaps]):
    """Draws the attention maps of the rows of a report."""

    kind = AttentionMaps

    def draw(self, notice: str | None) -> "Figure":
        return draw([*self.shown.items()], notice)

    def row_pictures(self) -> "dict[str, Figure]":
        notice = self.notice()
        return {title: draw([(title, maps)], notice) for title, maps in self.shown.items()}

    def explanation(self) -> str:
        maps = self.shown.values()
        lines = ["Red point: the query. Lighter: more attention from it."]
        if any(map(has_one_scale, maps)):
            lines.append("Above a frame: its share of the attention. All maps of a strip have one scale.")
        if not all(map(has_one_scale, maps)):
            lines.append("Each frame has its own scale. Yellow arrow: from peak to peak of the attention.")
        if any(one.places is not None and len(one.places) for one in maps):
            lines.append("Light blue dots: the places that are read, larger for more weight.")
        return " ".join(lines)

    def provenance_lines(self) -> list[str]:
        return [f"{title}: {provenance_text(maps)}" for title, maps in self.shown.items()]


def caption(maps: AttentionMaps) -> str:
    """Caption of a strip: video, class, attention, block, head, and the file of released weights."""
    record = maps.record
    weights = "" if record["weights"] == "trained" else f", {record['weights']}"
    return f"{PurePosixPath(record['video']).name}{_class_text(record)}\n{_attention_text(record)}{weights}"


def provenance_text(maps: AttentionMaps) -> str:
    """Provenance of attention maps in one line."""
    record = maps.record
    x, y = record["query"]["x"], record["query"]["y"]
    weights = "weights" if record["weights"] == "trained" else f"released weights {record['weights']}"
    return (
        f"video {record['video']}{_class_text(record)}, view {record['view']}; query at {x:g},{y:g} of token frame "
        f"{record['patch'][0]}; {_attention_text(record)}; {weights} of run {record['train_id']}, "
        f"seed {record['seed']}; commit {record['commit']}, {record['hardware']}"
    )


def _class_text(record: dict) -> str:
    return f" ({record['class']})" if record.get("class") else ""


def _attention_text(record: dict) -> str:
    """Name of the attention, if it has one, block and head with their ranges, which start at 0."""
    name = f"attention {record['attention']}, " if record.get("attention") else ""
    blocks, heads = record["num_blocks"], record["num_heads"]
    block = "the only block" if blocks == 1 else f"block {record['block']} (of 0 to {blocks - 1})"
    head = f"mean of {heads} heads" if record["head"] is None else f"head {record['head']} (of 0 to {heads - 1})"
    return f"{name}{block}, {head}"


def shown_frames(maps: AttentionMaps) -> list[int]:
    """Indices of the drawn token frames: all, or MAX_FRAMES at even intervals with the query's frame among them."""
    num_frames = len(maps.maps)
    if num_frames <= MAX_FRAMES:
        return list(range(num_frames))
    shown = np.linspace(0, num_frames - 1, MAX_FRAMES).round().astype(int)
    query = maps.record["patch"][0]
    shown[np.abs(shown - query).argmin()] = query
    return shown.tolist()


def peaks(maps: AttentionMaps) -> list[tuple[float, float]]:
    """Centre (x, y) of the patch with the highest attention in each token frame, in fractions of width and height."""
    height, width = maps.maps.shape[1:]
    patches = [np.unravel_index(attention.argmax(), attention.shape) for attention in maps.maps]
    return [((column + 0.5) / width, (row + 0.5) / height) for row, column in patches]


def query_point(maps: AttentionMaps) -> tuple[float, float]:
    return maps.record["query"]["x"], maps.record["query"]["y"]


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


def _draw_strip(subfigure: "SubFigure", title: str, maps: AttentionMaps) -> None:
    shown = shown_frames(maps)
    axes = subfigure.subplots(3, len(shown), squeeze=False)
    subfigure.suptitle(f"{title}: {caption(maps)}", fontsize="medium")
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
        line = axis.plot(*zip(*path, strict=True), color=PEAK, linewidth=1.2, solid_capstyle="round")
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


class MaskStripDrawer(KeptDrawer[MaskStrip]):
    """Draws masks over the frames of a sequence: the true ones in the upper row, then those of each row."""

    kind = MaskStrip

    def draw(self, notice: str | None) -> "Figure":
        first = next(iter(self.shown.values()))
        num_frames, height, width = first.true.shape
        figure = empty_figure(2.0 * num_frames + 1.0, 2.0 * height / width * (1 + len(self.shown)) + 0.8, notice)
        axes = figure.subplots(1 + len(self.shown), num_frames, squeeze=False)
        figure.suptitle(first.record["sequence"], fontsize="medium")
        for column, number in enumerate(first.numbers):
            axes[0, column].set_title(f"frame {number}", fontsize="small")
        predicted = [(title, strip, strip.predicted) for title, strip in self.shown.items()]
        for line, (title, strip, masks) in zip(axes, [("truth", first, first.true), *predicted], strict=True):
            for axis, frame, mask in zip(line, strip.frames, masks, strict=False):
                axis.imshow(overlaid(frame, mask), interpolation="nearest")
            for axis in line:
                axis.set(xticks=[], yticks=[])
            line[0].set_ylabel(title.replace(", ", "\n"), fontsize="x-small")
        return figure

    def explanation(self) -> str:
        return "First row: the true masks. Each object has its own colour; light grey is not scored."

    def provenance_lines(self) -> list[str]:
        return [f"{title}: {_provenance_of_masks(strip)}" for title, strip in self.shown.items()]


def overlaid(frame: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frame (H, W, 3) in grey, with a mask (H, W) of numbered objects in their colours."""
    grey = frame.mean(-1, keepdims=True).repeat(3, axis=-1)
    paint = np.where((mask == VOID)[..., None], VOID_COLOR, COLORS[(mask.astype(int) - 1) % len(COLORS)])
    blended = (1 - OPACITY) * grey + OPACITY * paint
    return np.where((mask > 0)[..., None], blended, grey).round().astype(np.uint8)


def _provenance_of_masks(strip: MaskStrip) -> str:
    record = strip.record
    weights = "" if record["weights"] == "own" else f", released weights {record['weights']}"
    return (
        f"sequence {record['sequence']}; run {record['train_id']}{weights}, seed {record['seed']}; "
        f"commit {record['commit']}, {record['hardware']}"
    )
