"""Table 1d of CAST: effect of projection ratio."""

from experiments.cast.base import NOTES, bottleneck
from experiments.cast.columns import ACCURACY, KEYS
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import Above, best
from experiments.spec.expressions import cell
from experiments.spec.table import Table, bold, row

# fmt: off
ROWS = (
    row("ratio-1-8", ("1/8",), bottleneck(ratio=8), paper=(70.7, 59.9, 47.4)),
    row("ratio-1-4", ("1/4",), bottleneck(ratio=4), paper=(71.3, 59.8, 47.4)),
    row("ratio-1-2", ("1/2",),                      paper=bold(72.5, 60.3, 48.7)),
    row("ratio-1",   ("1",),   bottleneck(ratio=1), paper=(72.1, 59.8, 48.6)),
)
OTHERS = ("ratio-1-8", "ratio-1-4", "ratio-1")
CLAIMS = (
    claim("C9", "section 4.5", "A ratio of 1/2 is best", [best("ratio-1-2", column, OTHERS) for column in KEYS]),
    claim("C10", "section 4.5", "A ratio of 1 is worse than 1/2",
          Above(cell("ratio-1-2.action") - cell("ratio-1.action"))),
)
# fmt: on

TABLE = Table(
    name="cast/table1d",
    caption="Effect of projection ratio",
    source="arXiv:2311.18825, Table 1d",
    labels=("Ratio",),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=NOTES,
    claims=CLAIMS,
)
