"""Table 4 of CAST: hyper-parameters of each data set, from the recipes themselves."""

from data.transforms.rand_augment import RandAugment
from experiments.cast.base import EPIC100, GPUS, K400, PER_GPU, SSV2, table
from experiments.spec.language import Column, Computed, RunConfig, Scientific, row, setting, value_of
from lightning_modules.optim import AdamW, CosineSchedule, OptimConfig


def optim(run: RunConfig) -> OptimConfig:
    assert run.optim is not None
    return run.optim


def momentum(run: RunConfig) -> str:
    optimizer = optim(run).optimizer
    assert isinstance(optimizer, AdamW)
    return "β1, β2={}, {}".format(*optimizer.betas)


def schedule_name(run: RunConfig) -> str:
    assert isinstance(optim(run).schedule, CosineSchedule)
    return "cosine decay"


def rand_augment(run: RunConfig) -> str:
    """Magnitude and deviation of RandAugment, and the number of operations if it is not timm's default."""
    config = value_of("data.augmentation.rand_augment", run)
    assert isinstance(config, RandAugment.Config)
    number = "" if config.num_operations == 2 else f"; {config.num_operations} operations"
    return f"({config.magnitude:g}, {config.deviation:g}){number}"


def base_lr(run: RunConfig) -> float:
    """Learning rate for a batch of 256."""
    return optim(run).lr * 256 / optim(run).batch_size


COLUMNS = (
    Column(key="ek100", header="EK100", base=EPIC100),
    Column(key="k400", header="K400", base=K400),
    Column(key="ssv2", header="SSV2", base=SSV2),
)

OPTIMIZER = Computed("optimizer", lambda run: type(optim(run).optimizer).__name__)
BASE_LR = Computed("base_lr", base_lr)
WEIGHT_DECAY = setting("weight_decay", "optim.weight_decay")
MOMENTUM = Computed("momentum", momentum)
PER_GPU_BATCH = Computed("per_gpu", lambda run: PER_GPU)
UPDATE_FREQUENCY = Computed("update_frequency", lambda run: optim(run).batch_size / (GPUS * PER_GPU))
SCHEDULE = Computed("schedule", schedule_name)
WARMUP = setting("warmup_epochs", "optim.schedule.warmup_epochs")
EPOCHS = setting("epochs", "optim.length")
FLIP = Computed("flip", lambda run: "yes" if value_of("data.augmentation.flip", run) else "no")
COLOR_JITTER = setting("color_jitter", "data.augmentation.color_jitter")
RAND_AUGMENT = Computed("rand_augment", rand_augment)
SMOOTHING = setting("label_smoothing", "objective.label_smoothing")
MIXUP = setting("mixup", "objective.mixup.alpha")
MIXUP_PROBABILITY = setting("mixup_probability", "objective.mixup.probability")
DROP_PATH = setting("drop_path", "model.drop_path")
LAYER_DECAY = setting("layer_decay", "optim.layer_decay")

# fmt: off
ROWS = (
    row("optimizer",     ("Optimizer",),           metric=OPTIMIZER,         paper=("AdamW", "AdamW", "AdamW")),
    row("base-lr",       ("Base learning rate",),  metric=BASE_LR, form=Scientific(), paper=(1e-3, 1e-3, 1e-3)),
    row("weight-decay",  ("Weight decay",),        metric=WEIGHT_DECAY,      paper=(0.05, 0.05, 0.05)),
    row("momentum",      ("Optimizer momentum [7]",),  metric=MOMENTUM,          paper=3 * ("β1, β2=0.9, 0.999",)),
    row("per-gpu",       ("Gpu per batch size",),  metric=PER_GPU_BATCH,     paper=(6, 6, 6)),
    row("update",        ("Update frequency",),    metric=UPDATE_FREQUENCY,  paper=(4, 6, 4)),
    row("schedule",      ("Learning rate schedule",), metric=SCHEDULE,       paper=3 * ("cosine decay",)),
    row("warmup",        ("Warmup epochs",),       metric=WARMUP,            paper=(5, 5, 5)),
    row("epochs",        ("Training epochs",),     metric=EPOCHS,            paper=(50, 70, 50)),
    row("flip",          ("Flip augmentation",),   metric=FLIP,              paper=("yes", "yes", "no")),
    row("color-jitter",  ("Color jitter",),        metric=COLOR_JITTER,      paper=(0.4, 0.4, 0.4)),
    row("rand-augment",  ("RandAug [9]",),             metric=RAND_AUGMENT,      paper=3 * ("(9, 0.5)",)),
    row("smoothing",     ("Label smoothing [55]",),     metric=SMOOTHING,         paper=(0.1, 0.1, 0.1)),
    row("mixup",         ("Mixup [73]",),               metric=MIXUP,             paper=(0.8, 0.8, 0.8)),
    row("mixup-share",   ("Mixup: share of batches (not printed)",), metric=MIXUP_PROBABILITY, paper=(None, None, None)),
    row("drop-path",     ("Drop path",),           metric=DROP_PATH,         paper=(0.2, 0.2, 0.3)),
    row("layer-decay",   ("Layer-wise lr decay [2]",), metric=LAYER_DECAY,       paper=(0.75, 0.75, 0.75)),
)
# fmt: on

TABLE = table(
    "table4",
    "Hyperparameters used and the fine-tuning configuration for each dataset",
    labels=("Config",),
    columns=COLUMNS,
    rows=ROWS,
    notes=(
        "Values are those of the runs of Tables 2 and 9 to 11, and follow the released scripts. These have no colour "
        "jitter, and RandAugment with 4 operations of magnitude 7. The printed values are those of "
        "the second row of `cast/recipes`.",
        "A recipe has the global batch size: 16 GPUs with 6 clips each, times the update frequency.",
    ),
)
