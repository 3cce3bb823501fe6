"""Figure 13 of CAST: improvements of CAST over CLIP on EK100 noun classes."""

from experiments.cast.f1_tables import COLUMNS, NOTES, ROWS, Gain, panels
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import Above
from experiments.spec.expressions import cell
from experiments.spec.table import Table

# fmt: off
CLAIMS = (
    claim("C47", "caption", "The F1 of nouns rises over CLIP", Above(cell("cast.noun-f1") - cell("clip.noun-f1")),
          real_data=True),
)
# fmt: on

TABLE = Table(
    name="cast/figure13",
    caption="Improvements of CAST over CLIP on EK100 noun classes",
    source="arXiv:2311.18825, Figure 13",
    labels=("Method",),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    figure=panels("noun", [Gain("clip", 7.9)]),
    notes=NOTES,
    claims=CLAIMS,
)
