"""Figure 4 of Motionformer: attention maps of trajectory attention for a moving point.

Appendix 6.1.4. The paper states neither the block nor the heads of the maps.
"""

from experiments.motionformer.base import K400, SSV2, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.spec.figures import AttentionQuery, AttentionStrips, RowQuery
from experiments.spec.metrics import TOP1
from experiments.spec.table import Column, Table, TinyNote, row

# The paper does not name its videos. These generated ones were chosen by their frames: objects in them move far.
HOOP = AttentionQuery(video="val/rolling hoops/YBCnhebQhVi_000081_000091.mp4", x=0.7, y=0.26)
DISC = AttentionQuery(video="269", x=0.58, y=0.23)

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
        "Red: the query point. Yellow: the path of the maximum of attention from frame to frame. Each map is the "
        "spatial attention of the query (equation 4), scaled linearly from its minimum to its maximum.",
        "The paper names neither its videos nor the block and heads. Ours are means over the heads of the last block "
        "but one: the last block computes CLS alone. For real data, the query is the centre of the first token frame "
        "of the first test video. `reproduce attention` draws other maps.",
        TinyNote(
            "The generated videos were chosen by their frames alone, before any map was drawn: objects in them move far."
        ),
        *TRAINING_NOTES,
    ),
)
