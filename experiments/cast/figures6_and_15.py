"""Figures 6 and 15 of CAST: answers of CLIP, VideoMAE and CAST to test videos."""

from experiments.cast.base import table
from experiments.cast.figures11_to_14 import COLUMNS, EXPERTS, ROWS
from experiments.cast.figures11_to_14 import NOTES as F1_NOTES
from experiments.spec.language import AnsweredClips, Table, row


def answers(name: str, *, first: int) -> Table:
    """Figure of four of the kept videos, from the first one on."""
    return table(
        name,
        "Qualitative examples from EK100 comparing CLIP, VideoMAE, and the proposed CAST",
        labels=("Method",),
        columns=COLUMNS[:2],
        rows=tuple(row(r.key, r.labels, r.edits, paper=r.paper[:2]) for r in ROWS),
        figure=AnsweredClips(column="verb", shown=(*EXPERTS, "cast"), first=first, number=4),
        notes=(
            "The paper does not name its videos. A test keeps eight, evenly spaced; Figure 6 shows the first four of them, "
            "Figure 15 the others.",
            *F1_NOTES[1:],
        ),
    )


TABLE_6 = answers("figure6", first=0)
TABLE_15 = answers("figure15", first=4)
