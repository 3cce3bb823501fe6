"""Table 1g of CAST: effect of bi-directional cross-attention."""

from experiments.cast.base import INDEPENDENT, NOTES, bottleneck
from experiments.cast.columns import ACCURACY, KEYS
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import About, Above, best
from experiments.spec.expressions import cell
from experiments.spec.table import Table, bold, row

# fmt: off
ROWS = (
    row("indep-adapter", ("Indep. experts w/ adapter",), base=INDEPENDENT, paper=(68.1, 54.2, 41.7)),
    row("s2t",  ("S2T only",), bottleneck(t2s=None), paper=(71.2, 55.0, 43.7)),
    row("t2s",  ("T2S only",), bottleneck(s2t=None), paper=(68.7, 60.5, 46.7)),
    row("cast", ("CAST",),                           paper=bold(72.5, 60.3, 48.7)),
)
CLAIMS = (
    claim("C15", "section 4.5", "S2T alone loses 5.0, T2S alone 2.0",
          [About(cell("cast.action") - cell("s2t.action"), 5.0, 0.05),
           About(cell("cast.action") - cell("t2s.action"), 2.0, 0.05)]),
    claim("C16", "section 4.5, bold face", "Two directions are better than either one",
          [best("cast", column, ("s2t", "t2s")) for column in KEYS]),
    claim("C17", "section 3.3", "Each direction is better than none",
          [Above(cell(f"{key}.action") - cell("indep-adapter.action")) for key in ("s2t", "t2s")]),
)
# fmt: on

TABLE = Table(
    name="cast/table1g",
    caption="Effect of bi-directional cross-attention",
    source="arXiv:2311.18825, Table 1g",
    labels=("Method",),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=("The paper prints 60.3 in bold as the best noun, although T2S only has 60.5.", *NOTES),
    claims=CLAIMS,
)
