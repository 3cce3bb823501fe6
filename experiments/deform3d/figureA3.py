"""Figure A3 of the 3D deformable transformer: 3D deformable attention on Penn Action."""

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
from experiments.deform3d.attention_mass import ACTION_FRAMES, BOX
from experiments.deform3d.base import PENN, SOURCE
from experiments.deform3d.pose_regions import MARGIN
from experiments.deform3d.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.table import Table, TinyNote

# fmt: off
CLAIMS = (
    claim("D9", "section D.2", "Attention stays on the actor in clutter", above_equal_weights("box")),
    claim("D10", "section D.2", "It is intense in the frames of the action", above_equal_weights("action-frames")),
)
# fmt: on

TABLE = Table(
    name="deform3d/figureA3",
    caption="Visualization of 3D deformable attention on PennAction",
    source=f"{SOURCE}, Figure A3",
    labels=("Video",),
    columns=(
        COLUMN,
        *mass_columns(BOX, "box", ("Box of the actor", "area (%)")),
        *mass_columns(ACTION_FRAMES, "action-frames", ("Frames of the action", "share of the frames (%)")),
    ),
    rows=(ALL_VIDEOS, *rows(PENN, PENN_VIDEOS)),
    tiny=TINY,
    figure=strips(PENN_VIDEOS, "deformable"),
    notes=(
        *NOTES,
        f"Box of the actor: that of the joints that have a place in the frame, with {MARGIN:.0%} of its longer side as a "
        "margin; its area counts the cells that have their centre in it. Frames of the action: those whose joints move "
        "faster, relative to the median step of all joints, than in the median frame of the video. Attention: weights of CLS "
        "in all frames, in the last block, at the places that are read, in percent of those at all places. The class is "
        "read from CLS.",
        MASS_NOTE,
        TinyNote(
            "This figure shows only that the path runs: the small model reads the class mostly from the joints (see "
            "`deform3d/modalities`), and its attention is on no more of the actor than equal weights would be."
        ),
    ),
    claims=CLAIMS,
)
