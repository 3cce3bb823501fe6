"""Table 1h of CAST: role of each expert."""

from experiments.cast.base import NOTES
from experiments.cast.columns import ACCURACY, KEYS
from experiments.cast.experts import CLIP, VIDEO_MAE_EK100
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import Within, best
from experiments.spec.edits import model
from experiments.spec.expressions import cell
from experiments.spec.table import Table, bold, row

# fmt: off
ROWS = (
    row("clip-clip", ("CLIP",     "CLIP"),     model(temporal=CLIP),                          paper=(69.3, 58.8, 46.0)),
    row("mae-clip",  ("VideoMAE", "CLIP"),     model(spatial=VIDEO_MAE_EK100, temporal=CLIP), paper=(72.2, 58.8, 47.8)),
    row("mae-mae",   ("VideoMAE", "VideoMAE"), model(spatial=VIDEO_MAE_EK100),                paper=(69.8, 49.9, 40.3)),
    row("clip-mae",  ("CLIP",     "VideoMAE"),                                                paper=bold(72.5, 60.3, 48.7)),
)
CLAIMS = (
    claim("C18", "section 4.5", "CLIP as temporal and VideoMAE as spatial expert are best",
          best("mae-clip", "action", ("clip-clip", "mae-mae", "clip-mae")), real_data=True),
    claim("C19", "section 4.5", "Experts are best in the roles of their strengths",
          [best("clip-mae", column, ("clip-clip", "mae-clip", "mae-mae")) for column in KEYS], real_data=True),
    claim("C20", "section 4.5", "With swapped roles, performance is still good",
          Within(cell("mae-clip.action") - cell("clip-mae.action"), 1.5), real_data=True),
)
# fmt: on

TABLE = Table(
    name="cast/table1h",
    caption="Role of each expert",
    source="arXiv:2311.18825, Table 1h",
    labels=(("Expert", "Spatial"), ("Expert", "Temporal")),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=(
        "The spatial expert attends by T2S and gives the noun, the temporal one attends by S2T and gives the verb. CLIP as "
        "temporal expert sees single frames; its feature is the mean of its patches. VideoMAE as spatial expert has no "
        "CLS; its feature is the mean of its patches, too. The paper states none of this.",
        *NOTES,
    ),
    claims=CLAIMS,
)
