"""Table 1 of X-ViT's main paper: size of the local window of frames."""

from experiments.spec.claims import claim
from experiments.spec.comparisons import Above, best
from experiments.spec.expressions import cell
from experiments.spec.table import Table, TinyNote, row
from experiments.xvit.base import MEAN, NOTES, SUBMISSION, mixing
from experiments.xvit.columns import ACCURACY
from experiments.xvit.tiny import TINY

# fmt: off
ROWS = (
    row("tw-0",          ("t_w = 0",),       MEAN, mixing(window=0),                     paper=(44.2, 71.4)),
    row("tw-1",          ("t_w = 1",),       MEAN,                                       paper=(61.6, 87.8)),
    row("tw-2",          ("t_w = 2",),       MEAN, mixing(window=2),                     paper=(59.7, 86.4)),
    row("tw-2-boundary", ("t_w = 2 (Bo.)",), MEAN, mixing(window=2, only_farthest=True), paper=(59.6, 86.2)),
)
OTHERS = ("tw-0", "tw-2", "tw-2-boundary")
CLAIMS = (
    claim("X6", "main paper", "A window of one neighbour on each side is best",
          [best("tw-1", column, OTHERS) for column in ("top1", "top5")]),
    claim("X7", "main paper", "Without a window the accuracy collapses",
          Above(cell("tw-1.top1") - cell("tw-0.top1"), 10)),
)
# fmt: on

TABLE = Table(
    name="xvit/main-window",
    caption="Size of the local window of X-ViT on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 1",
    labels=("Window",),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    notes=(
        "Temporal aggregation is the mean over frames. (Bo.): only the frames at the ends of the window.",
        TinyNote(
            "On the stand-in, only motion tells the class. Without a window, the mean over frames does not depend on their "
            "order, so that the first row can only guess."
        ),
        *NOTES,
    ),
    claims=CLAIMS,
)
