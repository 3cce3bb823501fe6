"""CAST at the scale `small`: the frozen experts of the paper, which see half the frames and half the crop size.

The positions of experts with fixed ones are resized from the grid of their pretraining. Mind that VideoMAE (SSv2) and
VideoMAE (K400) are fine-tuned on whole data sets, which contain the training videos of their parts.
"""

from dataclasses import fields, replace

from experiments.spec.language import Edit
from experiments.spec.scaling import recipe, with_doubled_stride
from models.cast.baselines import LoneExpert
from models.cast.clip_expert import ClipExpert, FixedPositionsConfig
from models.cast.expert import ExpertConfig
from models.model import ModelConfig

SIDE = 14  # rows and columns of patches of a frame in the pretraining


def on_fewer_patches(part: object) -> object:
    """Model or expert whose fixed positions are those of the pretraining."""
    match part:
        case ClipExpert.Config(positions=FixedPositionsConfig() as positions):
            return replace(part, positions=replace(positions, side=SIDE))
        case LoneExpert.Config():
            return replace(part, expert=on_fewer_patches(part.expert))
        case ModelConfig():
            experts = {one.name: getattr(part, one.name) for one in fields(part) if one.name in ("spatial", "temporal")}
            return replace(part, **{name: on_fewer_patches(expert) for name, expert in experts.items()})
    assert isinstance(part, ExpertConfig)
    return part


SMALL = recipe(
    dict.fromkeys(("kinetics400", "ssv2", "epic100"), 8),
    Edit("model", on_fewer_patches),
    Edit("data.crop", lambda crop: crop // 2),
    Edit("data.frames", lambda frames: frames // 2),
    Edit("data.sampling", with_doubled_stride),
    shares={"kinetics400": 1 / 3, "ssv2": 1 / 3},
)
