"""Table 2b of Motionformer: joint and separate positional embeddings of space and time."""

from dataclasses import replace

from experiments.motionformer.base import (
    BOTH,
    GFLOPS_COLUMN,
    JOINT,
    JOINT_NOTE,
    START_NOTE,
    TOP1_COLUMNS,
    TRAINING_NOTES,
)
from experiments.motionformer.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.comparisons import About, Above, Within
from experiments.spec.edits import model
from experiments.spec.expressions import cell
from experiments.spec.table import Bold, Table, bold, row
from models.positions import JointPositions

JOINT_POSITIONS = model(positions=JointPositions.Config())

# fmt: off
ROWS = (
    row("joint-joint",         ("Joint ST",         "Joint ST"),         JOINT, JOINT_POSITIONS, paper=(180.6, 79.1, 60.8)),
    row("joint-separate",      ("Joint ST",         "Separate ST [24]"), JOINT,                  paper=(180.6, 79.2, 64.0)),
    row("trajectory-joint",    (Bold("Trajectory"), "Joint ST"),         JOINT_POSITIONS,        paper=(369.5, 79.6, 65.8)),
    row("trajectory-separate", (Bold("Trajectory"), "Separate ST [24]"),                         paper=(369.5, *bold(79.7, 66.5))),
)
# fmt: on

JOINT_GAIN = cell("joint-separate.ssv2") - cell("joint-joint.ssv2")
TRAJECTORY_GAIN = cell("trajectory-separate.ssv2") - cell("trajectory-joint.ssv2")

# fmt: off
CLAIMS = (
    claim("M7", "caption", "Trajectory attention works well with either encoding",
          [Within(cell(f"trajectory-separate.{c}") - cell(f"trajectory-joint.{c}"), 1) for c in BOTH]),
    claim("M8", "section 4.1", "Separate positions lift joint attention by about 4 % on SSv2", About(JOINT_GAIN, 4, 0.5)),
    claim("M9", "section 4.1", "Separate positions lift trajectory attention by about 1 % on SSv2",
          About(TRAJECTORY_GAIN, 1, 0.5)),
    claim("M10", "section 4.1", "Trajectory attention beats joint attention with joint positions on both data sets",
          [Above(cell(f"trajectory-joint.{c}") - cell(f"joint-joint.{c}")) for c in BOTH]),
    claim("M11", "section 4.1", "Trajectory attention beats joint attention with separate positions on both data sets",
          [Above(cell(f"trajectory-separate.{c}") - cell(f"joint-separate.{c}")) for c in BOTH]),
    claim("M12", "section 4.1", "Joint attention gains more from separate positions than trajectory attention",
          Above(JOINT_GAIN - TRAJECTORY_GAIN)),
    claim("M13", "section 4.1", "The choice of positions matters more on SSv2 than on K-400",
          Above(JOINT_GAIN - (cell("joint-separate.k400") - cell("joint-joint.k400")))),
)
# fmt: on

TABLE = Table(
    name="motionformer/table2b",
    caption="Input encoding ablations: Trajectory attn. works well with both encodings",
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
    claims=CLAIMS,
)
