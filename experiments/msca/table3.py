"""Table 3 of MSCA: number of blocks with MSCA, from the last block on."""

from experiments.msca.base import ACCURACY, COST, NOTES, NUM_MSA, NUM_MSCA, VIT, heads, table
from experiments.spec.claims import Ours, above, cell, claim, within
from experiments.spec.language import Edits, bold, model, row


def blocks(number: int) -> Edits:
    """MSCA-KV in the last blocks, as many as this number."""
    return (*heads("kv"), *model(blocks=tuple(range(12 - number, 12))))


# fmt: off
ROWS = (
    row("msca-0",  ("ViT",),     VIT,         paper=(0,  12, 75.65, 92.19, None, None, None)),
    row("msca-4",  ("MSCA-KV",), blocks(4),   paper=(4,  8,  75.67, 92.19, None, None, None)),
    row("msca-8",  ("MSCA-KV",), blocks(8),   paper=(8,  4,  76.40, 92.77, None, None, None)),
    row("msca-12", ("MSCA-KV",), heads("kv"), paper=(12, 0,  *bold(76.47, 92.88), None, None, None)),
)
BOTH = ("top1", "top5")
CLAIMS = (
    claim("S10", "section 4.4", "Four modules bring nothing",
          [within(cell(f"msca-4.{column}") - cell(f"msca-0.{column}"), Ours(1)) for column in BOTH]),
    claim("S11", "section 4.4", "Eight modules equal twelve",
          [within(cell(f"msca-8.{column}") - cell(f"msca-12.{column}"), Ours(1)) for column in BOTH]),
    claim("S12", "section 4.4", "Four modules are too few for eight frames",
          above(cell("msca-8.top1") - cell("msca-4.top1"))),
)
# fmt: on

TABLE = table(
    "table3",
    "The performance with different numbers of blocks with MSCA modules of KV shift",
    labels=("model",),
    columns=(NUM_MSCA, NUM_MSA, *ACCURACY, *COST),
    rows=ROWS,
    notes=NOTES,
    claims=CLAIMS,
)
