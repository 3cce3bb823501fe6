"""Columns and printed rows of Tables A1 and A2: scores and multiply-adds of full and of stride attention, counted.

T frames, R joints, D_n tokens of a frame. A score is a pair of a query and a key."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.deform3d.base import FRAMES, GYM99, LARGE, NTU60, ONE_PERSON, PENN, table
from experiments.spec.claims import about, below, cell, claim, within
from experiments.spec.language import ByColumn, Column, Computed, Edits, Row, RunConfig, data, model, row
from interface.sizes import PoseClipSize
from models.deform3d.model import DeformableTransformer
from models.deform3d.stride import MODAL, scores
from models.deform3d.windows import Windows, printed_query_starts

MILLION, BILLION = 1e6, 1e9
KEYS = ("full", "stride", "full-macs", "stride-macs", "ratio", "smaller", "left-out")
NOTHING = Computed("nothing", lambda run: None)


class Counts(NamedTuple):
    """Numbers of scores of full attention and of stride attention in one layer and head."""

    full: int
    stride: int

    @property
    def ratio(self) -> float:
        return self.stride / self.full


class Axis(NamedTuple):
    """A size that a complexity depends on: its symbol, the sizes of a fit, and the scores of a run at a size."""

    symbol: str
    sizes: Sequence[int]
    counts: Callable[[RunConfig, int], Counts]


class Stage(NamedTuple):
    """A stride attention.

    `name`: name in headers. `full`, `printed`: complexity of full attention and of stride attention, as printed.
    `counts`: numbers of scores of a run. `sizes`: places of a window of a run, and of the axis of the windows.
    `axes`: sizes whose exponents are fitted. `num_labels`: number of labels of our rows beside the first one.
    """

    name: str
    full: str
    printed: str
    counts: Callable[[RunConfig], Counts]
    sizes: Callable[[RunConfig], tuple[int, int]]
    axes: tuple[Axis, ...]
    num_labels: int = 1


def left_out(run: RunConfig, stage: Stage) -> float:
    """Number of places that no window of queries of the printed loop contains."""
    width, length = stage.sizes(run)
    covered = {start + place for start in printed_query_starts(length, width) for place in range(width)}
    return float(length - len(covered))


def config_of(run: RunConfig) -> DeformableTransformer.Config:
    assert isinstance(run.model, DeformableTransformer.Config)
    return run.model


def columns(stage: Stage, base: RunConfig) -> tuple[Column, ...]:
    def macs(number: int, run: RunConfig) -> float:
        """Multiply-adds of scores and of the sums of values, of all heads together, without projections."""
        return 2 * number * config_of(run).width / BILLION

    full, stride = "Full attention", stage.name
    # fmt: off
    counted: tuple[tuple[str, tuple[str, str], int | None, str, Callable[[RunConfig], float]], ...] = (
        ("full",        (full, "scores, 10⁶"),          3, "full_scores",   lambda run: stage.counts(run).full / MILLION),
        ("stride",      (stride, "scores, 10⁶"),        3, "stride_scores", lambda run: stage.counts(run).stride / MILLION),
        ("full-macs",   (full, "multiply-adds, 10⁹"),   3, "full_macs",     lambda run: macs(stage.counts(run).full, run)),
        ("stride-macs", (stride, "multiply-adds, 10⁹"), 3, "stride_macs",   lambda run: macs(stage.counts(run).stride, run)),
        ("ratio",       ("Stride / full", "scores"),    3, "ratio",         lambda run: stage.counts(run).ratio),
        ("smaller",     ("Stride / full", "smaller"), None, "smaller",      lambda run: stage.counts(run).ratio < 1),
        ("left-out",    ("Printed loop", "places without a query"), 0, "left_out", lambda run: left_out(run, stage)),
    )
    # fmt: on
    return (
        Column(key="complexity", header="Complexity", metric=NOTHING, base=base),
        *(
            Column(key=key, header=("Ours", *header), metric=Computed(name, value), base=base, digits=digits)
            for key, header, digits, name, value in counted
        ),
    )


def exponent(axis: Axis, name: str, run: RunConfig) -> float:
    """Exponent of a power of the size, fitted to the counts of full or of stride attention on logarithmic axes."""
    counts = [math.log(getattr(axis.counts(run, size), name)) for size in axis.sizes]
    return round(float(np.polyfit(np.log(axis.sizes), counts, 1)[0]), 2)


def printed_rows(stage: Stage) -> tuple[Row, ...]:
    """The two rows of the paper: the printed complexities beside the fitted exponents."""

    def fitted(name: str) -> Computed:
        def text(run: RunConfig) -> str:
            powers = {axis.symbol: exponent(axis, name, run) for axis in stage.axes}
            signs = {1.0: " ", 2.0: "²"}
            factors = (symbol + signs.get(power, f"^{power:.2f} ") for symbol, power in powers.items() if power)
            return f"O({''.join(factors).strip()})"

        return Computed(f"{name}_complexity", text)

    def of(key: str, label: str, printed: str) -> Row:
        metric = ByColumn(key, {**dict.fromkeys(KEYS, NOTHING), "complexity": fitted(key)})
        labels = (label, *(None,) * stage.num_labels)
        return row(key, labels, metric=metric, paper=(printed, *(None,) * len(KEYS)))

    return (of("full", "Full attention", stage.full), of("stride", stage.name, stage.printed))


def scores_a1(
    run: RunConfig, *, frames: int | None = None, joints: int | None = None, window: int | None = None
) -> Counts:
    """Scores of both attentions for a run, with other numbers of frames, of joints or of joints of a window."""
    size, own = PoseClipSize.of(run.data.size), config_of(run).joint_windows
    windows = Windows.Config(window=window or own.window, pairing=own.pairing).build(joints or size.joints)
    return Counts(*scores(windows, MODAL, frames or size.frames))


def on_a1(window: int) -> Edits:
    """Windows of this many joints. Each window of queries has one of keys, without the additional one of the default."""
    return model(joint_windows=Windows.Config(window=window, pairing="shift"))


WINDOW = Axis("wnd", (2, 4, 6, 8, 12, 16, 24), lambda run, size: scores_a1(run, joints=50, window=size))
WINDOW_EXPONENT = Computed("window_exponent", lambda run: exponent(WINDOW, "stride", run))
STAGE_A1 = Stage(
    "Joint stride attention",
    "O(T²R²)",
    "O(T²wnd²)",
    scores_a1,
    lambda run: (config_of(run).joint_windows.window, PoseClipSize.of(run.data.size).joints),
    axes=(
        Axis("T", range(2, 65), lambda run, size: scores_a1(run, frames=size, window=4)),
        Axis("R", range(14, 201, 2), lambda run, size: scores_a1(run, joints=size, window=4)),
        WINDOW,
    ),
)

# fmt: off
ROWS_A1 = (
    *printed_rows(STAGE_A1),
    row("r13-w2",  ("Ours: Penn Action, R = 13",         "2"),  on_a1(2),              paper=()),
    row("r13-w3",  ("Ours: Penn Action, R = 13",         "3"),  on_a1(3),              paper=()),
    row("r13-w4",  ("Ours: Penn Action, R = 13",         "4"),  on_a1(4),              paper=()),
    row("r13-w6",  ("Ours: Penn Action, R = 13",         "6"),  on_a1(6),              paper=()),
    row("r13-w8",  ("Ours: Penn Action, R = 13",         "8"),  on_a1(8),              paper=()),
    row("r17-w4",  ("Ours: FineGYM, R = 17",             "4"),  on_a1(4),  base=GYM99, paper=()),
    row("r25-w4",  ("Ours: NTU, one person, R = 25",     "4"),  on_a1(4),  base=ONE_PERSON, paper=()),
    row("r25-w12", ("Ours: NTU, one person, R = 25",     "12"), on_a1(12), base=ONE_PERSON, paper=()),
    row("r50-w4",  ("Ours: NTU, two people, R = 50",     "4"),  on_a1(4),  base=NTU60, paper=()),
    row("r50-w8",  ("Ours: NTU, two people, R = 50",     "8"),  on_a1(8),  base=NTU60, paper=()),
)
SIZES_A1 = tuple(each.key for each in ROWS_A1 if each.key.startswith("r"))
CLAIMS_A1 = (
    claim("D1", "section A.1, Table A1", "Joint stride attention is always cheaper than full attention",
          [below(cell(f"{key}.ratio"), 1) for key in SIZES_A1]),
    claim("D2", "Table A1", "Its cost goes with the square of the window",
          about(cell("stride.complexity", WINDOW_EXPONENT), 2, 0.5)),
    claim("D4", "Algorithm A1", "The windows of queries cover every joint",
          [within(cell(f"{key}.left-out"), 0) for key in SIZES_A1]),
)
# fmt: on

TABLE_A1 = table(
    "tableA1",
    "Complexity comparisons between full attention and joint stride attention",
    labels=("Method", ("Ours", "", "wnd")),
    columns=columns(STAGE_A1, PENN),
    rows=ROWS_A1,
    notes=(
        f"Counted for one layer at T = {FRAMES}, with the modal tokens of pose and CLS in every frame, and in every window. "
        "Scores are those of one head, multiply-adds those of all heads, without projections. The printed terms count one "
        "window, and no modal tokens.",
        "The windows are ours, which cover every joint; the last column counts the joints that the printed loop leaves "
        "without a query, before it ends or repeats.",
        "Printed: “the overall time complexity of joint stride attention is smaller than full attention”, and the comment "
        "“to assure query covers entire tokens”. Beside the printed complexities stand "
        "exponents fitted to our counts: T of 2 to 64, R of 14 to 200, both with windows of 4 joints, and windows of 2 to 24 of 50 joints.",
    ),
    claims=CLAIMS_A1,
)


def scores_a2(
    run: RunConfig, *, frames: int | None = None, tokens: int | None = None, window: int | None = None
) -> Counts:
    """Scores of both attentions for a run, with other numbers of frames, of tokens of a frame or of frames of a window."""
    size, own = PoseClipSize.of(run.data.size), config_of(run).time_windows
    windows = Windows.Config(window=window or own.window, pairing=own.pairing).build(frames or size.frames)
    return Counts(*scores(windows, 0, tokens or config_of(run).tokens_per_frame(size)))


def on_a2(frames: int, window: int) -> Edits:
    """Clips and windows of these many frames, without the additional window of the default."""
    return (*data(frames=frames), *model(time_windows=Windows.Config(window=window, pairing="shift")))


STAGE_A2 = Stage(
    "Temporal stride attention",
    "O(T²D_n²)",
    "O(wnd²D_n²)",
    scores_a2,
    lambda run: (config_of(run).time_windows.window, PoseClipSize.of(run.data.size).frames),
    axes=(
        Axis("T", range(6, 65, 2), lambda run, size: scores_a2(run, frames=size, window=4)),
        Axis("D_n", range(50, 1001, 50), lambda run, size: scores_a2(run, tokens=size, window=4)),
        Axis("wnd", (2, 4, 6, 8, 12, 16, 24), lambda run, size: scores_a2(run, frames=48, window=size)),
    ),
    num_labels=2,
)

# fmt: off
ROWS_A2 = (
    *printed_rows(STAGE_A2),
    row("t4-w2",  ("Ours: 112 pixels", "4",  "2"), on_a2(4, 2),          paper=()),
    row("t4-w3",  ("Ours: 112 pixels", "4",  "3"), on_a2(4, 3),          paper=()),
    row("t6-w3",  ("Ours: 112 pixels", "6",  "3"), on_a2(6, 3),          paper=()),
    row("t8-w4",  ("Ours: 112 pixels", "8",  "4"), on_a2(8, 4),          paper=()),
    row("t8-w6",  ("Ours: 112 pixels", "8",  "6"), on_a2(8, 6),          paper=()),
    row("t12-w2", ("Ours: 112 pixels", "12", "2"), on_a2(12, 2),         paper=()),
    row("t12-w4", ("Ours: 112 pixels", "12", "4"), on_a2(12, 4),         paper=()),
    row("t12-w6", ("Ours: 112 pixels", "12", "6"), on_a2(12, 6),         paper=()),
    row("t12-w8", ("Ours: 112 pixels", "12", "8"), on_a2(12, 8),         paper=()),
    row("t16-w4", ("Ours: 112 pixels", "16", "4"), on_a2(16, 4),         paper=()),
    row("t12-w4-large", ("Ours: 224 pixels", "12", "4"), on_a2(12, 4), LARGE, paper=()),
)
SIZES_A2 = tuple(each.key for each in ROWS_A2 if each.key.startswith("t"))
CLAIMS_A2 = (
    claim("D3", "section A.2, Table A2", "Temporal stride attention is always cheaper than full attention",
          [below(cell(f"{key}.ratio"), 1) for key in SIZES_A2]),
    claim("D4", "Algorithm A2", "The windows of queries cover every frame",
          [within(cell(f"{key}.left-out"), 0) for key in SIZES_A2]),
)
# fmt: on

TABLE_A2 = table(
    "tableA2",
    "Complexity comparisons between full attention and temporal stride attention",
    labels=("Method", ("Ours", "", "T"), ("Ours", "", "wnd")),
    columns=columns(STAGE_A2, PENN),
    rows=ROWS_A2,
    notes=(
        "Counted for one layer with the 13 joints of Penn Action and the three modal tokens of a frame: D_n = 212 at 112 "
        "pixels and 800 at 224. Scores are those of one head, multiply-adds those of all heads, without projections. The "
        "printed terms count one window.",
        "The windows are ours, which cover every frame; the last column counts the frames that the printed loop leaves "
        "without a query, before it ends or repeats.",
        "Printed: “the overall time complexity of temporal stride attention is smaller than full attention”, and the comment "
        "“to assure query covers entire tokens”. Beside the printed complexities stand "
        "exponents fitted to our counts: T of 6 to 64 and D_n of 50 to 1,000, both with windows of 4 frames, and windows of 2 to 24 of 48 frames.",
    ),
    claims=CLAIMS_A2,
)
