"""Table 8 of CAST: effect of B-CAST-specific positional embeddings."""

from experiments.cast.base import ACCURACY_OF_ACTIONS, NOTES, bottleneck, table
from experiments.spec.claims import about, cell, claim
from experiments.spec.language import row

# fmt: off
ROWS = (
    row("without", ("CAST w/o B-CAST-specific positional embeddings",), bottleneck(positions=False), paper=(71.3, 59.7, 47.5)),
    row("with",    ("CAST w/ B-CAST-specific positional embeddings",),                               paper=(72.5, 60.3, 48.7)),
)
CLAIMS = (
    claim("C37", "appendix D.2", "Positions of its own bring 1.2",
          about(cell("with.action") - cell("without.action"), 1.2, 0.05)),
)
# fmt: on

TABLE = table(
    "table8",
    "Effect of B-CAST-specific positional embeddings",
    labels=("Method",),
    columns=ACCURACY_OF_ACTIONS,
    rows=ROWS,
    notes=NOTES,
    claims=CLAIMS,
)
