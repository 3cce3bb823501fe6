"""Table 1e of CAST: effect of cross-attention window shape."""

from experiments.cast.base import NOTES, bottleneck
from experiments.cast.columns import ACCURACY, KEYS
from experiments.cast.tiny import TINY, pretrained
from experiments.spec.claims import claim
from experiments.spec.comparisons import Within, best, worst
from experiments.spec.expressions import cell, percent_difference
from experiments.spec.metrics import TRAINABLE_PARAMETERS
from experiments.spec.table import Table, bold, row

# fmt: off
ROWS = (
    row("st-st", ("space-time", "space-time"), bottleneck(t2s="space-time", s2t="space-time"), paper=(71.0, 59.3, 47.2)),
    row("st-s",  ("space-time", "space"),      bottleneck(t2s="space-time"),                   paper=(71.9, 60.3, 48.4)),
    row("s-s",   ("space",      "space"),      bottleneck(t2s="space"),                        paper=(72.3, 60.2, 48.5)),
    row("t-s",   ("time",       "space"),                                                      paper=bold(72.5, 60.3, 48.7)),
)
OTHERS = ("st-st", "st-s", "s-s")
CLAIMS = (
    claim("C11", "section 4.5", "Windows of space-time in both are worst",
          [worst("st-st", column, ("st-s", "s-s", "t-s")) for column in KEYS]),
    claim("C12", "section 4.5", "Time for T2S with space for S2T is best", [best("t-s", column, OTHERS) for column in KEYS]),
    claim("C13", "section 4.5", "All window shapes have the same capacity",
          [Within(percent_difference(cell(f"{key}.action", TRAINABLE_PARAMETERS), cell("t-s.action", TRAINABLE_PARAMETERS)), 1)
           for key in OTHERS]),
)
# fmt: on

TABLE = Table(
    name="cast/table1e",
    caption="Effect of cross-attention window shape",
    source="arXiv:2311.18825, Table 1e",
    labels=(("Window shape", "T2S"), ("Window shape", "S2T")),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    tiny_parents=pretrained,
    notes=(
        "The paper does not state the positions of the other windows, only that the capacity is the same. Here, positions "
        "in space-time are sums of one in space and one in time, so that the numbers of parameters differ by 4 %.",
        *NOTES,
    ),
    claims=CLAIMS,
)
