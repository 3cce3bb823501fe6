"""Table A2 of the 3D deformable transformer: complexity of full attention and of temporal stride attention."""

from experiments.deform3d.base import LARGE, PENN, SOURCE
from experiments.deform3d.complexity import Axis, Counts, Stage, columns, config_of, printed_rows
from experiments.deform3d.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.comparisons import Below, Within
from experiments.spec.edits import Edits, data, model
from experiments.spec.expressions import cell
from experiments.spec.run import RunConfig
from experiments.spec.table import Table, row
from models.deform3d.stride import full_temporal_pairs, temporal_stride_pairs
from models.deform3d.windows import Windows
from models.model import as_pose_clip


def scores(
    run: RunConfig, *, frames: int | None = None, tokens: int | None = None, window: int | None = None
) -> Counts:
    """Scores of both attentions for a run, with other numbers of frames, of tokens of a frame or of frames of a window."""
    size, own = as_pose_clip(run.data.size), config_of(run).time_windows
    frames, tokens = frames or size.frames, tokens or config_of(run).tokens_per_frame(size)
    windows = Windows.Config(window=window or own.window, pairing=own.pairing)
    return Counts(full_temporal_pairs(frames, tokens), temporal_stride_pairs(frames, tokens, windows))


def frames_of(run: RunConfig) -> int:
    """Number of frames of a clip, T."""
    return as_pose_clip(run.data.size).frames


def on(frames: int, window: int) -> Edits:
    """Clips and windows of these many frames, without the additional window of the default."""
    return (*data(frames=frames), *model(time_windows=Windows.Config(window=window, pairing="shift")))


STAGE = Stage(
    "Temporal stride attention",
    "O(T²D_n²)",
    "O(wnd²D_n²)",
    scores,
    lambda run: config_of(run).time_windows,
    frames_of,
    axes=(
        Axis("T", range(6, 65, 2), lambda run, size: scores(run, frames=size, window=4)),
        Axis("D_n", range(50, 1001, 50), lambda run, size: scores(run, tokens=size, window=4)),
        Axis("wnd", (2, 4, 6, 8, 12, 16, 24), lambda run, size: scores(run, frames=48, window=size)),
    ),
    num_labels=2,
)

# fmt: off
ROWS = (
    *printed_rows(STAGE),
    row("t4-w2",  ("Ours: 112 pixels", "4",  "2"), on(4, 2),          paper=()),
    row("t4-w3",  ("Ours: 112 pixels", "4",  "3"), on(4, 3),          paper=()),
    row("t6-w3",  ("Ours: 112 pixels", "6",  "3"), on(6, 3),          paper=()),
    row("t8-w4",  ("Ours: 112 pixels", "8",  "4"), on(8, 4),          paper=()),
    row("t8-w6",  ("Ours: 112 pixels", "8",  "6"), on(8, 6),          paper=()),
    row("t12-w2", ("Ours: 112 pixels", "12", "2"), on(12, 2),         paper=()),
    row("t12-w4", ("Ours: 112 pixels", "12", "4"), on(12, 4),         paper=()),
    row("t12-w6", ("Ours: 112 pixels", "12", "6"), on(12, 6),         paper=()),
    row("t12-w8", ("Ours: 112 pixels", "12", "8"), on(12, 8),         paper=()),
    row("t16-w4", ("Ours: 112 pixels", "16", "4"), on(16, 4),         paper=()),
    row("t12-w4-large", ("Ours: 224 pixels", "12", "4"), on(12, 4), LARGE, paper=()),
)
SIZES = tuple(each.key for each in ROWS if each.key.startswith("t"))
CLAIMS = (
    claim("D3", "section A.2, Table A2", "Temporal stride attention is always cheaper than full attention",
          [Below(cell(f"{key}.ratio"), 1) for key in SIZES]),
    claim("D4", "Algorithm A2", "The windows of queries cover every frame",
          [Within(cell(f"{key}.left-out"), 0) for key in SIZES]),
)
# fmt: on

TABLE = Table(
    name="deform3d/tableA2",
    caption="Complexity comparisons between full attention and temporal stride attention",
    source=f"{SOURCE}, Table A2",
    labels=("Method", ("Ours", "", "T"), ("Ours", "", "wnd")),
    columns=columns(STAGE, PENN),
    rows=ROWS,
    tiny=TINY,
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
    claims=CLAIMS,
)
