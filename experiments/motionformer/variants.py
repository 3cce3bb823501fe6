"""Motionformer's three models (default, -L, -HR) on four data sets, for the parts of Table 6.

Section 4 and the authors' configs: -L has 32 frames at stride 3, -HR has crops of 336.
"""

from dataclasses import replace

from data.datasets.kinetics import Kinetics
from data.sampling.strides import DenseSampling
from data.video_data import VideoData
from experiments.motionformer.base import K400, strided
from experiments.spec.edits import Edit, data, model, optim
from experiments.spec.metrics import GFLOPS_AND_VIEWS, TOP1, TOP5
from experiments.spec.run import RunConfig
from experiments.spec.table import Column, PaperNote
from models.positions import SeparatePositions

K600 = replace(K400, data=replace(K400.data, dataset=Kinetics.Config(name="kinetics600", num_classes=600)))


def resized_crop_on_k400(old: object) -> object:
    """Data of -L: random resized crops on Kinetics-400 only, as in the authors' configs."""
    assert isinstance(old, VideoData)
    if old.dataset.name != "kinetics400":
        return old
    return replace(old, augmentation=replace(old.augmentation, resized_crop=True))


def stride_8_on_k400(old: object) -> object:
    """Data of -HR: stride 8 on Kinetics-400, as in the released config and weights; section 4 states stride 4."""
    assert isinstance(old, VideoData)
    if old.dataset.name != "kinetics400" or not isinstance(old.sampling, DenseSampling.Config):
        return old
    return replace(old, sampling=replace(old.sampling, stride=8))


# The authors' batch size of 12 per node gives one clip on each of its 8 GPUs. Their configs state 4 nodes, as for Mformer.
ONE_CLIP_A_GPU = optim(batch_size=32, lr=3.75e-5)

LONG = (*data(frames=32, sampling=strided(3)), Edit("data", resized_crop_on_k400), *ONE_CLIP_A_GPU)
HIGH_RESOLUTION = (
    *model(positions=SeparatePositions.Config(side=14)),  # resized in every step, as in the released code
    *data(crop=336),
    Edit("data", stride_8_on_k400),
    *ONE_CLIP_A_GPU,
)

BATCH_NOTE = PaperNote(
    "Global batch sizes are those of the authors' configs, for 4 nodes of 8 GPUs: 128 for Mformer (4 clips per GPU), and "
    "32 for -L and -HR, whose batch size of 12 per node gives one clip per GPU. The authors' launch script, and section "
    "6.2 for comparisons with other models, have 8 nodes: -o optim.batch_size=256, and 64 for -L and -HR."
)
SHARED_NOTE = "Mformer is the same run as in Tables 2 and 4."


def accuracy_and_cost(base: RunConfig) -> tuple[Column, ...]:
    """Top-1, top-5 and GFLOPs × views on a single-label data set."""
    return (
        Column(key="top1", header="Top-1", metric=TOP1, base=base, best="max"),
        Column(key="top5", header="Top-5", metric=TOP5, base=base, best="max"),
        Column(key="cost", header="GFLOPs × views", metric=GFLOPS_AND_VIEWS, base=base),
    )
