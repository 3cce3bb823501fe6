"""Settings of the authors' YAML files (https://github.com/facebookresearch/Motionformer at commit bf43d50)."""

from collections.abc import Sequence
from itertools import pairwise

from experiments.spec.authors_config import (
    ABSENT,
    SLOWFAST_IGNORED,
    SLOWFAST_SETTINGS,
    AuthorsConfig,
    Setting,
    family,
    is_same,
)
from models.heads import TanhHead
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention

ATTENTIONS = {
    TrajectoryAttention.Config: "trajectory",
    JointAttention.Config: "joint",
    DividedAttention.Config: "divided",
}


def relative_rates(rates: Sequence[float]) -> object:
    """Factor between one rate and the next, if all are the same; else the rates."""
    factors = [later / earlier for earlier, later in pairwise(rates)]
    return factors[0] if all(is_same(factor, factors[0]) for factor in factors) else rates


AUTHORS = AuthorsConfig(
    settings=(
        *SLOWFAST_SETTINGS,
        Setting("TRAIN.CHECKPOINT_FILE_PATH", "parents", bool, bool),
        Setting("TRAIN.DATASET", "data.reversed_channels", lambda name: family(name) == "epic"),
        Setting(
            "DATA.TRAIN_JITTER_SCALES DATA.TRAIN_CROP_SIZE",
            "data.augmentation.short_side",
            lambda scales, crop: None if scales == (crop * 8 // 7, crop * 10 // 7) else scales,
        ),
        Setting("DATA.INV_UNIFORM_SAMPLE", "data.augmentation.inverse_uniform"),
        Setting("DATA.USE_RANDOM_RESIZE_CROPS", "data.augmentation.resized_crop"),
        Setting("DATA.COLORJITTER", "data.augmentation.color_jitter", lambda jitters: 0.4 if jitters else 0.0),
        Setting("DATA.USE_RAND_AUGMENT", "data.augmentation.rand_augment", bool, bool),
        Setting("SOLVER.STEPS", "optim.schedule.milestones", lambda steps: steps[1:]),
        Setting("SOLVER.LRS", "optim.schedule.factor", relative_rates),
        Setting(
            "SOLVER.WARMUP_EPOCHS", "optim.schedule", float, lambda schedule: getattr(schedule, "warmup_epochs", 0.0)
        ),
        Setting("SOLVER.USE_MIXED_PRECISION", "optim.precision", lambda mixed: "16-mixed" if mixed else "32-true"),
        Setting("SOLVER.SMOOTHING", "objective.label_smoothing"),
        Setting("VIT.IM_PRETRAINED", "pretrained", bool, bool),
        Setting("VIT.PATCH_SIZE", "model.tokens.patch"),
        Setting("VIT.PATCH_SIZE_TEMP", "model.tokens", int, lambda tokens: tokens.frames_per_token),
        Setting("VIT.EMBED_DIM", "model.width"),
        Setting("VIT.DEPTH", "model.depth"),
        Setting("VIT.NUM_HEADS", "model.heads"),
        Setting("VIT.MLP_RATIO", "model.mlp_ratio"),
        Setting("VIT.DROP_PATH", "model.drop_path"),
        Setting("VIT.ATTN_LAYER", "model.attention", str, lambda attention: ATTENTIONS.get(type(attention))),
        Setting(
            "VIT.USE_ORIGINAL_TRAJ_ATTN_CODE VIT.ATTN_LAYER",
            "model.attention.project_values",
            lambda original, layer: not original if layer == "trajectory" else ABSENT,
        ),
        Setting("VIT.USE_MLP", "model.head", bool, lambda head: isinstance(head, TanhHead.Config)),
        # Epic-Kitchens has two heads, whatever the number says.
        Setting("MODEL.NUM_CLASSES", "data.dataset", int, lambda dataset: getattr(dataset, "num_classes", 97)),
    ),
    ignored=(
        # Without effect there, or said by other settings.
        f"{SLOWFAST_IGNORED} TENSORBOARD.* SLOWFAST.ALPHA SOLVER.MOMENTUM MODEL.LOSS_FUNC VIT.TEMPORAL_RESOLUTION "
        "DATA.REVERSE_INPUT_CHANNEL"
    ),
    fixed={
        "DATA.RE_PROB": 0.0,
        "DATA.USE_REPEATED_AUG": False,
        "DATA.GRAYSCALE": False,
        "DATA.GAUSSIAN": False,
        "VIT.CHANNELS": 3,
        "VIT.QKV_BIAS": True,
        "VIT.VIDEO_INPUT": True,
        "VIT.DROP": 0.0,
        "VIT.POS_DROPOUT": 0.0,
        "VIT.HEAD_DROPOUT": 0.0,
        "VIT.HEAD_ACT": "tanh",
    },
)
