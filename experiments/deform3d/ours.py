"""Tables of our own: the parts of the 3D deformable transformer, and its modalities."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data.stand_ins.drawing.figures import CLASS_NAMES, kind_of
from experiments.deform3d.base import GYM99, NTU60, PAPER, PENN, POSE, RECIPE_NOTE, RGB, pairing, table, windows
from experiments.spec.language import GFLOPS, PARAMETERS, TOP1, Column, OfTraining, TinyNote, model, row
from models.deform3d.deformable import PlainAttention


@dataclass(frozen=True)
class AccuracyOnClasses(OfTraining):
    """Accuracy in percent on the test items of some classes. Results of data without them have no value."""

    is_percentage = True

    classes: frozenset[str] = frozenset()

    def value(self, result: Mapping[str, object]) -> float | None:
        hits_by_class = result.get("classes")
        if not isinstance(hits_by_class, dict) or not self.classes <= hits_by_class.keys():
            return None
        hits, items = (sum(hits_by_class[name][index] for name in self.classes) for index in (0, 1))
        return 100 * hits / items if items else None


def column(key: str, header: str, classes: Iterable[str]) -> Column:
    metric = AccuracyOnClasses(f"top1_{key}", frozenset(classes))
    return Column(key=key, header=("Classes of the stand-in told by", header), metric=metric, base=PENN, best="max")


ALL = Column(key="top1", header=("Penn Action", "Top-1"), metric=TOP1, base=PENN, best="max")
KINDS = (
    column("motion", "motion of joints", (name for name in CLASS_NAMES if kind_of(name) == "motion")),
    column("appearance", "appearance", (name for name in CLASS_NAMES if kind_of(name) == "appearance")),
    column("both", "both", (name for name in CLASS_NAMES if kind_of(name) == "both")),
    column("joint", "the last joint", ("rest", "rest_and_swing")),
    column("frame", "the last frames", ("march", "march_and_cheer")),
)

COLUMNS_ABLATION = (
    Column(key="params", header="Parameters (M)", metric=PARAMETERS, base=PENN),
    Column(key="gflops", header="GFLOPs", metric=GFLOPS, base=PENN),
    ALL,
    *KINDS,
)
NARROW = windows(2)

# fmt: off
ROWS_ABLATION = (
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

TABLE_ABLATION = table(
    "ablation",
    "Parts of the 3D deformable transformer (ours, not in the paper)",
    source=PAPER.source,
    labels=("Part", "Setting"),
    columns=COLUMNS_ABLATION,
    rows=ROWS_ABLATION,
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

COLUMNS_MODALITIES = (
    Column(key="penn", header="Penn Action", metric=TOP1, base=PENN, best="max"),
    Column(key="ntu60", header=("NTU RGB+D 60, cross-subject"), metric=TOP1, base=NTU60, best="max"),
    Column(key="gym99", header="FineGYM, Gym99", metric=TOP1, base=GYM99, best="max"),
)

# fmt: off
ROWS_MODALITIES = (
    row("rgb",  ("RGB alone",),    RGB,  paper=()),
    row("pose", ("pose alone",),   POSE, paper=()),
    row("both", ("RGB and pose",),       paper=()),
)
# fmt: on

TABLE_MODALITIES = table(
    "modalities",
    "RGB and pose, alone and together (ours, not in the paper)",
    source=PAPER.source,
    labels=("Modalities",),
    columns=COLUMNS_MODALITIES,
    rows=ROWS_MODALITIES,
    notes=(
        "This table is ours, not the paper's.",
        "Pose alone has no features to pool: its tokens are the positions and numbers of the joints. Other protocols: `-o "
        "data.dataset.protocol=xview`, and deform3d/figureA5 for NTU RGB+D 120.",
        "Claim D13 (abstract), that the model is at least equal to pre-trained ones, is not measured: the paper's accuracies "
        "and those of other models are not at hand.",
        RECIPE_NOTE,
    ),
)
