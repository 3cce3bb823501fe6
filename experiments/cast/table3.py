"""Table 3 of CAST: stage-wise details of the two experts in B-CAST, traced from the model."""

from functools import partial

from experiments.cast.base import EPIC100
from experiments.cast.shapes import STREAMS, attended, both, in_both_windows, own, parameters, ratio, traced_row, window
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.table import Column, Table, row

COLUMNS = tuple(
    Column(key=f"{stream}{key}", header=(f"{stream.title()} Expert", header), base=EPIC100)
    for stream in STREAMS
    for key, header in (("-remark", "Remark"), ("", "Output Tensor Shape"))
)
HALF = ("Y_s: (196+1)×B·8×384", "Y_t: B×8·196×384")
WIDE = ("Y_s: (196+1)×B·8×768", "Y_t: B×8·196×768")
WINDOWS = ("Y_s: B·196×8×384, Y_t: B·196×8×384", "Y_t: B·8×196×384, Y_s: B·8×196×384")


def printed(remarks: tuple[str | None, str | None], shapes: tuple[str, str]) -> tuple[str | None, ...]:
    """Printed cells of a stage: a remark and shapes for each expert."""
    return (remarks[0], shapes[0], remarks[1], shapes[1])


def projection(factor: str) -> tuple[str, str]:
    """Printed remarks on a projection."""
    remark = f"Linear projection with ratio = {factor}"
    return remark, remark


# fmt: off
ROWS = (
    row("up",        ("Up Projection",), metric=traced_row("up", own, "up", remark=partial(ratio, "joined", "up")),
        paper=printed(projection("2.0"), WIDE)),
    row("joined",    ("Post Processing",), metric=traced_row("joined", own, "joined"),
        paper=printed(("Attach CLS token of Y_s; Reshape: N×B·T×D", "Reshape: B×T·N×D"), HALF)),
    row("attention", ("Cross-Attention",), metric=traced_row("attention", attended, remark=window),
        paper=printed(("T2S MHCA(Y_s, Y_t); Window shape: time", "S2T MHCA(Y_t, Y_s); Window shape: space"),
                      ("Y_s: B·196×8×384", "Y_t: B·8×196×384"))),
    row("positions", ("Positional Embeddings",), metric=traced_row("positions", in_both_windows, remark=parameters),
        paper=printed(("# parameters: 8×384", "# parameters: 196×384"), WINDOWS)),
    row("windows",   ("Pre processing",), metric=traced_row("windows", in_both_windows),
        paper=printed(("Detach CLS token of Y_s; Reshape: B·N×T×D", "Detach CLS token of Y_s; Reshape: B·T×N×D"), WINDOWS)),
    row("gathered",  ("Gather Features",), metric=traced_row("gathered", both, "down"),
        paper=printed(("Gather Y_t from Temporal Expert", "Gather Y_s from Spatial Expert"),
                      (", ".join(HALF), ", ".join(reversed(HALF))))),
    row("down",      ("Down Projection",), metric=traced_row("down", own, "down", remark=partial(ratio, "input", "down")),
        paper=printed(projection("0.5"), HALF)),
    row("input",     ("Input of B-CAST",), metric=traced_row("input", own, "input"), paper=printed((None, None), WIDE)),
)
# fmt: on

TABLE = Table(
    name="cast/table3",
    caption="Stage-wise details of the two experts in B-CAST",
    source="arXiv:2311.18825, Table 3",
    labels=("B-CAST Stage",),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=(
        "Stages are printed from the last to the first, as in the paper. Shapes are traced from the model, with B for the "
        "number of clips. Of the remarks, ratios, windows and numbers of parameters are those of the model.",
        "The tokens of the spatial expert are B·8×(196+1) here and (196+1)×B·8 in the released code.",
    ),
)
