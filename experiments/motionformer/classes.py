"""Section 6.1.3 of Motionformer: classes with the largest gains and losses of accuracy by trajectory attention."""

from experiments.motionformer.base import JOINT, JOINT_NOTE, TOP1_COLUMNS, TRAINING_NOTES, table
from experiments.spec.language import ClassDifferences, ClassPanel, PaperNote, row

# fmt: off
ROWS = (
    row("joint",      ("Joint Space-Time",), JOINT, paper=(64.0,)),
    row("trajectory", ("Trajectory",),              paper=(66.5,)),
)
PRINTED = (
    ("Spilling [something] next to [something]",                                                18),
    ("Pretending to put [something] underneath [something]",                                    15),
    ("Trying to pour [something] into [something], but missing so it spills next to it",        14),
    ("Showing a photo of [something] to the camera",                                            -8),
    ("Putting [something] on a flat surface without letting it roll",                           -9),
    ("Putting [something] that can’t roll onto a slanted surface, so it stays where it is",    -10),
)
# fmt: on

TABLE = table(
    "classes",
    "Which classes is the performance difference larger with and without the trajectory attention?",
    source="arXiv:2106.05392, section 6.1.3",
    labels=("Attention",),
    columns=TOP1_COLUMNS[1:],
    rows=ROWS,
    figure=ClassDifferences(
        panels=(
            ClassPanel(
                title="Trajectory minus joint space-time attention",
                row="trajectory",
                relative_to="joint",
                column="ssv2",
                ends=10,
                printed=PRINTED,
            ),
        )
    ),
    notes=(
        "The paper does not state whether “without” trajectory attention means joint or divided space-time attention. "
        "We use joint.",
        PaperNote(
            "The printed accuracies are those of Table 4. The section prints only classes and their differences in points: "
            f"{'; '.join(f'{name} {points:+}' for name, points in PRINTED)}."
        ),
        JOINT_NOTE,
        *TRAINING_NOTES,
    ),
)
