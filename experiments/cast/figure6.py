"""Figure 6 of CAST: answers of CLIP, VideoMAE and CAST to test videos."""

from experiments.cast.f1_tables import COLUMNS, EXPERTS, ROWS
from experiments.cast.f1_tables import NOTES as F1_NOTES
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.figures import AnsweredClips
from experiments.spec.table import Table, row

TABLE = Table(
    name="cast/figure6",
    caption="Qualitative examples from EK100 comparing CLIP, VideoMAE, and the proposed CAST",
    source="arXiv:2311.18825, Figure 6",
    labels=("Method",),
    columns=COLUMNS[:2],
    rows=tuple(row(r.key, r.labels, r.edits, paper=r.paper[:2]) for r in ROWS),
    tiny=TINY,
    tiny_parents=pretrained,
    figure=AnsweredClips(column="verb", shown=(*EXPERTS, "cast"), first=0, number=4),
    notes=(
        "The paper does not name its videos. A test keeps eight, evenly spaced; Figure 6 shows the first four of them, "
        "Figure 15 the others. The printed accuracies are those of Table 2.",
        *F1_NOTES[1:],
    ),
)
