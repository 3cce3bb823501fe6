"""Settings of the authors' YAML files (https://github.com/1adrianb/video-transformers at commit 82ca176)."""

from experiments.spec.authors_config import ABSENT, SLOWFAST_IGNORED, SLOWFAST_SETTINGS, AuthorsConfig, Setting, family
from models.xvit.heads import TemporalAttentionHead
from models.xvit.mixing import SpaceTimeMixing


def mixes_frames(attention: object) -> bool:
    return isinstance(attention, SpaceTimeMixing.Config) and bool(attention.window and attention.fraction)


AUTHORS = AuthorsConfig(
    settings=(
        *SLOWFAST_SETTINGS,
        Setting("TRAIN.MIXUP_ALPHA", "objective.mixup", float, lambda mixup: mixup.alpha if mixup else 0.0),
        Setting(
            "DATA.TRAIN_JITTER_SCALES DATA.TRAIN_CROP_SIZE TRAIN.DATASET",
            "data.augmentation.crop.short_side",
            lambda scales, crop, name: (scales[0] / crop, scales[1] / crop) if family(name) == "ssv2" else ABSENT,
        ),
        Setting("DATA.AUTOAUGMENT", "data.augmentation.auto_augment", bool, bool),
        Setting(  # the probability of random erasing, in spite of its name
            "DATA.RAND_CROP",
            "data.augmentation.erasing",
            float,
            lambda erasing: erasing.probability if erasing else 0.0,
        ),
        Setting("XVIT.USE_XVIT", "model.attention", bool, mixes_frames),
        Setting("XVIT.SHIFT_DIV", "model.attention.fraction", lambda division: 2 / division),
        Setting(
            "XVIT.NUM_SEGMENTS DATA.NUM_FRAMES",
            "model.attention.segment_frames",
            lambda mixed, frames: None if mixed == frames else mixed,
        ),
        Setting(
            "XVIT.CONSENSUS_TYPE",
            "model.head",
            str,
            lambda head: "vit" if isinstance(head, TemporalAttentionHead.Config) else "avg",
        ),
        Setting("SOLVER.MOMENTUM", "optim.optimizer.momentum"),
        Setting("SOLVER.WARMUP_EPOCHS", "optim.schedule.warmup_epochs"),
        Setting(
            "SOLVER.WARMUP_START_LR SOLVER.BASE_LR", "optim.schedule.warmup_start", lambda start, base: start / base
        ),
        Setting("SOLVER.CLIP_GRADIENT", "optim.clip_norm", lambda norm: norm if norm > 0 else None),
        Setting(
            "MODEL.LOSS_FUNC", "objective.label_smoothing", lambda name: 0.3 if name == "smooth_cross_entropy" else 0.0
        ),
        Setting("MODEL.DROPOUT_RATE", "model.head.dropout"),
        Setting("MODEL.NUM_CLASSES", "data.dataset.num_classes"),
    ),
    ignored=(
        # Without effect there, or the same in all of the authors' files.
        f"{SLOWFAST_IGNORED} NUM_SHARDS BN.* SOLVER.STEPS SOLVER.LRS SOLVER.WARMUP_FACTOR XVIT.BASE_MODEL"
    ),
    fixed={
        "DATA.COLORAUGMENT": False,
        "DATA.RANDAUGMENT": False,
        "XVIT.LOCATIONS_LIST": tuple(range(15)),  # of 12 blocks
    },
)
