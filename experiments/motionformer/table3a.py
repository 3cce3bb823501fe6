"""Table 3a of Motionformer: Orthoformer and other approximations of attention."""

from experiments.motionformer.approximations import COLUMNS, NOTES, approximate
from experiments.motionformer.base import BOTH, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.comparisons import Below, Within
from experiments.spec.expressions import cell
from experiments.spec.metrics import GFLOPS
from experiments.spec.table import Bold, Table, bold, row
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer

PERFORMER = approximate(Performer.Config())
NYSTROM = approximate(Nystromformer.Config())
ORTHOFORMER = approximate(Orthoformer.Config())

# fmt: off
ROWS = (
    row("exact",         ("Trajectory (E)", "N/A"),                            paper=(7.4, *bold(79.7, 66.5))),
    row("performer",     ("Trajectory (A)", "Performer"),         PERFORMER,   paper=(5.1, 72.9, 52.7)),
    row("nystromformer", ("Trajectory (A)", "Nyströmformer"),     NYSTROM,     paper=(3.8, *bold(77.5, 64.0))),
    row("orthoformer",   ("Trajectory (A)", Bold("Orthoformer")), ORTHOFORMER, paper=(3.6, *bold(77.5), 63.8)),
)
# fmt: on

# fmt: off
CLAIMS = (
    claim("M14", "caption", "Orthoformer is on par with Nyströmformer",
          [Within(cell(f"orthoformer.{c}") - cell(f"nystromformer.{c}"), 1) for c in BOTH]),
    claim("M15", "section 4.2", "Orthoformer needs less memory than Nyströmformer",
          Below(cell("orthoformer.memory") / cell("nystromformer.memory"), 1)),
    claim("M16", "section 1", "Orthoformer needs less memory than Performer",
          Below(cell("orthoformer.memory") / cell("performer.memory"), 1)),
    claim("M17", "section 1", "With trajectory attention, the approximation saves much memory",
          Below(cell("orthoformer.memory") / cell("exact.memory"), 0.5, inclusive=True)),
    claim("M18", "section 1", "With trajectory attention, the approximation saves much computation",
          Below(cell("orthoformer.k400", GFLOPS) / cell("exact.k400", GFLOPS), 0.5, inclusive=True)),
)
# fmt: on

TABLE = Table(
    name="motionformer/table3a",
    caption="Orthoformer ablations: Orthoformer is competitive with Nyström",
    source="arXiv:2106.05392, Table 3a",
    labels=("Attention", "Approx."),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    notes=(*NOTES, *TRAINING_NOTES),
    claims=CLAIMS,
)
