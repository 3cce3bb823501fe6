"""Ablation of the parts of the 3D deformable transformer: a table of our own."""

from experiments.deform3d.base import PENN, POSE, RECIPE_NOTE, RGB, SOURCE, pairing, windows
from experiments.deform3d.columns import ALL, KINDS
from experiments.deform3d.tiny import TINY
from experiments.spec.edits import model
from experiments.spec.metrics import GFLOPS, PARAMETERS
from experiments.spec.table import Column, Table, TinyNote, row
from models.deform3d.deformable import PlainAttention

COLUMNS = (
    Column(key="params", header="Parameters (M)", metric=PARAMETERS, base=PENN),
    Column(key="gflops", header="GFLOPs", metric=GFLOPS, base=PENN),
    ALL,
    *KINDS,
)
NARROW = windows(2)

# fmt: off
ROWS = (
    row("default",       ("default",                  None),                                                paper=()),
    row("no-deformable", ("stages",                   "without 3D deformable attention"),   model(stages=("joint", "temporal")),      paper=()),
    row("no-joint",      ("stages",                   "without joint stride attention"),    model(stages=("deformable", "temporal")), paper=()),
    row("no-temporal",   ("stages",                   "without temporal stride attention"), model(stages=("deformable", "joint")),    paper=()),
    row("plain",         ("first stage",              "plain attention"),                   model(attention=PlainAttention.Config()), paper=()),
    row("joints-of-2",   ("windows of two joints",    "that cover all"),                    model(joint_windows=NARROW),              paper=()),
    row("joints-print",  ("windows of two joints",    "of the printed loops"),              model(joint_windows=windows(2, "printed")), paper=()),
    row("frames-of-2",   ("windows of two frames",    "that cover all"),                    model(time_windows=NARROW),               paper=()),
    row("frames-print",  ("windows of two frames",    "of the printed loops"),              model(time_windows=windows(2, "printed")), paper=()),
    row("self",          ("keys of a window",         "its queries"),                       pairing("self"),                          paper=()),
    row("shift",         ("keys of a window",         "half a window further"),             pairing("shift"),                         paper=()),
    row("cyclic",        ("keys of a window",         "half a window further, in a circle"), pairing("cyclic"),                       paper=()),
    row("rgb",           ("modalities",               "RGB alone"),                         RGB,                                      paper=()),
    row("pose",          ("modalities",               "pose alone"),                        POSE,                                     paper=()),
)
# fmt: on

TABLE = Table(
    name="deform3d/ablation",
    caption="Parts of the 3D deformable transformer (ours, not in the paper)",
    source=SOURCE,
    labels=("Part", "Setting"),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    notes=(
        "This table is ours, not the paper's.",
        TinyNote(
            "The classes of the stand-in are of three kinds: told by the motion of the actor's joints, by a thing in the "
            "scene, or by both together. Two motion classes differ in the last joint alone, and two in the last frames alone."
        ),
        "By default, the keys of a window are half a window further, and a first window has its queries as keys.",
        RECIPE_NOTE,
    ),
)
