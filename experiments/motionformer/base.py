"""Default runs of Motionformer (https://arxiv.org/abs/2106.05392, sections 4 and 6.2), and shared parts of its tables.

Where the paper is silent or its released code differs, values are those of the authors' configs at commit bf43d50."""

from collections.abc import Callable
from dataclasses import replace

from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.datasets.ssv2 import SSv2
from data.sampling.segments import SegmentSampling
from data.sampling.strides import DenseSampling
from data.transforms.pixels import Augmentation
from data.transforms.rand_augment import RandAugment
from data.video_data import VideoData
from experiments.spec.language import (
    GFLOPS,
    TOP1,
    Column,
    Computed,
    Edit,
    Measured,
    Paper,
    PaperNote,
    Parent,
    RunConfig,
    model,
)
from interface.evaluation import EvalConfig
from lightning_modules.classification import VerbNoun
from lightning_modules.optim import OptimConfig, StepSchedule
from models.imagenet import ImageNet
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer

PAPER = Paper(
    key="motionformer",
    title="Keeping Your Eye on the Ball: Trajectory Attention in Video Transformers",
    url="https://arxiv.org/abs/2106.05392",
    source="arXiv:2106.05392",
    without_numbers={"figure1": "Trajectory attention", "figure2": "Trajectory attention flowchart"},
)
table = PAPER.table

BASE_MODELS = {(768, 12, 12): "ViT-B", (1024, 24, 16): "ViT-L"}  # width, depth, heads


def model_of(run: RunConfig) -> Motionformer.Config:
    assert isinstance(run.model, Motionformer.Config)
    return run.model


def base_model(run: RunConfig) -> str:
    """Name of the ViT's size."""
    model = model_of(run)
    return BASE_MODELS.get((model.width, model.depth, model.heads), f"ViT {model.width}x{model.depth}")


def attention_kind(run: RunConfig) -> str:
    """Name of the attention, with E for exact or A for approximate."""
    attention = model_of(run).attention
    return f"{attention.label} ({'E' if getattr(attention, 'approximation', None) is None else 'A'})"


def with_stored_maps(model: object) -> object:
    """Published formulation of trajectory attention, whose memory is printed. Other models are unchanged."""
    if isinstance(model, Motionformer.Config) and isinstance(model.attention, TrajectoryAttention.Config):
        return replace(model, attention=replace(model.attention, stores_maps=True))
    return model


# The printed batch size per GPU. Tables 3 and 7 print 7.4 and 7.3 for the same run.
PEAK_MEMORY = Measured("peak_gib", "memory", batch_size=4)
BASE_MODEL = Computed("base_model", base_model)
ATTENTION = Computed("attention", lambda run: model_of(run).attention.label)
ATTENTION_KIND = Computed("attention_kind", attention_kind)
POSITIONS = Computed("positions", lambda run: model_of(run).positions.label.removesuffix(" ST"))
TOKENIZATION = Computed("tokenization", lambda run: model_of(run).tokens.label)

# Differs from the paper: it states ImageNet-21k. The released code, which gave the printed numbers, loads timm's
# jx_vit_base_p16_224: pretrained on ImageNet-21k, fine-tuned on ImageNet-1k.
BASE = Motionformer.Config(init=ImageNet.Config(name="vit_base_patch16_224.orig_in21k_ft_in1k"))

K400 = RunConfig(
    model=BASE,
    data=VideoData(
        dataset=Kinetics.Config(name="kinetics400", num_classes=400),
        frames=16,
        crop=224,
        sampling=DenseSampling.Config(stride=4),
        augmentation=Augmentation.Config(flip=0.5, color_jitter=0.4),
    ),
    evaluation=EvalConfig(views=10, crops=3),
)

SSV2 = RunConfig(
    model=replace(BASE, init=None),
    parents=(Parent(run=K400),),  # for all attentions, the authors' configs start from trajectory attention on Kinetics
    data=VideoData(
        dataset=SSv2.Config(name="ssv2", num_classes=174),
        frames=16,
        crop=224,
        sampling=SegmentSampling.Config(),
        augmentation=Augmentation.Config(
            inverse_uniform=True,
            flip=0.0,
            color_jitter=0.0,
            rand_augment=RandAugment.Config(magnitude=20.0, deviation=0.5),
        ),
    ),
    evaluation=EvalConfig(views=1, crops=3),  # Table 6a. Section 6.2 states 10 x 3, but all views would be equal
)

EPIC100 = RunConfig(
    model=replace(BASE, init=None),
    parents=(Parent(run=K400),),
    objective=VerbNoun(),
    data=VideoData(
        dataset=Epic100.Config(),
        frames=16,
        crop=224,
        sampling=DenseSampling.Config(stride=4),
        augmentation=Augmentation.Config(
            flip=0.5, color_jitter=0.0, rand_augment=RandAugment.Config(magnitude=15.0, deviation=0.5)
        ),
        reversed_channels=True,  # the authors' code reads BGR and never converts it, so their weights need BGR
    ),
    optim=OptimConfig(epochs=50, schedule=StepSchedule(milestones=(30, 40))),
    evaluation=EvalConfig(views=10, crops=3),
)

COUNT_NOTE = (
    "GFLOPs are exact counts. The authors' tool rounds each einsum to four digits, so that some printed numbers differ "
    "by 0.1."
)
GFLOPS_COLUMN = Column(key="gflops", header="GFLOPS", metric=GFLOPS, base=K400)
TOP1_COLUMNS = (
    Column(key="k400", header="K-400", metric=TOP1, base=K400, best="max"),
    Column(key="ssv2", header="SSv2", metric=TOP1, base=SSV2, best="max"),
)
BOTH = tuple(column.key for column in TOP1_COLUMNS)  # data sets of claims on both

# The authors' config of joint attention on SSv2 has no RandAugment. Runs on Kinetics have none anyway.
JOINT = (*model(attention=JointAttention.Config()), Edit("data.augmentation.rand_augment", None))
DIVIDED = model(attention=DividedAttention.Config())
JOINT_NOTE = PaperNote("On SSv2, joint attention is trained without RandAugment, as in the authors' config.")


def strided(stride: int) -> Callable[[object], object]:
    """Function that sets the stride of a dense sampling. Segment sampling has no stride: it spans the whole video."""

    def sampling(old: object) -> object:
        return replace(old, stride=stride) if isinstance(old, DenseSampling.Config) else old

    return sampling


def memory_columns(header: str, ours: str) -> tuple[Column, Column]:
    """Peak memory of the published formulation, and of ours."""
    published = Column(
        key="memory", header=header, metric=PEAK_MEMORY, base=K400, edits=(Edit("model", with_stored_maps),)
    )
    return published, Column(key="memory-ours", header=ours, metric=PEAK_MEMORY, base=K400)


MEMORY_NOTE = (
    "The printed memory is that of the published formulation, which stores attention maps and the projections of every "
    "trajectory; it is measured beside ours, which stores neither. In both, Performer's features are stored, and the MLP "
    "of the last block is computed for CLS alone. Both give the same results."
)

START_NOTE = PaperNote(
    "On SSv2, all rows start from the Kinetics run of the default model. The authors' configs of joint, divided and "
    "trajectory attention do so. For other rows no config was released, and their start is a guess."
)

TRAINING_NOTES = (
    "As in the released code, unlike the paper's text: values along trajectories are not projected, and the head has a "
    "hidden layer with tanh.",
    PaperNote(
        "The ImageNet weights are fine-tuned on ImageNet-1k: the released code does so, the paper's text does not."
    ),
)
