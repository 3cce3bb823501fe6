"""Table 3b of Motionformer: selection of Orthoformer's prototypes."""

from experiments.motionformer.approximations import COLUMNS, NOTES, approximate
from experiments.motionformer.base import BOTH, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.spec.claims import claim
from experiments.spec.comparisons import best, worst
from experiments.spec.table import Bold, Table, bold, row
from models.mixers.orthoformer import Orthoformer

SEGMENT_MEANS = approximate(Orthoformer.Config(selection="segment-means"))
RANDOM = approximate(Orthoformer.Config(selection="random"))
ORTHOGONAL = approximate(Orthoformer.Config())

# fmt: off
ROWS = (
    row("exact",      ("Trajectory (E)", "N/A"),                             paper=(7.4, *bold(79.7, 66.5))),
    row("seg-means",  ("Trajectory (A)", "Seg-Means"),        SEGMENT_MEANS, paper=(3.6, 75.8, 60.3)),
    row("random",     ("Trajectory (A)", "Random"),           RANDOM,        paper=(3.6, 76.5, 62.5)),
    row("orthogonal", ("Trajectory (A)", Bold("Orthogonal")), ORTHOGONAL,    paper=(3.6, *bold(77.5, 63.8))),
)
# fmt: on

# fmt: off
CLAIMS = (
    claim("M19", "caption", "Orthogonal selection is best on both data sets",
          [best("orthogonal", c, ("random", "seg-means")) for c in BOTH]),
    claim("M20", "section 4.2", "Segment means do poorly",
          [worst("seg-means", c, ("random", "orthogonal")) for c in BOTH]),
)
# fmt: on

TABLE = Table(
    name="motionformer/table3b",
    caption="Orthoformer ablations: Selecting orthogonal prototypes is the best strategy",
    source="arXiv:2106.05392, Table 3b",
    labels=("Attention", "Selection"),
    columns=COLUMNS,
    rows=ROWS,
    tiny=TINY,
    notes=(
        *NOTES,
        "The code of the other selections was not released. Ours select among the queries, as the released one does.",
        *TRAINING_NOTES,
    ),
    claims=CLAIMS,
)
