"""Table 1: predictions of a weighted sum."""

from experiments.sixth.base import BASE, TESTED_ONLY, TUNED

from experiments.spec.edits import model
from experiments.spec.metrics import Computed, Difference, Tested
from experiments.spec.table import Bold, Column, Table, quoted, row

DISTANCE = Tested("distance")
WEIGHTS = Computed("weights", lambda run: float(run.model.cost(run.data.size, run.data.targets).parameters))
COLUMNS = (
    Column(key="weights", header="Weights", metric=WEIGHTS, base=BASE, digits=0),
    Column(key="distance", header="Distance", metric=DISTANCE, base=BASE, digits=3, best="min"),
    Column(key="tested", header="Tested again", metric=DISTANCE, base=TESTED_ONLY, digits=3),
    Column(key="tuned", header="Tuned", metric=DISTANCE, base=TUNED, digits=3),
    Column(key="gain", header="Gain", metric=Difference("gain", ("distance", "tuned")), digits=3),
)

# fmt: off
ROWS = (
    quoted("abacus",   ("Abacus [1]",),                        paper=(10, 0.5,   None,  None,  None)),
    row("ours",        (Bold("Weighted sum"),),                      paper=(5,  0.100, 0.100, 0.050, 0.050)),
    row("unbiased",    ("without bias",), model(bias=False),   paper=(4,  0.110, None,  None,  None)),
)
# fmt: on

TABLE = Table(
    name="sixth/table1",
    caption="Predictions of a weighted sum",
    source="made up, Table 1",
    labels=("Model",),
    columns=COLUMNS,
    rows=ROWS,
    notes=("Distances are not percent.",),
)
