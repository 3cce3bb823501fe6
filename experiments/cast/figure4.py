"""Figure 4 of CAST: balanced spatio-temporal understanding, with the values of Table 2."""

from experiments.cast.base import table
from experiments.cast.table2 import COLUMNS, NOTES
from experiments.cast.table2 import ROWS as ALL_ROWS
from experiments.spec.claims import about, cell, claim
from experiments.spec.language import BarPanel, Bars

SHOWN = ("st-adapter", "videomae", "aim", "bevt", "clip", "cast")
ROWS = tuple(row for key in SHOWN for row in ALL_ROWS if row.key == key)

# fmt: off
CLAIMS = (
    claim("C31", "sections 1 and 4.3", "VideoMAE leads by 2.9 on verbs, ST-Adapter by 3.6 on nouns",
          [about(cell("videomae.verb") - cell("st-adapter.verb"), 2.9, 0.05),
           about(cell("st-adapter.noun") - cell("videomae.noun"), 3.6, 0.05)], real_data=True),
    claim("C32", "sections 1 and 4.3", "BEVT leads by 2.5 on SSv2, AIM by 3.9 on Kinetics",
          [about(cell("bevt.ssv2") - cell("aim.ssv2"), 2.5, 0.05),
           about(cell("aim.k400") - cell("bevt.k400"), 3.9, 0.05)], real_data=True),
)
# fmt: on

TABLE = table(
    "figure4",
    "Balanced spatio-temporal understanding performance",
    labels=("Method",),
    columns=COLUMNS,
    rows=ROWS,
    notes=NOTES,
    claims=CLAIMS,
    figure=Bars(
        panels=(
            BarPanel(
                title="(a) EK100",
                y_label="top-1 accuracy (%)",
                rows=("st-adapter", "videomae"),
                columns=("verb", "noun"),
                ticks=("verb", "noun"),
            ),
            BarPanel(
                title="(b) SSv2 and K400",
                y_label="top-1 accuracy (%)",
                rows=("aim", "bevt"),
                columns=("ssv2", "k400"),
                ticks=("SSv2", "K400"),
            ),
            BarPanel(
                title="(c) harmonic mean of all",
                y_label="harmonic mean of top-1 accuracies (%)",
                rows=("clip", "videomae", "cast"),
                columns=("hm4",),
                ticks=("verb, noun, SSv2, K400",),
            ),
        )
    ),
)
