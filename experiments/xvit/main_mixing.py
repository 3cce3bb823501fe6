"""Table 2c of X-ViT's main paper: what is mixed."""

from experiments.spec.claims import claim
from experiments.spec.comparisons import best
from experiments.spec.table import Table, row
from experiments.xvit.base import NOTES, SUBMISSION, mixing
from experiments.xvit.columns import ACCURACY
from experiments.xvit.tiny import TINY

# fmt: off
ROWS = (
    row("none", (False, False, False), mixing(window=0), paper=(55.6, 83.5)),
    row("x",    (True,  False, False), mixing(of="x"),   paper=(62.1, 88.9)),
    row("k",    (False, True,  False), mixing(of="k"),   paper=(62.1, 88.9)),
    row("v",    (False, False, True),  mixing(of="v"),   paper=(61.5, 88.7)),
    row("kv",   (False, True,  True),                    paper=(63.4, 89.6)),
)
CLAIMS = (
    claim("X11", "main paper", "Mixing keys and values is best",
          [best("kv", column, ("none", "x", "k", "v")) for column in ("top1", "top5")]),
)
# fmt: on

TABLE = Table(
    name="xvit/main-mixing",
    caption="Space-time mixing of x, of keys and of values on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 2c",
    labels=("x", "Key", "Value"),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    notes=("x: the common input of queries, keys and values. Without mixing, a head connects the frames.", *NOTES),
    claims=CLAIMS,
)
