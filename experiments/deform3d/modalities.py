"""RGB, pose and both on each data set: a table of our own."""

from experiments.deform3d.base import GYM99, NTU60, PENN, POSE, RECIPE_NOTE, RGB, SOURCE
from experiments.deform3d.tiny import TINY
from experiments.spec.metrics import TOP1
from experiments.spec.table import Column, Table, row

COLUMNS = (
    Column(key="penn", header="Penn Action", metric=TOP1, base=PENN, best="max"),
    Column(key="ntu60", header=("NTU RGB+D 60, cross-subject"), metric=TOP1, base=NTU60, best="max"),
    Column(key="gym99", header="FineGYM, Gym99", metric=TOP1, base=GYM99, best="max"),
)

# fmt: off
ROWS = (
    row("rgb",  ("RGB alone",),    RGB,  paper=()),
    row("pose", ("pose alone",),   POSE, paper=()),
    row("both", ("RGB and pose",),       paper=()),
)
# fmt: on

TABLE = Table(
    name="deform3d/modalities",
    caption="RGB and pose, alone and together (ours, not in the paper)",
    source=SOURCE,
    labels=("Modalities",),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    notes=(
        "This table is ours, not the paper's.",
        "Pose alone has no features to pool: its tokens are the positions and numbers of the joints. Other protocols: `-o "
        "data.dataset.protocol=xview`, and deform3d/figureA5 for NTU RGB+D 120.",
        "Claim D13 (abstract), that the model is at least equal to pre-trained ones, is not measured: the paper's accuracies "
        "and those of other models are not at hand.",
        RECIPE_NOTE,
    ),
)
