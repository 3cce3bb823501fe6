"""Motionformer at the scale `small`: each ViT a size smaller, half the frames at twice the stride, 4/7 of the crop size.

A run on SSv2 starts from one on Mini-Kinetics, as at the paper's size from one on Kinetics.
"""

from dataclasses import replace

from experiments.spec.language import Edit, RunConfig
from experiments.spec.scaling import NO_KINETICS600, recipe, with_doubled_stride
from models.imagenet import ImageNet
from models.mixers.orthoformer import Orthoformer
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from models.tokens import Grid

# Width, depth, heads and initial weights, by the width at the paper's size. As there, weights are of ImageNet-21k, fine-tuned
# on ImageNet-1k.
SIZES = {
    768: (384, 12, 6, "vit_small_patch16_224.augreg_in21k_ft_in1k"),
    1024: (768, 12, 12, "vit_base_patch16_224.augreg_in21k_ft_in1k"),
}


GRID = Grid(4, 8, 8)  # of the tokens of a clip


def smaller(model: object) -> object:
    assert isinstance(model, Motionformer.Config)
    width, depth, heads, name = SIZES[model.width]
    init = None if model.init is None else ImageNet.Config(name=name)
    return replace(model, width=width, depth=depth, heads=heads, init=init)


LRA = "Long Range Arena is affordable at its own size: use --scale paper"
REASONS = {
    "kinetics600": NO_KINETICS600,
    "davis2017": "masks are propagated with the patches of the paper's model and frames",
    **dict.fromkeys(("listops", "imdb", "aan", "cifar10", "pathfinder32"), LRA),
}


def left_out(run: RunConfig) -> str:
    match run.model:
        case Motionformer.Config(attention=TrajectoryAttention.Config(approximation=Orthoformer.Config() as one)):
            if one.num_candidates(GRID) < one.num_prototypes:
                return (
                    f"a frame has {GRID.patches} patches, from which {one.num_prototypes} prototypes cannot be selected"
                )
    return REASONS.get(run.data.dataset.name, "")


SMALL = recipe(
    {"kinetics400": 11, "ssv2": 12, "epic100": 12},
    Edit("model", smaller),
    Edit("data.crop", lambda crop: 4 * crop // 7),
    Edit("data.frames", lambda frames: max(1, frames // 2)),
    Edit("data.sampling", with_doubled_stride),
    Edit("evaluation.stride", lambda stride: stride and 2 * stride),
    left_out=left_out,
)
