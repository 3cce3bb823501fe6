"""Table 7 of CAST: effect of employing different models as experts."""

from experiments.cast.base import ACCURACY, NOTES, table
from experiments.cast.experts import EVA, MVD
from experiments.cast.tiny import STAND_INS_NOTE
from experiments.spec.claims import Ours, cell, claim, largest, smallest, within
from experiments.spec.language import model, row

# fmt: off
ROWS = (
    row("clip-videomae", ("CLIP", "VideoMAE"),                                   paper=(72.5, 60.3, 48.7)),
    row("clip-mvd",      ("CLIP", "MVD"),      model(temporal=MVD),              paper=(73.1, 60.1, 49.3)),
    row("eva-videomae",  ("EVA",  "VideoMAE"), model(spatial=EVA),               paper=(73.1, 59.8, 49.1)),
    row("eva-mvd",       ("EVA",  "MVD"),      model(spatial=EVA, temporal=MVD), paper=(73.7, 60.1, 49.2)),
)
ACTIONS = tuple(cell(f"{row.key}.action") for row in ROWS)
CLAIMS = (
    claim("C36", "appendix D.1", "CAST does not depend on the kind of the experts",
          within(largest(*ACTIONS) - smallest(*ACTIONS), Ours(1.5)), real_data=True),
)
# fmt: on

TABLE = table(
    "table7",
    "Effect of employing different models as experts",
    labels=(("Model architecture", "Spatial expert"), ("Model architecture", "Temporal expert")),
    columns=ACCURACY,
    rows=ROWS,
    notes=(
        "The paper does not state which EVA and which MVD it takes. Here: EVA02-CLIP-B/16, which has the sizes of ViT-B/16, "
        "and MVD ViT-B pretrained on Kinetics, with MVD's own positions.",
        STAND_INS_NOTE,
        *NOTES,
    ),
    claims=CLAIMS,
)
