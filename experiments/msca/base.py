"""Default runs of MSCA (https://arxiv.org/abs/2204.00452, section 4), and shared parts of its tables.

The paper trains "as in" TokenShift. Where it is silent, values are those of the configs of TokenShift's released code at
commit a7abb7e."""

from collections.abc import Mapping
from dataclasses import dataclass

from data.datasets.kinetics import Kinetics
from data.sampling.strides import CyclicSampling
from data.transforms.colour import ColourAugmentation
from data.video_data import VideoData
from experiments.spec.language import (
    GFLOPS,
    PARAMETERS,
    TOP1,
    TOP5,
    Column,
    Computed,
    Edit,
    Edits,
    Paper,
    RunConfig,
    VideosPerSecondInTurns,
    model,
)
from interface.evaluation import EvalConfig
from interface.sizes import ClipSize
from lightning_modules.classification import SingleLabel
from lightning_modules.optim import SGD, OptimConfig, StepSchedule
from models.framewise.model import FramewiseViT
from models.msca.attention import HeadShift, NeighbourAttention, TokenGroupShift
from models.msca.model import MSCA, FramewiseConfig, TokenShift

PAPER = Paper(
    key="msca",
    title="Temporal Cross-attention for Action Recognition",
    url="https://arxiv.org/abs/2204.00452",
    source="arXiv:2204.00452",
    without_numbers={
        "figure1": "Encoder blocks of ViT, TokenShift and MSCA",
        "figure2": "Shift operation in the MSCA-KV model",
        "figure3": "Shift operations of MSCA-V, MSCA-pKV, and MSCA-pV",
    },
)
table = PAPER.table

K400 = RunConfig(
    model=MSCA.Config(),
    # Differs from the released configs, which state 0.01: their code uses it as a switch, and smooths by 0.1.
    objective=SingleLabel(label_smoothing=0.1),
    data=VideoData(
        dataset=Kinetics.Config(name="kinetics400", num_classes=400),
        frames=8,
        crop=224,
        sampling=CyclicSampling.Config(stride=32),
        augmentation=ColourAugmentation.Config(),
        mean=0.5,
        std=0.5,
    ),
    # 12 epochs by the paper, 18 with another drop at 15 by TokenShift's configs; 21 clips on each of 2 GPUs, of which 10
    # batches are accumulated, or fewer at the end of an epoch. As released, the best weights of the validation are tested.
    optim=OptimConfig(
        epochs=12,
        batch_size=420,
        lr=0.1,
        weight_decay=0.0,
        optimizer=SGD(momentum=0.9),
        schedule=StepSchedule(milestones=(10,), factor=0.1),
        clip_norm=1.0,
        precision="32-true",
        validate_every=1,
        keep="best",
        rest_multiple=42,
    ),
    evaluation=EvalConfig(
        views=10,
        crops=3,
        tiny_views=1,
        merge="mean of logits",
        resizing="bicubic",
        crops_along="width",
        late_short_clips=False,
    ),
)


def heads(of: str, each: int = 1) -> Edits:
    """MSCA of these projections, with `each` heads from either neighbour."""
    return model(attention=HeadShift.Config(of=of, past_heads=each, future_heads=each))


def tokens(of: str, each: int = 8) -> Edits:
    """MSCA of these projections, with `each` tokens from either neighbour."""
    return model(attention=TokenGroupShift.Config(of=of, past_tokens=each, future_tokens=each))


VIT = (Edit("model", FramewiseConfig()),)
TOKENSHIFT = (Edit("model", TokenShift.Config()),)


@dataclass(frozen=True)
class Latency(VideosPerSecondInTurns):
    """Milliseconds of inference on one clip, in batches, measured in turns with the other rows."""

    def repeats(self, record: Mapping[str, object], run: RunConfig) -> tuple[float, ...]:
        """Milliseconds of a clip in each round."""
        clips_per_video = run.evaluation.views * run.evaluation.crops
        return tuple(1000 / (videos * clips_per_video) for videos in super().repeats(record, run))


def shifted_percent(run: RunConfig) -> float:
    """Percentage of the heads, or of the tokens, that are shifted in the blocks with MSCA."""
    model = run.model
    assert isinstance(model, FramewiseViT.Config)
    if not isinstance(model, MSCA.Config) or not isinstance(model.attention, NeighbourAttention) or not num_msca(run):
        return 0.0
    return 100 * model.attention.share(model.grid(ClipSize.of(run.data.size)), model.heads)


def num_msca(run: RunConfig) -> int:
    return len(run.model.connected) if isinstance(run.model, MSCA.Config) else 0


def num_msa(run: RunConfig) -> int:
    """Number of blocks with attention within frames."""
    assert isinstance(run.model, FramewiseViT.Config)
    return run.model.depth - num_msca(run)


# fmt: off
ACCURACY = (
    Column(key="top1",       header="top-1", metric=TOP1, base=K400, digits=2, best="max"),
    Column(key="top5",       header="top-5", metric=TOP5, base=K400, digits=2, best="max"),
)
COST = (
    Column(key="parameters", header=("Ours", "Params (M)"), metric=PARAMETERS, base=K400),
    Column(key="gflops",     header=("Ours", "GFLOPs"),     metric=GFLOPS,     base=K400),
    Column(key="latency",    header=("Ours", "ms / clip"),  digits=0, metric=Latency("milliseconds", "turns-float32"), base=K400),
)
SHIFTED = Column(key="shifted", header="shift %", metric=Computed("shifted_percent", shifted_percent), base=K400)
NUM_MSCA = Column(key="msca", header="# MSCA", metric=Computed("num_msca", num_msca), base=K400, digits=0)
NUM_MSA = Column(key="msa",   header="# MSA",  metric=Computed("num_msa", num_msa), base=K400, digits=0)
# fmt: on

COST_NOTE = (
    "Parameters, GFLOPs and latency are not printed. The paper says that shifts cost nothing: this holds for parameters and "
    "GFLOPs. To move the shifted heads or tokens takes time, which the latency contains."
)
NOTES = (
    COST_NOTE,
    "As in the released code of TokenShift, unlike the papers' text: labels are smoothed by 0.1, gradients are clipped "
    "at a norm of 1, and the test views are evenly spaced instead of random.",
)
