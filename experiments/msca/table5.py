"""Table 5 of MSCA: projections whose tokens are shifted."""

from experiments.msca.base import ACCURACY, COST, NOTES, TOKENSHIFT, VIT, table, tokens
from experiments.spec.claims import Ours, best, cell, claim, within
from experiments.spec.language import bold, row

# fmt: off
ROWS = (
    row("tokenshift", ("TokenShift",), TOKENSHIFT,    paper=(*bold(76.37), 92.82, None, None, None)),
    row("vit",        ("ViT",),        VIT,           paper=(75.65, 92.19, None, None, None)),
    row("pq",         ("MSCA-pQ",),    tokens("q"),   paper=(75.75, 92.10, None, None, None)),
    row("pk",         ("MSCA-pK",),    tokens("k"),   paper=(75.69, 92.24, None, None, None)),
    row("pv",         ("MSCA-pV",),    tokens("v"),   paper=(75.84, 92.43, None, None, None)),
    row("pqk",        ("MSCA-pQK",),   tokens("qk"),  paper=(75.50, 91.99, None, None, None)),
    row("pkv",        ("MSCA-pKV",),   tokens("kv"),  paper=(76.35, *bold(92.91), None, None, None)),
    row("pqv",        ("MSCA-pQV",),   tokens("qv"),  paper=(75.83, 92.35, None, None, None)),
    row("pqkv",       ("MSCA-pQKV",),  tokens("qkv"), paper=(75.73, 92.21, None, None, None)),
)
CLAIMS = (
    claim("S16", "section 4.5", "MSCA-pKV is the best variant in the patch direction",
          [best("pkv", column, ("pq", "pk", "pv", "pqk", "pqv", "pqkv")) for column in ("top1", "top5")]),
    claim("S17", "section 4.5", "MSCA-pKV equals TokenShift",
          [within(cell(f"pkv.{column}") - cell(f"tokenshift.{column}"), Ours(1)) for column in ("top1", "top5")]),
)
# fmt: on

TABLE = table(
    "table5",
    "The performance of MSCA models shifting in the patch direction",
    labels=("model",),
    columns=(*ACCURACY, *COST),
    rows=ROWS,
    notes=NOTES,
    claims=CLAIMS,
)
