"""Table 1: two experts alone, their ensemble, and a model that holds both frozen."""

from experiments.spec.metrics import TOP1
from experiments.spec.table import Column, Table, row
from tests.runner.experts import ENSEMBLE, FUSED, LEFT, RIGHT, SMALL_RECIPE

# fmt: off
ROWS = (
    row("left",     ("Left expert",),  base=LEFT,     paper=(60.0,)),
    row("right",    ("Right expert",), base=RIGHT,    paper=(61.0,)),
    row("ensemble", ("Ensemble",),     base=ENSEMBLE, paper=(62.0,)),
    row("fused",    ("Fused",),        base=FUSED,    paper=(70.0,)),
)
# fmt: on

TABLE = Table(
    name="experts/table1",
    caption="Two experts of points",
    source="made up, Table 1",
    labels=("Model",),
    columns=(Column(key="top1", header="Top-1", metric=TOP1),),
    rows=ROWS,
    recipes={"tiny": SMALL_RECIPE},
)
