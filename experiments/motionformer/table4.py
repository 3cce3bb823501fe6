"""Table 4 of Motionformer: trajectory attention, its alternatives and its ablations."""

from experiments.motionformer.base import (
    DIVIDED,
    GFLOPS_COLUMN,
    JOINT,
    JOINT_NOTE,
    START_NOTE,
    TOP1_COLUMNS,
    TRAINING_NOTES,
)
from experiments.motionformer.tiny import TINY
from experiments.spec.edits import model
from experiments.spec.table import Table, row
from models.mixers.trajectory import TrajectoryAttention

AVG_T = model(attention=TrajectoryAttention.Config(temporal="average"))
NORM_ST = model(attention=TrajectoryAttention.Config(normalize_over="space-time"))

# fmt: off
ROWS = (
    row("joint",              ("Joint Space-Time",   None,  None,  None,  None),  JOINT,   paper=(180.6, 79.2, 64.0)),
    row("divided",            ("Divided Space-Time", None,  None,  None,  None),  DIVIDED, paper=(185.8, 78.5, 64.2)),
    row("trajectory-avg-t",   ("Trajectory",         False, True,  True,  False), AVG_T,   paper=(180.6, 76.0, 60.0)),
    row("trajectory-norm-st", ("Trajectory",         True,  False, False, True),  NORM_ST, paper=(369.5, 77.2, 60.9)),
    row("trajectory",         ("Trajectory",         True,  False, True,  False),          paper=(369.5, 79.7, 66.5)),
)
# fmt: on

TABLE = Table(
    name="motionformer/table4",
    caption="Attention ablations",
    source="arXiv:2106.05392, Table 4",
    labels=("Attention", "Att_T", "Avg_T", "Norm_S", "Norm_ST"),
    columns=(GFLOPS_COLUMN, *TOP1_COLUMNS),
    rows=ROWS,
    tiny=TINY,
    notes=(
        JOINT_NOTE,
        "Att_T: temporal attention. Avg_T: temporal averaging. Norm_S: normalisation over space. Norm_ST: over "
        "space-time.",
        "The code of Avg_T and Norm_ST was not released. Ours follows section 4.1 of the paper.",
        START_NOTE,
        *TRAINING_NOTES,
    ),
)
