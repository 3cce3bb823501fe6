"""Table 1a of CAST: effect of information exchange."""

from experiments.cast.base import ENSEMBLE, INDEPENDENT, INDEPENDENT_TUNED, NOTES
from experiments.cast.columns import ACCURACY, KEYS
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import About, best
from experiments.spec.expressions import cell, largest
from experiments.spec.table import Table, bold, row

# fmt: off
ROWS = (
    row("indep-full",    ("Indep. experts w/o adapter",),           base=INDEPENDENT_TUNED, paper=(70.7, 50.1, 40.0)),
    row("indep-adapter", ("Indep. experts w/ adapter",),            base=INDEPENDENT,       paper=(68.1, 54.2, 41.7)),
    row("ensemble",      ("Ensemble of experts w/ adapter",), ENSEMBLE, base=INDEPENDENT,   paper=(68.2, 55.3, 42.9)),
    row("cast",          ("CAST",),                                                         paper=bold(72.5, 60.3, 48.7)),
)
OTHERS = ("indep-full", "indep-adapter", "ensemble")
CLAIMS = (
    claim("C1", "section 4.5", "An ensemble is at least 1.2 above both independent baselines",
          About(cell("ensemble.action") - largest(cell("indep-full.action"), cell("indep-adapter.action")), 1.2, 0.05),
          real_data=True),
    claim("C2", "section 4.5", "CAST is best", [best("cast", column, OTHERS) for column in KEYS]),
)
# fmt: on

TABLE = Table(
    name="cast/table1a",
    caption="Effect of information exchange",
    source="arXiv:2311.18825, Table 1a",
    labels=("Method",),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=(
        "Independent experts are trained alone for verbs and nouns. The verb is that of the temporal, the noun that of the "
        "spatial expert. The ensemble averages their class probabilities, from the saved scores of their own tests.",
        "With adapters, the spatial expert alone is AIM: it sees all frames, and attends over time with the weights of "
        "its attention within frames. Tuned as a whole, it sees every second frame.",
        *NOTES,
    ),
    claims=CLAIMS,
)
