"""Table 3 of X-ViT's main paper: summary token and temporal attention."""

from experiments.spec.claims import claim
from experiments.spec.comparisons import Above, Below
from experiments.spec.expressions import cell, largest
from experiments.spec.table import Table, row
from experiments.xvit.base import MEAN, NOTES, SUBMISSION, mixing
from experiments.xvit.columns import BOTH_DATA_SETS
from experiments.xvit.tiny import TINY

SUMMARY = mixing(summary="patches")

# fmt: off
ROWS = (
    row("neither", (False, False), MEAN,          paper=(61.6, 87.8, 77.8, 93.7)),
    row("summary", (True,  False), MEAN, SUMMARY, paper=(62.9, 89.2, 78.7, 93.7)),
    row("both",    (True,  True),  SUMMARY,       paper=(62.5, 89.1, 78.0, 93.2)),
    row("ta",      (False, True),                 paper=(63.4, 89.6, 78.5, 93.7)),
)
BOTH = ("ssv2", "k400")
CLAIMS = (
    claim("X13", "main paper", "Temporal attention is better than the summary token",
          [Above(cell(f"ta.{column}") - cell(f"summary.{column}")) for column in BOTH]),
    claim("X14", "main paper", "Both together are no better than one of them",
          [Below(cell(f"both.{column}") - largest(cell(f"summary.{column}"), cell(f"ta.{column}"))) for column in BOTH]),
)
# fmt: on

TABLE = Table(
    name="xvit/main-summary",
    caption="Summary token and temporal attention (submission version)",
    source=f"{SUBMISSION}, Table 3",
    labels=("Summary", "TA"),
    columns=BOTH_DATA_SETS,
    rows=ROWS,
    tiny=TINY,
    notes=(
        "No code with the summary token was released. Here, it is the mean of the patches of a frame, normalised and "
        "projected like them. The paper sums over all tokens and divides by the number of patches.",
        *NOTES,
    ),
    claims=CLAIMS,
)
