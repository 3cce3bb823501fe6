"""Table 3d of Motionformer: prototypes per clip and per frame."""

from experiments.motionformer.approximations import COLUMNS, NOTES, approximate
from experiments.motionformer.base import BOTH, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.comparisons import About, Above
from experiments.spec.expressions import cell
from experiments.spec.table import Table, bold, row
from models.mixers.orthoformer import Orthoformer

UNSHARED = approximate(Orthoformer.Config(share_over_time=False))
SHARED = approximate(Orthoformer.Config())

# fmt: off
ROWS = (
    row("exact",    ("Trajectory (E)", "N/A"),           paper=(7.4,  *bold(79.7, 66.5))),
    row("unshared", ("Trajectory (A)", False), UNSHARED, paper=(16.5, 77.3, 61.5)),
    row("shared",   ("Trajectory (A)", True),  SHARED,   paper=(3.6,  *bold(77.5, 63.8))),
)
# fmt: on

FRAMES_NOTE = (
    "Sharing ✗: for frame t, a query of frame s attends to the prototypes of t, but its values are the outputs of "
    "the prototypes of s for frame t, as released. Equation 10 has one set of prototypes on both sides: "
    "-o model.attention.approximation.matched_prototypes=True."
)

# fmt: off
CLAIMS = (
    claim("M23", "caption", "Sharing prototypes over time is better",
          [Above(cell(f"shared.{c}") - cell(f"unshared.{c}")) for c in BOTH]),
    claim("M24", "section 4.2", "Sharing gives about 2 % on SSv2",
          About(cell("shared.ssv2") - cell("unshared.ssv2"), 2, 0.5)),
    claim("M25", "section 4.2", "Sharing cuts memory five times",
          About(cell("unshared.memory") / cell("shared.memory"), 5, 0.5)),
)
# fmt: on

TABLE = Table(
    name="motionformer/table3d",
    caption="Orthoformer ablations: Temporal sharing is the best strategy",
    source="arXiv:2106.05392, Table 3d",
    labels=("Attention", "Sharing"),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    notes=(*NOTES, FRAMES_NOTE, *TRAINING_NOTES),
    claims=CLAIMS,
)
