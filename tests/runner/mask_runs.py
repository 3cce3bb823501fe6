"""Small runs that propagate masks, for tests."""

from dataclasses import replace

from data.datasets.davis import Davis
from data.stand_ins.of_videos import DavisStandIn
from experiments.motionformer.table9 import DAVIS, KEPT, RANDOM
from experiments.motionformer.tiny import TINY
from experiments.spec import scales
from experiments.spec.edits import apply, data, model
from experiments.spec.run import RunConfig

STAND_IN = DavisStandIn(num_val=3, height=32, width=48, frames=6)
SMALL = data(dataset=Davis.Config(stand_in=STAND_IN), short_side=32)


def small(run: RunConfig) -> RunConfig:
    """Run at scale `tiny` on three generated sequences."""
    return apply(scales.TINY.of(run, TINY), SMALL)


PROPAGATED = small(DAVIS)
UNTRAINED = apply(small(apply(DAVIS, RANDOM)), model(rules=replace(PROPAGATED.model.rules, radius=2)))  # type: ignore[attr-defined]
KEPT_MASK = small(apply(DAVIS, KEPT))
