"""Table 3 of CAST: stage-wise details of the two experts in B-CAST, traced from the model."""

from experiments.cast.base import EPIC100
from experiments.cast.shapes import attended, both, in_both_windows, own, positions, traced_row
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.table import Column, Table, row

COLUMNS = (
    Column(key="spatial", header=("Spatial Expert", "Output Tensor Shape"), base=EPIC100),
    Column(key="temporal", header=("Temporal Expert", "Output Tensor Shape"), base=EPIC100),
)
DOWN = ("Y_s: (196+1)×B·8×384", "Y_t: B×8·196×384")
WIDE = ("Y_s: (196+1)×B·8×768", "Y_t: B×8·196×768")
WINDOWS = ("Y_s: B·196×8×384, Y_t: B·196×8×384", "Y_t: B·8×196×384, Y_s: B·8×196×384")

# fmt: off
ROWS = (
    row("up",        ("Up Projection",         "Linear projection with ratio = 2.0"), metric=traced_row("up", own, "up"), paper=WIDE),
    row("joined",    ("Post Processing",       "Attach CLS token of Y_s, reshape"),   metric=traced_row("joined", own, "joined"), paper=DOWN),
    row("attention", ("Cross-Attention",       "MHCA, windows: time and space"),      metric=traced_row("attention", attended),
        paper=("Y_s: B·196×8×384", "Y_t: B·8×196×384")),
    row("positions", ("Positional Embeddings", "of queries, and of keys and values"), metric=traced_row("positions", positions),
        paper=tuple(f"# parameters: {number}×384, {shapes}" for number, shapes in zip((8, 196), WINDOWS, strict=True))),
    row("windows",   ("Pre processing",        "Detach CLS token of Y_s, reshape"),   metric=traced_row("windows", in_both_windows), paper=WINDOWS),
    row("gathered",  ("Gather Features",       "of the other expert"),                metric=traced_row("gathered", both, "down"),
        paper=(", ".join(DOWN), ", ".join(reversed(DOWN)))),
    row("down",      ("Down Projection",       "Linear projection with ratio = 0.5"), metric=traced_row("down", own, "down"), paper=DOWN),
    row("input",     ("Input of B-CAST",       None),                                 metric=traced_row("input", own, "input"), paper=WIDE),
)
# fmt: on

TABLE = Table(
    name="cast/table3",
    caption="Stage-wise details of the two experts in B-CAST",
    source="arXiv:2311.18825, Table 3",
    labels=("B-CAST Stage", "Remark"),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=(
        "Stages are printed from the last to the first, as in the paper. Shapes are traced from the model, with B for the "
        "number of clips.",
        "The tokens of the spatial expert are B·8×(196+1) here and (196+1)×B·8 in the released code.",
    ),
)
