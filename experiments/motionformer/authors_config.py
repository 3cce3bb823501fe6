"""Settings of the authors' YAML files (https://github.com/facebookresearch/Motionformer at commit bf43d50)."""

from collections.abc import Sequence
from itertools import pairwise

from experiments.spec.authors_config import ABSENT, AuthorsConfig, Setting, family, is_same, of_channels, policy
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
        Setting("TRAIN.BATCH_SIZE NUM_SHARDS", "optim.batch_size", lambda of_node, nodes: of_node * nodes),
        Setting("TRAIN.CHECKPOINT_FILE_PATH", "parents", bool, bool),
        Setting("TRAIN.DATASET", "data.dataset.name", family, family),
        Setting("TRAIN.DATASET", "data.reversed_channels", lambda name: family(name) == "epic"),
        Setting("DATA.NUM_FRAMES", "data.frames"),
        # Something-Something is sampled in segments, without a stride.
        Setting(
            "DATA.SAMPLING_RATE TRAIN.DATASET",
            "data.sampling.stride",
            lambda n, name: ABSENT if family(name) == "ssv2" else n,
        ),
        Setting("DATA.TRAIN_CROP_SIZE", "data.crop"),
        Setting(
            "DATA.TRAIN_JITTER_SCALES DATA.TRAIN_CROP_SIZE",
            "data.augmentation.short_side",
            lambda scales, crop: None if scales == (crop * 8 // 7, crop * 10 // 7) else scales,
        ),
        Setting("DATA.MEAN", "data.mean", of_channels),
        Setting("DATA.STD", "data.std", of_channels),
        Setting("DATA.INV_UNIFORM_SAMPLE", "data.augmentation.inverse_uniform"),
        Setting("DATA.RANDOM_FLIP", "data.augmentation.flip", lambda flips: 0.5 if flips else 0.0),
        Setting("DATA.USE_RANDOM_RESIZE_CROPS", "data.augmentation.resized_crop"),
        Setting("DATA.COLORJITTER", "data.augmentation.color_jitter", lambda jitters: 0.4 if jitters else 0.0),
        Setting("DATA.USE_RAND_AUGMENT", "data.augmentation.rand_augment", bool, bool),
        Setting("SOLVER.BASE_LR", "optim.lr"),
        Setting("SOLVER.STEPS", "optim.schedule.milestones", lambda steps: steps[1:]),
        Setting("SOLVER.LR_POLICY", "optim.schedule", str, policy),
        Setting("SOLVER.LRS", "optim.schedule.factor", relative_rates),
        Setting("SOLVER.MAX_EPOCH", "optim.epochs"),
        Setting("SOLVER.WEIGHT_DECAY", "optim.weight_decay"),
        Setting(
            "SOLVER.WARMUP_EPOCHS", "optim.schedule", float, lambda schedule: getattr(schedule, "warmup_epochs", 0.0)
        ),
        Setting("SOLVER.OPTIMIZING_METHOD", "optim.optimizer", str, lambda optimizer: type(optimizer).__name__.lower()),
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
        Setting("TEST.NUM_ENSEMBLE_VIEWS", "evaluation.views"),
        Setting("TEST.NUM_SPATIAL_CROPS", "evaluation.crops"),
        # Epic-Kitchens has two heads, whatever the number says.
        Setting("MODEL.NUM_CLASSES", "data.dataset", int, lambda dataset: getattr(dataset, "num_classes", 97)),
        Setting("RNG_SEED", "seed"),
    ),
    ignored=(
        "TRAIN.ENABLE TRAIN.EVAL_PERIOD TRAIN.CHECKPOINT_* TRAIN.AUTO_RESUME TEST.ENABLE TEST.DATASET "
        "TEST.BATCH_SIZE DATA.PATH* DATA_LOADER.* NUM_GPUS OUTPUT_DIR LOG_* TENSORBOARD.* "
        # Without effect there, or fixed in the model: three channels, two heads' loss, the classifier's hidden layer.
        "SLOWFAST.ALPHA SOLVER.MOMENTUM DATA.INPUT_CHANNEL_NUM DATA.TEST_CROP_SIZE MODEL.ARCH MODEL.MODEL_NAME "
        "MODEL.LOSS_FUNC VIT.CHANNELS VIT.VIDEO_INPUT VIT.QKV_BIAS VIT.TEMPORAL_RESOLUTION VIT.USE_MLP "
        "VIT.HEAD_ACT DATA.REVERSE_INPUT_CHANNEL"
    ),
)
