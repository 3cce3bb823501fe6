"""Figure 4 of Motionformer: attention maps of trajectory attention, which follow a point along its way.

Appendix 6.1.4: in which block, and over which heads, the paper does not say.
"""

from experiments.motionformer.base import K400, SSV2, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.spec.figures import AttentionQuery, AttentionStrips, RowQuery
from experiments.spec.metrics import TOP1
from experiments.spec.table import Column, Table, row

# The paper does not name its videos. Of the generated ones these were picked for things that move far, by their frames.
HOOP = AttentionQuery(video="val/rolling hoops/P6SyOCG0HbU_000263_000273.mp4", x=0.15, y=0.1)
DISC = AttentionQuery(video="733", x=0.5, y=0.12)

# fmt: off
ROWS = (
    row("k400", ("K-400",), base=K400, paper=()),
    row("ssv2", ("SSv2",),  base=SSV2, paper=()),
)
QUERIES = (
    RowQuery(row="k400", real=AttentionQuery(), stand_in=HOOP),
    RowQuery(row="ssv2", real=AttentionQuery(), stand_in=DISC),
)
# fmt: on

TABLE = Table(
    name="motionformer/figure4",
    caption="Trajectory attention maps",
    source="arXiv:2106.05392, Figure 4",
    labels=("Data set",),
    columns=(Column(key="top1", header="Top-1 of the model", metric=TOP1),),
    rows=ROWS,
    tiny=TINY,
    figure=AttentionStrips(column="top1", queries=QUERIES),
    notes=(
        "Red: the query. Yellow: the way of the highest attention from frame to frame. Each map is the spatial attention of "
        "the query (equation 4), stretched from its lowest to its highest value.",
        "The paper names neither its videos nor block and heads. Drawn is the last block in which patches are read (in the "
        "model's last, CLS alone is), the mean over its heads; of real data the first test video and its middle. "
        "`reproduce attention` draws any other.",
        "The generated videos were picked by their frames alone, for things that move far, before any map was seen.",
        *TRAINING_NOTES,
    ),
)
