"""Table 2b of X-ViT's main paper: number of temporal attention layers of the head."""

from experiments.spec.claims import claim
from experiments.spec.comparisons import Above, Within
from experiments.spec.edits import Edits, model
from experiments.spec.expressions import cell, largest, smallest
from experiments.spec.table import Table, row
from experiments.xvit.base import MEAN, NOTES, SUBMISSION
from experiments.xvit.columns import ACCURACY, COST
from experiments.xvit.tiny import TINY
from models.xvit.heads import TemporalAttentionHead


def layers(number: int) -> Edits:
    return model(head=TemporalAttentionHead.Config(depth=number))


# fmt: off
ROWS = (
    row("ta-0", ("0 (temp. avg.)",), MEAN,      paper=(61.6, 87.8, None, None)),
    row("ta-1", ("1",),                         paper=(63.4, 89.6, None, None)),
    row("ta-2", ("2",),              layers(2), paper=(63.4, 89.6, None, None)),
    row("ta-3", ("3",),              layers(3), paper=(63.4, 89.6, None, None)),
)
LAYERS = [cell(f"ta-{number}.top1") for number in (1, 2, 3)]
CLAIMS = (
    claim("X9", "main paper", "One attention layer beats averaging",
          [Above(cell(f"ta-1.{column}") - cell(f"ta-0.{column}")) for column in ("top1", "top5")]),
    claim("X10", "main paper", "Further layers bring nothing", Within(largest(*LAYERS) - smallest(*LAYERS), 1)),
)
# fmt: on

TABLE = Table(
    name="xvit/main-aggregation",
    caption="Number of temporal attention layers on SSv2 (submission version)",
    source=f"{SUBMISSION}, Table 2b",
    labels=("TA layers",),
    columns=(*ACCURACY, *COST),
    rows=ROWS,
    tiny=TINY,
    notes=("The paper prints neither parameters nor GFLOPs.", *NOTES),
    claims=CLAIMS,
)
