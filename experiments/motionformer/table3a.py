"""Table 3a of Motionformer: Orthoformer and other approximations of attention."""

from experiments.motionformer.approximations import COLUMNS, NOTES, approximate
from experiments.motionformer.base import TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.spec.table import Bold, Table, row
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer

PERFORMER = approximate(Performer.Config())
NYSTROM = approximate(Nystromformer.Config())
ORTHOFORMER = approximate(Orthoformer.Config())

# fmt: off
ROWS = (
    row("exact",         ("Trajectory (E)", "N/A"),                            paper=(7.4, 79.7, 66.5)),
    row("performer",     ("Trajectory (A)", "Performer"),         PERFORMER,   paper=(5.1, 72.9, 52.7)),
    row("nystromformer", ("Trajectory (A)", "Nyströmformer"),     NYSTROM,     paper=(3.8, 77.5, 64.0)),
    row("orthoformer",   ("Trajectory (A)", Bold("Orthoformer")), ORTHOFORMER, paper=(3.6, 77.5, 63.8)),
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
)
