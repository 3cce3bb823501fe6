"""Models that the authors of X-ViT released, with the numbers of their README. Clips have 16 frames."""

from dataclasses import replace

from data.datasets.kinetics import Kinetics
from data.sampling.strides import StridedSampling
from experiments.spec.language import GFLOPS, TOP1, TOP5, Column, evaluation, row
from experiments.xvit.base import K400, RECIPE_NOTE, SSV2, table
from models.framewise.model import FramePositions
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import XViT

# The released code has 8 positions in time for any number of frames, which repeat.
POSITIONS = FramePositions.Config(in_time=True, period=8)

SSV2_16 = replace(
    SSV2,
    model=XViT.Config(positions=POSITIONS),
    data=replace(SSV2.data, frames=16),
    evaluation=replace(SSV2.evaluation, views=2),
)
# The released Kinetics config mixes the two halves of a clip separately, and a quarter of the channels.
K600_16 = replace(
    K400,
    model=XViT.Config(positions=POSITIONS, attention=SpaceTimeMixing.Config(fraction=0.25, segment_frames=8)),
    data=replace(
        K400.data,
        dataset=Kinetics.Config(name="kinetics600", num_classes=600),
        frames=16,
        sampling=StridedSampling.Config(stride=16),
    ),
)

# fmt: off
COLUMNS = (
    Column(key="top1",   header="Top-1",         metric=TOP1, digits=2),
    Column(key="top5",   header="Top-5",         metric=TOP5, digits=2),
    Column(key="gflops", header="GFLOPs / view", metric=GFLOPS),
)
ROWS = (
    row("k600",         ("Kinetics-600", "16 × 16", "1 × 3"), base=K600_16,                      paper=(84.51, 96.26, None)),
    row("k600-2-views", ("Kinetics-600", "16 × 16", "2 × 3"), evaluation(views=2), base=K600_16, paper=(84.71, 96.39, None)),
    row("ssv2",         ("SSv2",         "16",      "2 × 3"), base=SSV2_16,                      paper=(67.19, 91.00, None)),
)
# fmt: on

TABLE = table(
    "zoo",
    "Released X-ViT models",
    source="README of github.com/1adrianb/video-transformers",
    labels=("Data", "Frames", "Views"),
    columns=COLUMNS,
    rows=ROWS,
    notes=(
        "Printed values are those of the README, whose views of SSv2 read 32x2.",
        "The Kinetics model sees a clip as two independent halves of 8 frames with the same positions in time, as in the "
        "released config. Swapping the halves does not change its logits.",
        RECIPE_NOTE,
    ),
)
