"""Table 1 of MSCA: number of shifted heads."""

from experiments.msca.base import ACCURACY, COST, NOTES, SHIFTED, VIT, heads, table
from experiments.spec.claims import above, best, cell, claim, falling
from experiments.spec.language import bold, row

# fmt: off
ROWS = (
    row("vit",  ("ViT",     "0", "0"), VIT,            paper=("0 (ViT)",  75.65, 92.19, None, None, None)),
    row("kv-2", ("MSCA-KV", "2", "1"), heads("kv", 1), paper=(16.7, *bold(76.47, 92.88), None, None, None)),
    row("kv-4", ("MSCA-KV", "4", "2"), heads("kv", 2), paper=(33.3, 76.07, 92.61, None, None, None)),
    row("kv-6", ("MSCA-KV", "6", "3"), heads("kv", 3), paper=(50.0, 75.66, 92.30, None, None, None)),
    row("kv-8", ("MSCA-KV", "8", "4"), heads("kv", 4), paper=(66.7, 74.72, 91.91, None, None, None)),
)
SHIFTS = ("kv-2", "kv-4", "kv-6", "kv-8")
CLAIMS = (
    claim("S5", "section 4.2", "Two shifted heads are best",
          [best("kv-2", column, SHIFTS[1:]) for column in ("top1", "top5")]),
    claim("S6", "section 4.2", "The more heads are shifted, the lower the accuracy",
          [falling(tuple(cell(f"{key}.{column}") for key in SHIFTS)) for column in ("top1", "top5")]),
    claim("S7", "section 4.2", "A few shifted heads suffice", above(cell("kv-2.top1") - cell("vit.top1"))),
)
# fmt: on

TABLE = table(
    "table1",
    "The performance of MSCA-KV for the validation sets of Kinetics400",
    labels=("model", "heads", "h_b, h_f"),
    columns=(SHIFTED, *ACCURACY, *COST),
    rows=ROWS,
    notes=("Rows differ in the number of shifted heads of MSCA-KV.", *NOTES),
    claims=CLAIMS,
)
