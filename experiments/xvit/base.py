"""Default runs of X-ViT (https://arxiv.org/abs/2106.05968), and shared parts of its tables.

Recipes are those of the configs of the released code (https://github.com/1adrianb/video-transformers at commit 82ca176).
The main paper's tables have clips of 8 frames; the released configs have 16."""

from dataclasses import replace

from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.sampling.segments import SegmentViewSampling
from data.sampling.strides import StridedSampling
from data.transforms.composed_augmentation import ComposedAugmentation, MultiScaleCrop, RandomErasing, ShortSideCrop
from data.video_data import VideoData
from experiments.spec.language import GFLOPS, PARAMETERS, TOP1, TOP5, Column, Edit, Edits, Paper, RunConfig, model
from interface.evaluation import EvalConfig
from lightning_modules.classification import SingleLabel
from lightning_modules.mixup import Mixup
from lightning_modules.optim import SGD, CosineSchedule, OptimConfig
from lightning_modules.parameter_groups import ParameterRule
from models.framewise.model import FrameMeanHead
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import TSMViT, XViT

PAPER = Paper(
    key="xvit",
    title="Space-time Mixing Attention for Video Transformer, with its supplementary material",
    url="https://arxiv.org/abs/2106.05968",
    source="arXiv:2106.05968, supplementary",
)
table = PAPER.table

NUM_BLOCKS = 12

# The released code does not decay the biases of the MLP of the temporal head, that of its LayerNorm included.
HEAD_BIASES = tuple(
    ParameterRule(names=f"head.{part}.bias", weight_decay=0.0) for part in ("norm", "hidden", "classifier")
)

SSV2_OPTIM = OptimConfig(
    epochs=35,
    batch_size=64,
    lr=0.03,
    weight_decay=1e-4,
    optimizer=SGD(momentum=0.9, nesterov=True),
    schedule=CosineSchedule(warmup_epochs=5, warmup_start=0.1, decay_from_start=True),
    precision="32-true",
    rules=HEAD_BIASES,
)

SSV2 = RunConfig(
    model=XViT.Config(),
    # Differs from the paper, which smooths labels by 0.3 on SSv2 and mixes clips on Kinetics: in the configs, labels are
    # smoothed and clips are mixed on Kinetics.
    objective=SingleLabel(label_smoothing=0.0),
    data=VideoData(
        dataset=SSv2.Config(name="ssv2", num_classes=174),
        frames=8,
        crop=224,
        sampling=SegmentViewSampling.Config(),
        augmentation=ComposedAugmentation.Config(
            crop=ShortSideCrop.Config(short_side=(256 / 224, 320 / 224)), flip=0.0, erasing=RandomErasing.Config()
        ),
        mean=0.5,
        std=0.5,
    ),
    optim=SSV2_OPTIM,
    evaluation=EvalConfig(views=1, crops=3, merge="sum of logits"),
)

# One draw of the weight for the batch, as the seeds of the GPUs are equal; partners are those of the 8 clips of a GPU.
MIXUP = Mixup.Config(alpha=0.4, clips_per_lambda=64, clips_per_exchange=8, partner="permuted")

K400 = RunConfig(
    model=XViT.Config(),
    objective=SingleLabel(label_smoothing=0.3, mixup=MIXUP),
    data=VideoData(
        dataset=Kinetics.Config(name="kinetics400", num_classes=400),
        frames=8,
        crop=224,
        sampling=StridedSampling.Config(stride=32),  # not printed; 256 frames, as 16 x 16 in the released config
        augmentation=ComposedAugmentation.Config(crop=MultiScaleCrop.Config(), flip=0.5),
        mean=0.5,
        std=0.5,
    ),
    optim=replace(
        SSV2_OPTIM,
        epochs=30,
        weight_decay=1e-5,
        schedule=CosineSchedule(warmup_epochs=5, warmup_start=1 / 3, decay_from_start=True),
    ),
    evaluation=EvalConfig(views=1, crops=3, merge="sum of logits"),
)

MEAN_HEAD = FrameMeanHead.Config(dropout=0.5, std=0.001)
# The released code does not decay the bias of the classifier of single frames.
MEAN = (*model(head=MEAN_HEAD), Edit("optim.rules", (ParameterRule(names="head.classifier.bias", weight_decay=0.0),)))
TSM = (Edit("model", TSMViT.Config()),)


def mixing(**settings: object) -> Edits:
    """Space-time mixing with these settings, e.g. `mixing(window=2)`."""
    return model(attention=SpaceTimeMixing.Config(**settings))  # pyright: ignore[reportArgumentType]


SUBMISSION = "arXiv:2106.05968v1 (submission version)"
SUBMISSION_NOTE = "An ablation of the main paper in its submission version. The final version has other numbers, which are not at hand."
RECIPE_NOTE = (
    "Recipes are those of the released configs: labels are smoothed and clips mixed on Kinetics, neither on SSv2; the "
    "paper states the smoothing for SSv2."
)
NOTES = (SUBMISSION_NOTE, RECIPE_NOTE)

# fmt: off
ACCURACY = (
    Column(key="top1",       header="Top-1",      metric=TOP1,       base=SSV2, best="max"),
    Column(key="top5",       header="Top-5",      metric=TOP5,       base=SSV2, best="max"),
)
COST = (
    Column(key="parameters", header="Params (M)", metric=PARAMETERS, base=SSV2),
    Column(key="gflops",     header="GFLOPs",     metric=GFLOPS,     base=SSV2),
)
BOTH_DATA_SETS = (
    Column(key="ssv2",       header=("SSv2", "Top-1"),  metric=TOP1, base=SSV2, best="max"),
    Column(key="ssv2-top5",  header=("SSv2", "Top-5"),  metric=TOP5, base=SSV2, best="max"),
    Column(key="k400",       header=("K-400", "Top-1"), metric=TOP1, base=K400, best="max"),
    Column(key="k400-top5",  header=("K-400", "Top-5"), metric=TOP5, base=K400, best="max"),
)
# fmt: on
