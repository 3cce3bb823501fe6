"""Table 2b of Motionformer: joint and separate positional embeddings of space and time."""

from dataclasses import replace

from experiments.motionformer.base import GFLOPS_COLUMN, JOINT, JOINT_NOTE, START_NOTE, TOP1_COLUMNS, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.spec.edits import model
from experiments.spec.table import Bold, Table, row
from models.positions import JointPositions

JOINT_POSITIONS = model(positions=JointPositions.Config())

# fmt: off
ROWS = (
    row("joint-joint",         ("Joint ST",         "Joint ST"),         JOINT, JOINT_POSITIONS, paper=(180.6, 79.1, 60.8)),
    row("joint-separate",      ("Joint ST",         "Separate ST [24]"), JOINT,                  paper=(180.6, 79.2, 64.0)),
    row("trajectory-joint",    (Bold("Trajectory"), "Joint ST"),         JOINT_POSITIONS,        paper=(369.5, 79.6, 65.8)),
    row("trajectory-separate", (Bold("Trajectory"), "Separate ST [24]"),                         paper=(369.5, 79.7, 66.5)),
)
# fmt: on

TABLE = Table(
    name="motionformer/table2b",
    caption="Input encoding ablations: positional encoding",
    source="arXiv:2106.05392, Table 2b",
    labels=("Attention", "Pos. Encoding"),
    columns=(replace(GFLOPS_COLUMN, header="GFlops"), *TOP1_COLUMNS),
    rows=ROWS,
    tiny=TINY,
    notes=(
        JOINT_NOTE,
        START_NOTE,
        *TRAINING_NOTES,
    ),
)
