"""Runs of CAST at the scale `tiny`: edits of the recipes, and the trainings of the experts that files give at the paper's size.

A spatial expert is trained on appearance (the stand-in of Kinetics), a temporal one on motion (the stand-in of SSv2) or,
where the weights are those of Kinetics, on that stand-in. Both are frozen afterwards, as at the paper's size.
"""

from dataclasses import replace

from data.datasets.epic100 import Epic100
from data.stand_ins.of_videos import CategorisedEpic100StandIn
from experiments.cast.base import K400, SSV2
from experiments.cast.experts import CLIP, EVA, IN21K, MVD, VIDEO_MAE_EK100, VIDEO_MAE_K400, VIDEO_MAE_SSV2
from experiments.spec.language import Edit, Edits, Parent, Recipe, RunConfig, TinyNote, optim
from experiments.spec.scales import TINY as SCALE
from lightning_modules.optim import AdamW, CosineSchedule
from models.cast.baselines import LoneExpert
from models.cast.expert import ExpertConfig, ExpertsConfig


def with_categories(dataset: object) -> object:
    """Stand-in of EPIC-Kitchens with categories of its nouns, for Figure 5. Other data sets are unchanged."""
    if not isinstance(dataset, Epic100.Config):
        return dataset
    return replace(dataset, stand_in=CategorisedEpic100StandIn())


SHORT: Edits = (
    Edit("data.dataset", with_categories),
    *optim(batch_size=32, layer_decay=None, optimizer=AdamW(), schedule=CosineSchedule(warmup_epochs=1.0)),
    Edit("objective.mixup", None),
)
PRETRAINING = Recipe(edits=(*optim(epochs=10, lr=2e-3), *SHORT))


def expert_run(expert: ExpertConfig, data: RunConfig) -> RunConfig:
    return SCALE.of(replace(data, model=LoneExpert.Config(expert=expert)), PRETRAINING)


RUNS = {
    CLIP.init: expert_run(CLIP, K400),
    IN21K.init: expert_run(IN21K, K400),
    EVA.init: expert_run(EVA, K400),
    VIDEO_MAE_EK100.init: expert_run(VIDEO_MAE_EK100, SSV2),
    VIDEO_MAE_SSV2.init: expert_run(VIDEO_MAE_SSV2, SSV2),
    VIDEO_MAE_K400.init: expert_run(VIDEO_MAE_K400, K400),
    MVD.init: expert_run(MVD, SSV2),
}

STAND_INS_NOTE = TinyNote(
    "No weights are read: experts are trained from random weights. CLIP, IN-21K and EVA are three kinds of blocks on one "
    "stand-in, that of Kinetics-400; VideoMAE (EK100, SSV2) and MVD two kinds of positions on that of SSv2; VideoMAE (K400) is "
    "on that of Kinetics-400. Differences between these rows say nothing about pretraining. Rows that are the same training "
    "are named below, if there are any; all others are trainings of their own."
)


def pretrained(run: RunConfig) -> tuple[Parent, ...]:
    """Trainings of the experts of a run at the paper's size, by part of its model."""
    experts = run.model.experts if isinstance(run.model, ExpertsConfig) else {}
    for part, expert in experts.items():
        if expert.init not in RUNS:
            raise ValueError(f"tiny: no training stands for the weights {expert.init} of the {part} expert")
    return tuple(Parent(run=RUNS[expert.init], part=part) for part, expert in experts.items())


TINY = Recipe(edits=(*optim(epochs=5, lr=3e-3), *SHORT), parents=pretrained)
