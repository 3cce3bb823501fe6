"""Table 1f of CAST: effect of the number of cross-attention layers."""

from experiments.cast.base import NOTES
from experiments.cast.columns import ACCURACY, KEYS
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import Rising
from experiments.spec.edits import model
from experiments.spec.expressions import cell
from experiments.spec.table import Table, bold, row

# fmt: off
ROWS = (
    row("top-3",  (None, None, None, True), model(blocks=tuple(range(9, 12))), paper=(71.2, 59.4, 47.4)),
    row("top-6",  (None, None, True, True), model(blocks=tuple(range(6, 12))), paper=(71.3, 59.9, 47.9)),
    row("top-9",  (None, True, True, True), model(blocks=tuple(range(3, 12))), paper=(71.8, 60.0, 48.2)),
    row("all-12", (True, True, True, True),                                    paper=bold(72.5, 60.3, 48.7)),
)
CLAIMS = (
    claim("C14", "section 4.5", "More layers of cross-attention are better",
          [Rising(tuple(cell(f"{key}.{column}") for key in ("top-3", "top-6", "top-9", "all-12"))) for column in KEYS]),
)
# fmt: on

TABLE = Table(
    name="cast/table1f",
    caption="Effect of the number of cross-attention layers",
    source="arXiv:2311.18825, Table 1f",
    labels=tuple(("X-attention layer", layers) for layers in ("1-3", "4-6", "7-9", "10-12")),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=("Adapters are in all 12 blocks of every row.", *NOTES),
    claims=CLAIMS,
)
