"""Figure 14 of CAST: improvements of CAST over VideoMAE on EK100 noun classes."""

from experiments.cast.f1_tables import COLUMNS, NOTES, ROWS, Gain, panels
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import Above
from experiments.spec.expressions import cell
from experiments.spec.table import Table

# fmt: off
CLAIMS = (
    claim("C47", "caption", "The F1 of nouns rises over VideoMAE", Above(cell("cast.noun-f1") - cell("videomae.noun-f1")),
          real_data=True),
)
# fmt: on

TABLE = Table(
    name="cast/figure14",
    caption="Improvements of CAST over VideoMAE on EK100 noun classes",
    source="arXiv:2311.18825, Figure 14",
    labels=("Method",),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    figure=panels("noun", [Gain("videomae", 9.2)]),
    notes=NOTES,
    claims=CLAIMS,
)
