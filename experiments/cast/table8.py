"""Table 8 of CAST: effect of B-CAST-specific positional embeddings."""

from experiments.cast.base import NOTES, bottleneck
from experiments.cast.columns import ACCURACY_OF_ACTIONS
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import About
from experiments.spec.expressions import cell
from experiments.spec.table import Table, row

# fmt: off
ROWS = (
    row("without", ("CAST w/o B-CAST-specific positional embeddings",), bottleneck(positions=False), paper=(71.3, 59.7, 47.5)),
    row("with",    ("CAST w/ B-CAST-specific positional embeddings",),                               paper=(72.5, 60.3, 48.7)),
)
CLAIMS = (
    claim("C37", "appendix D.2", "Positions of its own bring 1.2",
          About(cell("with.action") - cell("without.action"), 1.2, 0.05)),
)
# fmt: on

TABLE = Table(
    name="cast/table8",
    caption="Effect of B-CAST-specific positional embeddings",
    source="arXiv:2311.18825, Table 8",
    labels=("Method",),
    columns=ACCURACY_OF_ACTIONS,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=NOTES,
    claims=CLAIMS,
)
