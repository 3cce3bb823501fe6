"""Scales: edits applied after all others, so that a toy number has other ids than a paper-scale one."""

import difflib
from dataclasses import dataclass, replace

from data.config import EvalConfig
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from experiments.run import Edit, Edits, RunConfig, apply
from lightning_modules.optim import CosineSchedule


@dataclass(frozen=True)
class Scale:
    """A name and its edits; `small` says that a run needs one core for minutes, not GPUs for hours."""

    name: str
    edits: Edits
    small: bool = False

    def of(self, run: RunConfig) -> RunConfig:
        """A run at this scale."""
        return apply(run, self.edits)


def stand_in(dataset: object) -> object:
    """The generated data set that stands in for a real one."""
    match dataset:
        case Kinetics.Config():
            from data.synthetic.kinetics import KineticsStandIn

            videos = KineticsStandIn()
        case SSv2.Config():
            from data.synthetic.ssv2 import SSv2StandIn

            videos = SSv2StandIn()
        case _:
            raise ValueError(f"{type(dataset).__qualname__} has no stand-in at scale tiny")
    return replace(dataset, num_classes=videos.num_classes, stand_in=videos)


def fewer_views(protocol: object) -> object:
    """The same protocol with few dense views: the videos are short."""
    assert isinstance(protocol, EvalConfig)
    return replace(protocol, views=min(protocol.views, 2), crops=min(protocol.crops, 3))


def smaller(crop: object) -> int:
    """A seventh of the picture's side: 32 for 224, 48 for 336."""
    assert isinstance(crop, int)
    return crop // 7


def halved(frames: object) -> int:
    """Half the frames, and one of one."""
    assert isinstance(frames, int)
    return max(1, frames // 2)


PAPER = Scale("paper", ())

TINY = Scale(
    "tiny",
    (
        Edit("start_from", None),
        Edit("model.init", None),
        Edit("model.width", 64),
        Edit("model.depth", 3),
        Edit("model.heads", 4),
        Edit("model.tokens.patch", 8),
        Edit("model.drop_path", 0.0),
        Edit("model.linear_std", 0.125),  # 1 / sqrt(width): from scratch, 0.02 leaves narrow blocks asleep for epochs
        Edit("data.dataset", stand_in),
        Edit("data.frames", halved),
        Edit("data.crop", smaller),
        Edit("data.augmentation.rand_augment", None),
        Edit("optim.epochs", 10),
        Edit("optim.batch_size", 32),
        Edit("optim.lr", 2e-3),
        Edit("optim.schedule", CosineSchedule(warmup_epochs=1.0)),
        Edit("objective.label_smoothing", 0.1),
        Edit("evaluation", fewer_views),
    ),
    small=True,
)

SCALES = {scale.name: scale for scale in (PAPER, TINY)}


def find_scale(name: str) -> Scale:
    """The scale of that name.

    Raises:
        ValueError: naming the scales there are.
    """
    if name not in SCALES:
        near = difflib.get_close_matches(name, SCALES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {' and '.join(SCALES)}"
        raise ValueError(f"unknown scale '{name}'; {hint}")
    return SCALES[name]
