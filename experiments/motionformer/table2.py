"""Table 2 of Motionformer: input encodings. a: square and cubic tokens. b: joint and separate positions."""

from dataclasses import replace

from experiments.motionformer.base import (
    BOTH,
    COUNT_NOTE,
    GFLOPS_COLUMN,
    JOINT,
    JOINT_NOTE,
    START_NOTE,
    TOP1_COLUMNS,
    TRAINING_NOTES,
    strided,
    table,
)
from experiments.spec.claims import Ours, about, above, best, cell, claim, percent_difference, within
from experiments.spec.language import Bold, bold, data, model, row
from models.positions import JointPositions
from models.tokens import SquareTokens

# Section 4.1: 8 frames over the same two seconds give the same number of tokens.
SQUARE = (*model(tokens=SquareTokens.Config()), *data(frames=8, sampling=strided(8)))

# fmt: off
ROWS_A = (
    row("joint-square",      ("Joint ST",         "Square (1 × 16²)"), JOINT, SQUARE, paper=(179.7, 79.4, 63.0)),
    row("joint-cubic",       ("Joint ST",         "Cubic (2 × 16²)"),  JOINT,         paper=(180.6, 79.2, 64.0)),
    row("trajectory-square", (Bold("Trajectory"), "Square (1 × 16²)"), SQUARE,        paper=(368.5, 79.4, 65.8)),
    row("trajectory-cubic",  (Bold("Trajectory"), "Cubic (2 × 16²)"),                 paper=(369.5, *bold(79.7, 66.5))),
)
KEYS = [r.key for r in ROWS_A]
CLAIMS_A = (
    claim("M2", "caption", "Cubic tokens suit trajectory attention best",
          [best("trajectory-cubic", c, KEYS) for c in BOTH]),
    claim("M3", "section 4.1", "Cubic tokens give joint attention about 1 % on SSv2",
          about(cell("joint-cubic.ssv2") - cell("joint-square.ssv2"), 1, 0.5)),
    claim("M4", "section 4.1", "Cubic tokens give trajectory attention about 1 % on SSv2",
          about(cell("trajectory-cubic.ssv2") - cell("trajectory-square.ssv2"), 1, 0.5)),
    claim("M5", "section 4.1", "Trajectory attention with cubic tokens beats joint attention on both data sets",
          [above(cell(f"trajectory-cubic.{c}") - cell(f"joint-cubic.{c}")) for c in BOTH]),
    claim("M6", "section 4.1", "Both tokenizations give equally many tokens over the same time",
          within(percent_difference(cell("trajectory-cubic.gflops"), cell("trajectory-square.gflops")), Ours(1))),
)
# fmt: on

TABLE_A = table(
    "table2a",
    "Input encoding ablations: Cubic tokenization works best for trajectory attn.",
    labels=("Attention", "Tokenization"),
    columns=(replace(GFLOPS_COLUMN, header="GFlops"), *TOP1_COLUMNS),
    rows=ROWS_A,
    notes=(
        JOINT_NOTE,
        COUNT_NOTE,
        START_NOTE,
        *TRAINING_NOTES,
    ),
    claims=CLAIMS_A,
)

JOINT_POSITIONS = model(positions=JointPositions.Config())

# fmt: off
ROWS_B = (
    row("joint-joint",         ("Joint ST",         "Joint ST"),         JOINT, JOINT_POSITIONS, paper=(180.6, 79.1, 60.8)),
    row("joint-separate",      ("Joint ST",         "Separate ST [24]"), JOINT,                  paper=(180.6, 79.2, 64.0)),
    row("trajectory-joint",    (Bold("Trajectory"), "Joint ST"),         JOINT_POSITIONS,        paper=(369.5, 79.6, 65.8)),
    row("trajectory-separate", (Bold("Trajectory"), "Separate ST [24]"),                         paper=(369.5, *bold(79.7, 66.5))),
)
JOINT_GAIN = cell("joint-separate.ssv2") - cell("joint-joint.ssv2")
TRAJECTORY_GAIN = cell("trajectory-separate.ssv2") - cell("trajectory-joint.ssv2")
CLAIMS_B = (
    claim("M7", "caption", "Trajectory attention works well with either encoding",
          [within(cell(f"trajectory-separate.{c}") - cell(f"trajectory-joint.{c}"), Ours(1)) for c in BOTH]),
    claim("M8", "section 4.1", "Separate positions lift joint attention by about 4 % on SSv2", about(JOINT_GAIN, 4, 0.5)),
    claim("M9", "section 4.1", "Separate positions lift trajectory attention by about 1 % on SSv2",
          about(TRAJECTORY_GAIN, 1, 0.5)),
    claim("M10", "section 4.1", "Trajectory attention beats joint attention with joint positions on both data sets",
          [above(cell(f"trajectory-joint.{c}") - cell(f"joint-joint.{c}")) for c in BOTH]),
    claim("M11", "section 4.1", "Trajectory attention beats joint attention with separate positions on both data sets",
          [above(cell(f"trajectory-separate.{c}") - cell(f"joint-separate.{c}")) for c in BOTH]),
    claim("M12", "section 4.1", "Joint attention gains more from separate positions than trajectory attention",
          above(JOINT_GAIN - TRAJECTORY_GAIN)),
    claim("M13", "section 4.1", "The choice of positions matters more on SSv2 than on K-400",
          above(JOINT_GAIN - (cell("joint-separate.k400") - cell("joint-joint.k400")))),
)
# fmt: on

TABLE_B = table(
    "table2b",
    "Input encoding ablations: Trajectory attn. works well with both encodings",
    labels=("Attention", "Pos. Encoding"),
    columns=(replace(GFLOPS_COLUMN, header="GFlops"), *TOP1_COLUMNS),
    rows=ROWS_B,
    notes=(
        JOINT_NOTE,
        START_NOTE,
        *TRAINING_NOTES,
    ),
    claims=CLAIMS_B,
)
