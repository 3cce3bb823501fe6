"""Columns of the ablation: accuracy on all classes, and on each kind of classes of the stand-in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data.synthetic.figures import CLASS_NAMES, kind_of
from experiments.deform3d.base import PENN
from experiments.spec.metrics import TOP1, OfTraining
from experiments.spec.table import Column


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
    """Column of the accuracy on some classes."""
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
