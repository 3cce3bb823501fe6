"""Figure A2 of the 3D deformable transformer: joint stride attention on Penn Action."""

from experiments.deform3d.attention_figures import (
    ALL_VIDEOS,
    COLUMN,
    MASS_NOTE,
    NOTES,
    PENN_VIDEOS,
    above_equal_weights,
    mass_columns,
    rows,
    strips,
)
from experiments.deform3d.attention_mass import MOVING_JOINTS
from experiments.deform3d.base import PENN, SOURCE
from experiments.deform3d.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.table import Table, TinyNote

# fmt: off
CLAIMS = (
    claim("D8", "section D.1", "Pose tokens attend to the joints that carry the action", above_equal_weights("moving-joints")),
)
# fmt: on

TABLE = Table(
    name="deform3d/figureA2",
    caption="Visualization of joint stride attention on PennAction",
    source=f"{SOURCE}, Figure A2",
    labels=("Video",),
    columns=(COLUMN, *mass_columns(MOVING_JOINTS, "moving-joints", ("Moving joints", "share of the joints (%)"))),
    rows=(ALL_VIDEOS, *rows(PENN, PENN_VIDEOS)),
    tiny=TINY,
    figure=strips(PENN_VIDEOS, "joint"),
    notes=(
        *NOTES,
        "Moving joints: those whose steps from frame to frame, relative to the median step of all joints, are above the median "
        "of the joints of the video. Attention: weights of the pose tokens in the last block for the pose tokens of moving "
        "joints, in percent of those for all pose tokens. A token reads the joints of its windows only, and so does the "
        "share of the joints.",
        MASS_NOTE,
        TinyNote(
            "This figure shows only that the path runs: attention of the small model is on no more of the moving joints than "
            "equal weights would be."
        ),
    ),
    claims=CLAIMS,
)
