"""Table 2a of Motionformer: square and cubic tokens."""

from dataclasses import replace

from experiments.motionformer.base import (
    COUNT_NOTE,
    GFLOPS_COLUMN,
    JOINT,
    JOINT_NOTE,
    START_NOTE,
    TOP1_COLUMNS,
    TRAINING_NOTES,
    strided,
)
from experiments.motionformer.tiny import TINY
from experiments.spec.edits import data, model
from experiments.spec.table import Bold, Table, row
from models.tokens import SquareTokens

# Section 4.1: 8 frames over the same two seconds give the same number of tokens.
SQUARE = (*model(tokens=SquareTokens.Config()), *data(frames=8, sampling=strided(8)))

# fmt: off
ROWS = (
    row("joint-square",      ("Joint ST",         "Square (1 × 16²)"), JOINT, SQUARE, paper=(179.7, 79.4, 63.0)),
    row("joint-cubic",       ("Joint ST",         "Cubic (2 × 16²)"),  JOINT,         paper=(180.6, 79.2, 64.0)),
    row("trajectory-square", (Bold("Trajectory"), "Square (1 × 16²)"), SQUARE,        paper=(368.5, 79.4, 65.8)),
    row("trajectory-cubic",  (Bold("Trajectory"), "Cubic (2 × 16²)"),                 paper=(369.5, 79.7, 66.5)),
)
# fmt: on

TABLE = Table(
    name="motionformer/table2a",
    caption="Input encoding ablations: tokenization",
    source="arXiv:2106.05392, Table 2a",
    labels=("Attention", "Tokenization"),
    columns=(replace(GFLOPS_COLUMN, header="GFlops"), *TOP1_COLUMNS),
    rows=ROWS,
    tiny=TINY,
    notes=(
        JOINT_NOTE,
        COUNT_NOTE,
        START_NOTE,
        *TRAINING_NOTES,
    ),
)
