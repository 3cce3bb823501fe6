"""Parts of Tables 2 and 9 to 11 of CAST, which compare it with the state of the art: columns, and experts alone."""

from collections.abc import Sequence
from dataclasses import replace

from experiments.cast.base import AIM, TUNED_CLIP
from experiments.spec.language import (
    TRAINABLE_PARAMETERS,
    Column,
    Computed,
    Edit,
    Edits,
    PaperNote,
    RunConfig,
    published_gflops,
)
from models.cast.baselines import LoneExpert
from models.cast.model import CAST


def temporal_alone(model: object) -> LoneExpert.Config:
    """Temporal expert of CAST, tuned as a whole."""
    assert isinstance(model, CAST.Config)
    return LoneExpert.Config(expert=model.temporal, drop_path=model.drop_path)


def aim_alone(model: object) -> LoneExpert.Config:
    """Spatial expert with adapters, with the stochastic depth of CAST."""
    assert isinstance(model, CAST.Config)
    return replace(AIM, drop_path=model.drop_path)


CLIP_ALONE: Edits = (Edit("model", TUNED_CLIP),)
AIM_ALONE: Edits = (Edit("model", aim_alone),)
VIDEO_MAE_ALONE: Edits = (Edit("model", temporal_alone),)


def num_frames(run: RunConfig) -> float:
    """Number of frames that a model sees of each clip."""
    model = run.model
    if isinstance(model, LoneExpert.Config) and model.expert.framewise:
        return model.expert.layout(run.data.size).grid.frames
    (clip,) = run.data.size.example(1, "meta")
    return clip.shape[1]


def views(run: RunConfig) -> str:
    return f"{run.evaluation.views}×{run.evaluation.crops}"


def tflops(run: RunConfig) -> float:
    """Multiply-adds of all views of a video, in units of 10^12."""
    return published_gflops(run) * run.evaluation.views * run.evaluation.crops / 1000


FRAMES = Computed("frames", num_frames)
VIEWS = Computed("views", views)
TFLOPS = Computed("tflops", tflops)


def cost_columns(base: RunConfig) -> Sequence[Column]:
    return (
        Column(key="frames", header="Frames", metric=FRAMES, base=base, digits=0),
        Column(key="views", header="Views", metric=VIEWS, base=base),
        Column(key="tflops", header="TFLOPs", metric=TFLOPS, base=base, digits=2),
        Column(key="params", header="Learnable Param (M)", metric=TRAINABLE_PARAMETERS, base=base, digits=0),
    )


OWN_NOTE = (
    "Rows with an asterisk are the paper's own implementations, those of CLIP and VideoMAE tuned as a whole. Their recipes "
    "are not stated; here, they have that of CAST."
)
EXPERTS_NOTE = (
    "CLIP and VideoMAE are the paper's own implementations, tuned as a whole. Their recipes are not stated; here, they have "
    "that of CAST."
)
TABLE2_NOTE = PaperNote("The printed accuracies are those of Table 2; the figure prints none.")
COST_NOTE = (
    "Costs are exact counts. The paper multiplies a rounded 391 GFLOPs per view, and takes 147 for CLIP on Kinetics."
)
