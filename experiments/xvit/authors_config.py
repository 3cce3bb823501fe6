"""Settings of the authors' YAML files (https://github.com/1adrianb/video-transformers at commit 82ca176)."""

from experiments.spec.authors_config import ABSENT, AuthorsConfig, Setting, family, of_channels, policy
from models.xvit.heads import TemporalAttentionHead

AUTHORS = AuthorsConfig(
    settings=(
        Setting("TRAIN.BATCH_SIZE NUM_SHARDS", "optim.batch_size", lambda of_node, nodes: of_node * nodes),
        Setting("TRAIN.DATASET", "data.dataset.name", family, family),
        Setting("TRAIN.MIXUP_ALPHA", "objective.mixup", float, lambda mixup: mixup.alpha if mixup else 0.0),
        Setting("DATA.NUM_FRAMES", "data.frames"),
        # Something-Something is sampled in segments, without a stride.
        Setting(
            "DATA.SAMPLING_RATE TRAIN.DATASET",
            "data.sampling.stride",
            lambda n, name: ABSENT if family(name) == "ssv2" else n,
        ),
        Setting("DATA.TRAIN_CROP_SIZE", "data.crop"),
        Setting(
            "DATA.TRAIN_JITTER_SCALES DATA.TRAIN_CROP_SIZE TRAIN.DATASET",
            "data.augmentation.crop.short_side",
            lambda scales, crop, name: (scales[0] / crop, scales[1] / crop) if family(name) == "ssv2" else ABSENT,
        ),
        Setting("DATA.MEAN", "data.mean", of_channels),
        Setting("DATA.STD", "data.std", of_channels),
        Setting("DATA.AUTOAUGMENT", "data.augmentation.auto_augment", bool, bool),
        Setting("DATA.RANDOM_FLIP", "data.augmentation.flip", lambda flips: 0.5 if flips else 0.0),
        Setting(  # the probability of random erasing, in spite of its name
            "DATA.RAND_CROP",
            "data.augmentation.erasing",
            float,
            lambda erasing: erasing.probability if erasing else 0.0,
        ),
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
        Setting("SOLVER.LR_POLICY", "optim.schedule", str, policy),
        Setting("SOLVER.BASE_LR", "optim.lr"),
        Setting("SOLVER.MAX_EPOCH", "optim.epochs"),
        Setting("SOLVER.MOMENTUM", "optim.optimizer.momentum"),
        Setting("SOLVER.WEIGHT_DECAY", "optim.weight_decay"),
        Setting("SOLVER.WARMUP_EPOCHS", "optim.schedule.warmup_epochs"),
        Setting(
            "SOLVER.WARMUP_START_LR SOLVER.BASE_LR", "optim.schedule.warmup_start", lambda start, base: start / base
        ),
        Setting("SOLVER.OPTIMIZING_METHOD", "optim.optimizer", str, lambda optimizer: type(optimizer).__name__.lower()),
        Setting("SOLVER.CLIP_GRADIENT", "optim.clip_norm", lambda norm: norm if norm > 0 else None),
        Setting(
            "MODEL.LOSS_FUNC", "objective.label_smoothing", lambda name: 0.3 if name == "smooth_cross_entropy" else 0.0
        ),
        Setting("MODEL.DROPOUT_RATE", "model.head.dropout"),
        Setting("MODEL.NUM_CLASSES", "data.dataset.num_classes"),
        Setting("TEST.NUM_ENSEMBLE_VIEWS", "evaluation.views"),
        Setting("TEST.NUM_SPATIAL_CROPS", "evaluation.crops"),
        Setting("RNG_SEED", "seed"),
    ),
    ignored=(
        "TRAIN.ENABLE TRAIN.EVAL_PERIOD TRAIN.CHECKPOINT_* TRAIN.AUTO_RESUME TEST.ENABLE "
        "TEST.DATASET TEST.BATCH_SIZE DATA.PATH* DATA_LOADER.* NUM_GPUS NUM_SHARDS OUTPUT_DIR LOG_* "
        # Without effect there, or the same in all of the authors' files.
        "BN.* SOLVER.STEPS SOLVER.LRS SOLVER.WARMUP_FACTOR DATA.INPUT_CHANNEL_NUM DATA.TEST_CROP_SIZE MODEL.ARCH "
        "MODEL.MODEL_NAME XVIT.BASE_MODEL XVIT.USE_XVIT XVIT.LOCATIONS_LIST"
    ),
)
