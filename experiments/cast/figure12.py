"""Figure 12 of CAST: improvements of CAST over VideoMAE on EK100 verb classes."""

from experiments.cast.f1_tables import COLUMNS, NOTES, ROWS, Gain, panels
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import Above
from experiments.spec.expressions import cell
from experiments.spec.table import Table

# fmt: off
CLAIMS = (
    claim("C46", "caption", "The F1 of verbs rises over VideoMAE", Above(cell("cast.verb-f1") - cell("videomae.verb-f1")),
          real_data=True),
)
# fmt: on

TABLE = Table(
    name="cast/figure12",
    caption="Improvements of CAST over VideoMAE on EK100 verb classes",
    source="arXiv:2311.18825, Figure 12",
    labels=("Method",),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    figure=panels("verb", [Gain("videomae", 2.2)]),
    notes=NOTES,
    claims=CLAIMS,
)
