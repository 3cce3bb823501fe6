"""Table 2d of X-ViT's main paper: fraction of the channels that come from other frames."""

from experiments.spec.claims import claim
from experiments.spec.comparisons import Above
from experiments.spec.expressions import cell, largest, smallest
from experiments.spec.table import Table, row
from experiments.xvit.base import MEAN, NOTES, SUBMISSION, mixing
from experiments.xvit.columns import ACCURACY
from experiments.xvit.tiny import TINY

# fmt: off
ROWS = (
    row("rho-0-avg", ("0 % (temp. avg.)",), MEAN, mixing(window=0), paper=(44.2, 71.4)),
    row("rho-0",     ("0 %",),   mixing(window=0),                  paper=(55.6, 83.5)),
    row("rho-25",    ("25 %",),  mixing(fraction=0.25),             paper=(63.3, None)),
    row("rho-50",    ("50 %",),                                     paper=(63.4, 89.6)),
    row("rho-100",   ("100 %",), mixing(fraction=1.0),              paper=(60.7, None)),
)
CLAIMS = (
    claim("X12", "main paper", "A quarter to half of the channels is best",
          Above(smallest(cell("rho-25.top1"), cell("rho-50.top1")) - largest(cell("rho-0.top1"), cell("rho-100.top1")))),
)
# fmt: on

TABLE = Table(
    name="xvit/main-fraction",
    caption="Fraction of mixed channels on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 2d",
    labels=("ρ",),
    columns=ACCURACY,
    rows=ROWS,
    tiny=TINY,
    notes=("The values of top-5 at 25 % and 100 % are not at hand.", *NOTES),
    claims=CLAIMS,
)
