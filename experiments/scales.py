"""Scales: edits applied after all others, so that a toy number has other ids than a paper-scale one."""

import difflib
from dataclasses import dataclass, replace

from data.config import EvalConfig
from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.synthetic.epic100 import Epic100StandIn
from data.synthetic.kinetics import KineticsStandIn
from data.synthetic.ssv2 import SSv2StandIn
from experiments.run import Edit, Edits, RunConfig, apply
from lightning_modules.optim import CosineSchedule
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.trajectory import TrajectoryAttention
from models.trunk import VideoViT


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
            videos = KineticsStandIn()
        case SSv2.Config():
            videos = SSv2StandIn()
        case Epic100.Config():
            kitchens = Epic100StandIn()
            return replace(dataset, num_verbs=kitchens.num_verbs, num_nouns=kitchens.num_nouns, stand_in=kitchens)
        case _:
            raise ValueError(f"{type(dataset).__qualname__} has no stand-in at scale tiny")
    return replace(dataset, num_classes=videos.num_classes, stand_in=videos)


def small_model(model: object) -> object:
    """A model from scratch that is a twelfth as wide and a quarter as deep, on patches of half the side."""
    assert isinstance(model, VideoViT.Config)
    attention, positions = model.attention, model.positions
    if isinstance(attention, TrajectoryAttention.Config):
        approximation = attention.approximation
        if isinstance(approximation, Orthoformer.Config | Nystromformer.Config):
            fewer = replace(approximation, num_prototypes=approximation.num_prototypes // 8)
            attention = replace(attention, approximation=fewer)
    if positions.side is not None:
        positions = replace(positions, side=4)
    return replace(
        model,
        width=model.width // 12 // 16 * 16,
        depth=model.depth // 4,
        heads=model.heads // 3,
        tokens=replace(model.tokens, patch=8),
        positions=positions,
        attention=attention,
        drop_path=0.0,
        init=None,
        linear_std=0.125,  # 1 / sqrt(width): from scratch, 0.02 leaves narrow blocks asleep for epochs
    )


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
        Edit("model", small_model),
        Edit("data.dataset", stand_in),
        Edit("data.frames", halved),
        Edit("data.crop", smaller),
        Edit("data.augmentation.rand_augment", None),
        Edit("optim.epochs", 15),
        Edit("optim.batch_size", 32),
        Edit("optim.lr", 1e-3),
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
