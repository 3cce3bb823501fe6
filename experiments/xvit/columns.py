"""Columns of X-ViT's tables."""

from experiments.spec.metrics import GFLOPS, PARAMETERS, TOP1, TOP5
from experiments.spec.table import Column
from experiments.xvit.base import K400, SSV2

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
