"""Table 1b of CAST: different information exchange methods."""

from experiments.cast.base import NOTES
from experiments.cast.columns import ACCURACY
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import Above
from experiments.spec.edits import model
from experiments.spec.expressions import cell, largest, smallest
from experiments.spec.table import Table, bold, row
from models.cast.exchange import LateralExchange
from models.cast.heads import LateFusionHead

LATE = model(exchange=None, head=LateFusionHead.Config())
CONCATENATED = model(exchange=None, head=LateFusionHead.Config(concatenated=True))
LATERAL = model(exchange=LateralExchange.Config())

# fmt: off
ROWS = (
    row("add",     ("Add",     True,  None), LATE,                        paper=(68.9, 56.6, 44.2)),
    row("concat",  ("Concat",  True,  None), CONCATENATED,                paper=(69.2, 56.4, 44.5)),
    row("lateral", ("Lateral", None,  True), LATERAL,                     paper=(68.9, 49.1, 39.0)),
    row("cast",    ("CAST",    None,  True),                              paper=bold(72.5, 60.3, 48.7)),
)
CLAIMS = (
    claim("C3", "section 4.5", "Simple fusion is far below CAST",
          Above(cell("cast.action") - largest(*(cell(f"{key}.action") for key in ("add", "concat", "lateral"))), 2)),
    claim("C4", "section 4.5", "Lateral connections are worse than late fusion",
          Above(smallest(cell("add.action"), cell("concat.action")) - cell("lateral.action"))),
)
# fmt: on

TABLE = Table(
    name="cast/table1b",
    caption="Different information exchange methods",
    source="arXiv:2311.18825, Table 1b",
    labels=("Method", "Late", "Layer-wise"),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=(
        "Section 4.5 says that these baselines have adapters and only those are trained, appendix A that the experts are "
        "tuned as a whole without adapters. Rows follow section 4.5; for the other, `-o model.adapters=None`.",
        "The paper does not state what lateral connections do to CLS. Here, they add nothing to it.",
        *NOTES,
    ),
    claims=CLAIMS,
)
