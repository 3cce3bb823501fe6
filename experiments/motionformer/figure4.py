"""Figure 4 of Motionformer: attention maps of trajectory attention for a moving point.

Appendix 6.1.4. The paper states neither the block nor the heads of the maps.
"""

from experiments.motionformer.base import K400, SSV2, TRAINING_NOTES, table
from experiments.spec.language import TOP1, AttentionQuery, AttentionStrips, Column, RowQuery, TinyNote, row

# fmt: off
ROWS = (
    row("k400", ("K-400",), base=K400, paper=()),
    row("ssv2", ("SSv2",),  base=SSV2, paper=()),
)
# fmt: on
MOVING = AttentionQuery(of_moving=True)  # the paper does not name its videos
QUERIES = tuple(RowQuery(row=each.key, real=MOVING, stand_in=MOVING) for each in ROWS)

TABLE = table(
    "figure4",
    "Trajectory attention maps",
    labels=("Data set",),
    columns=(Column(key="top1", header="Top-1 of the model", metric=TOP1),),
    rows=ROWS,
    figure=AttentionStrips(column="top1", queries=QUERIES),
    notes=(
        "Red: the query point. Yellow: the path of the maximum of attention from frame to frame. Each map is the "
        "spatial attention of the query (equation 4), scaled linearly from its minimum to its maximum.",
        "The paper names neither its videos nor the block and heads. Ours are means over the heads of the last block "
        "but one: the last block computes CLS alone. `reproduce attention` draws other maps.",
        "The rule of the choice: the first test video that the model answers correctly; in it, the point of the first frame "
        "that stands out and moves most. It differs most from the median colour of its frame, multiplied by the "
        "difference from the same place a quarter of the clip later. Nothing was chosen by a map.",
        TinyNote(
            "The maps do not follow the point: as in Table 9, a small classifier does not look for the same thing in other "
            "frames."
        ),
        *TRAINING_NOTES,
    ),
)
