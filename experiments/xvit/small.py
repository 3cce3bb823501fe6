"""X-ViT at the scale `small`: ViT-S with 4/7 of the crop size, and the frames of the row."""

from dataclasses import replace

from experiments.spec.language import Edit
from experiments.spec.scaling import NO_KINETICS600, recipe
from models.imagenet import ImageNet
from models.xvit.model import XViT


def smaller(model: object) -> object:
    if not isinstance(model, XViT.Config):
        return model  # of other papers, which are not trained
    return replace(model, width=384, heads=6, init=ImageNet.Config(name="vit_small_patch16_224.augreg_in21k"))


SMALL = recipe(
    {"kinetics400": 11, "ssv2": 24},
    Edit("model", smaller),
    Edit("data.crop", lambda crop: 4 * crop // 7),
    left_out=lambda run: NO_KINETICS600 if run.data.dataset.name == "kinetics600" else "",
)
