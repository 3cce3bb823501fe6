"""Table 4 of MSCA: number of shifted tokens."""

from experiments.msca.base import ACCURACY, COST, NOTES, SHIFTED, VIT, table, tokens
from experiments.spec.claims import above, best, cell, claim, falling
from experiments.spec.language import bold, row

# fmt: off
ROWS = (
    row("patches-0",  ("0", "0", "0"),  VIT,              paper=("(ViT)",  75.65, 92.19, None, None, None)),
    row("patches-8",  ("8", "4", "4"),  tokens("kv", 4),  paper=(4.1,  76.28, 92.49, None, None, None)),
    row("patches-16", ("16", "8", "8"),  tokens("kv", 8),  paper=(8.1,  *bold(76.35, 92.91), None, None, None)),
    row("patches-32", ("32", "16", "16"), tokens("kv", 16), paper=(16.2, 76.07, 92.77, None, None, None)),
    row("patches-48", ("48", "24", "24"), tokens("kv", 24), paper=(24.4, 75.84, 92.49, None, None, None)),
    row("patches-64", ("64", "32", "32"), tokens("kv", 32), paper=(32.5, 75.29, 92.04, None, None, None)),
)
SHIFTS = ("patches-16", "patches-32", "patches-48", "patches-64")
CLAIMS = (
    claim("S13", "section 4.5", "Sixteen shifted patches are best",
          [best("patches-16", column, ("patches-8", *SHIFTS[1:])) for column in ("top1", "top5")]),
    claim("S14", "section 4.5", "A small shift is enough, and more hurts",
          falling(tuple(cell(f"{key}.top1") for key in SHIFTS))),
    claim("S15", "section 4.5", "Below 16 the accuracy falls back towards ViT",
          above(cell("patches-16.top1") - cell("patches-8.top1"))),
)
# fmt: on

TABLE = table(
    "table4",
    "The performance of MSCA-pKV",
    labels=("patches", "N_b", "N_f"),
    columns=(SHIFTED, *ACCURACY, *COST),
    rows=ROWS,
    notes=("Rows differ in the number of shifted patches of MSCA-pKV.", *NOTES),
    claims=CLAIMS,
)
