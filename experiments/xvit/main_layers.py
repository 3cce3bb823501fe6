"""Table 2a of X-ViT's main paper: layers with space-time mixing."""

from collections.abc import Iterable

from experiments.spec.claims import claim
from experiments.spec.comparisons import best
from experiments.spec.edits import Edits, model
from experiments.spec.table import Table, row
from experiments.xvit.base import MEAN, NOTES, NUM_BLOCKS, SUBMISSION
from experiments.xvit.columns import ACCURACY
from experiments.xvit.tiny import TINY

HALF = NUM_BLOCKS // 2


def mixed(blocks: Iterable[int]) -> Edits:
    """Mixing in these blocks only."""
    return model(blocks=tuple(blocks))


# fmt: off
ROWS = (
    row("first-half",  ("1st half",),            MEAN, mixed(range(HALF)),             paper=(60.7, 86.5)),
    row("second-half", ("2nd half",),            MEAN, mixed(range(HALF, NUM_BLOCKS)), paper=(60.6, 86.3)),
    row("odd",         ("Half (odd positions)",), MEAN, mixed(range(0, NUM_BLOCKS, 2)), paper=(60.3, 86.4)),
    row("all",         ("All",),                 MEAN,                                 paper=(61.6, 87.8)),
)
CLAIMS = (
    claim("X8", "main paper", "Mixing in all layers is best",
          [best("all", column, ("first-half", "second-half", "odd")) for column in ("top1", "top5")]),
)
# fmt: on

TABLE = Table(
    name="xvit/main-layers",
    caption="Layers with space-time mixing on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 2a",
    labels=("Layers",),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    notes=("Temporal aggregation is the mean over frames. Odd positions count from 1.", *NOTES),
    claims=CLAIMS,
)
