"""Columns of MSCA's tables: accuracy as printed, and the design and the cost of the model, which are ours."""

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.msca.base import K400
from experiments.spec.metrics import GFLOPS, PARAMETERS, TOP1, TOP5, Computed, VideosPerSecondInTurns
from experiments.spec.run import RunConfig
from experiments.spec.table import Column
from models.framewise.model import FramewiseViT
from models.model import as_clip
from models.msca.attention import NeighbourAttention
from models.msca.model import MSCA


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
    return 100 * model.attention.share(model.grid(as_clip(run.data.size)), model.heads)


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
