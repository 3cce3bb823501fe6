"""Table A1 of the 3D deformable transformer: complexity of full attention and of joint stride attention."""

from experiments.deform3d.base import FRAMES, GYM99, NTU60, ONE_PERSON, PENN, SOURCE
from experiments.deform3d.complexity import Axis, Counts, Stage, columns, config_of, exponent, printed_rows
from experiments.deform3d.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.comparisons import About, Below, Within
from experiments.spec.edits import Edits, model
from experiments.spec.expressions import cell
from experiments.spec.metrics import Computed
from experiments.spec.run import RunConfig
from experiments.spec.table import Table, row
from models.deform3d.stride import full_joint_pairs, joint_stride_pairs
from models.deform3d.windows import Windows
from models.model import as_pose_clip


def scores(
    run: RunConfig, *, frames: int | None = None, joints: int | None = None, window: int | None = None
) -> Counts:
    """Scores of both attentions for a run, with other numbers of frames, of joints or of joints of a window."""
    size, own = as_pose_clip(run.data.size), config_of(run).joint_windows
    frames, joints = frames or size.frames, joints or size.joints
    windows = Windows.Config(window=window or own.window, pairing=own.pairing)
    return Counts(full_joint_pairs(frames, joints), joint_stride_pairs(frames, joints, windows))


def joints_of(run: RunConfig) -> int:
    """Number of joints of a frame, R."""
    return as_pose_clip(run.data.size).joints


def on(window: int) -> Edits:
    """Windows of this many joints. Each window of queries has one of keys, without the additional one of the default."""
    return model(joint_windows=Windows.Config(window=window, pairing="shift"))


WINDOW = Axis("wnd", (2, 4, 6, 8, 12, 16, 24), lambda run, size: scores(run, joints=50, window=size))
WINDOW_EXPONENT = Computed("window_exponent", lambda run: exponent(WINDOW, "stride", run))
STAGE = Stage(
    "Joint stride attention",
    "O(T²R²)",
    "O(T²wnd²)",
    scores,
    lambda run: config_of(run).joint_windows,
    joints_of,
    axes=(
        Axis("T", range(2, 65), lambda run, size: scores(run, frames=size, window=4)),
        Axis("R", range(14, 201, 2), lambda run, size: scores(run, joints=size, window=4)),
        WINDOW,
    ),
)

# fmt: off
ROWS = (
    *printed_rows(STAGE),
    row("r13-w2",  ("Ours: Penn Action, R = 13",         "2"),  on(2),              paper=()),
    row("r13-w3",  ("Ours: Penn Action, R = 13",         "3"),  on(3),              paper=()),
    row("r13-w4",  ("Ours: Penn Action, R = 13",         "4"),  on(4),              paper=()),
    row("r13-w6",  ("Ours: Penn Action, R = 13",         "6"),  on(6),              paper=()),
    row("r13-w8",  ("Ours: Penn Action, R = 13",         "8"),  on(8),              paper=()),
    row("r17-w4",  ("Ours: FineGYM, R = 17",             "4"),  on(4),  base=GYM99, paper=()),
    row("r25-w4",  ("Ours: NTU, one person, R = 25",     "4"),  on(4),  base=ONE_PERSON, paper=()),
    row("r25-w12", ("Ours: NTU, one person, R = 25",     "12"), on(12), base=ONE_PERSON, paper=()),
    row("r50-w4",  ("Ours: NTU, two people, R = 50",     "4"),  on(4),  base=NTU60, paper=()),
    row("r50-w8",  ("Ours: NTU, two people, R = 50",     "8"),  on(8),  base=NTU60, paper=()),
)
SIZES = tuple(each.key for each in ROWS if each.key.startswith("r"))
CLAIMS = (
    claim("D1", "section A.1, Table A1", "Joint stride attention is always cheaper than full attention",
          [Below(cell(f"{key}.ratio"), 1) for key in SIZES]),
    claim("D2", "Table A1", "Its cost goes with the square of the window",
          About(cell("stride.complexity", WINDOW_EXPONENT), 2, 0.5)),
    claim("D4", "Algorithm A1", "The windows of queries cover every joint",
          [Within(cell(f"{key}.left-out"), 0) for key in SIZES]),
)
# fmt: on

TABLE = Table(
    name="deform3d/tableA1",
    caption="Complexity comparisons between full attention and joint stride attention",
    source=f"{SOURCE}, Table A1",
    labels=("Method", ("Ours", "", "wnd")),
    columns=columns(STAGE, PENN),
    rows=ROWS,
    tiny=TINY,
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
    claims=CLAIMS,
)
