"""Table 3c of Motionformer: number of Orthoformer's prototypes."""

from experiments.motionformer.approximations import COLUMNS, NOTES, approximate
from experiments.motionformer.base import BOTH, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.comparisons import About, Rising
from experiments.spec.expressions import cell, mean
from experiments.spec.table import Table, bold, row
from models.mixers.orthoformer import Orthoformer

R16 = approximate(Orthoformer.Config(num_prototypes=16))
R64 = approximate(Orthoformer.Config(num_prototypes=64))
R128 = approximate(Orthoformer.Config(num_prototypes=128))

# fmt: off
ROWS = (
    row("exact",          ("Trajectory (E)", "N/A"),       paper=(7.4, *bold(79.7, 66.5))),
    row("prototypes-16",  ("Trajectory (A)", "16"),  R16,  paper=(3.1, 73.9, 59.2)),
    row("prototypes-64",  ("Trajectory (A)", "64"),  R64,  paper=(3.3, 74.9, 63.0)),
    row("prototypes-128", ("Trajectory (A)", "128"), R128, paper=(3.6, *bold(77.5, 63.8))),
)
# fmt: on

# fmt: off
CLAIMS = (
    claim("M21", "caption", "Accuracy rises monotonically with the number of prototypes",
          [Rising(tuple(cell(f"prototypes-{n}.{c}") for n in (16, 64, 128))) for c in BOTH]),
    claim("M22", "section 4.2", "From 16 to 128 prototypes, accuracy rises by about 4 % on average of both data sets",
          About(mean(*(cell(f"prototypes-128.{c}") - cell(f"prototypes-16.{c}") for c in BOTH)), 4, 0.5)),
)
# fmt: on

TABLE = Table(
    name="motionformer/table3c",
    caption="Orthoformer ablations: Approximation improves with more prototypes",
    source="arXiv:2106.05392, Table 3c",
    labels=("Attention", "# Prototypes"),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    notes=(*NOTES, *TRAINING_NOTES),
    claims=CLAIMS,
)
