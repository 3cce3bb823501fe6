"""Table 2 of MSCA: projections whose heads are shifted."""

from experiments.msca.base import ACCURACY, COST, NOTES, TOKENSHIFT, VIT, heads, table
from experiments.spec.claims import Ours, about, above, cell, claim, largest, within
from experiments.spec.language import bold, row

NO_COST = (None, None, None)  # not printed

# fmt: off
ROWS = (
    row("tokenshift", ("TokenShift",), TOKENSHIFT,   paper=(76.37, 92.82, *NO_COST)),
    row("vit",        ("ViT",),        VIT,          paper=(75.65, 92.19, *NO_COST)),
    row("q",          ("MSCA-Q",),     heads("q"),   paper=(75.84, 92.57, *NO_COST)),
    row("k",          ("MSCA-K",),     heads("k"),   paper=(75.76, 92.13, *NO_COST)),
    row("v",          ("MSCA-V",),     heads("v"),   paper=(75.58, 92.39, *NO_COST)),
    row("qk",         ("MSCA-QK",),    heads("qk"),  paper=(75.47, 92.32, *NO_COST)),
    row("kv",         ("MSCA-KV",),    heads("kv"),  paper=(*bold(76.47, 92.88), *NO_COST)),
    row("qv",         ("MSCA-QV",),    heads("qv"),  paper=(75.57, 92.43, *NO_COST)),
    row("qkv",        ("MSCA-QKV",),   heads("qkv"), paper=(75.78, 92.37, *NO_COST)),
)
OTHERS = ("q", "k", "v", "qk", "qv", "qkv")
CLAIMS = (
    claim("S1", "abstract", "MSCA-KV is 0.1 % above TokenShift",
          about(cell("kv.top1") - cell("tokenshift.top1"), 0.1, 0.05)),
    claim("S2", "abstract", "MSCA-KV is 1.2 % above ViT", about(cell("kv.top1") - cell("vit.top1"), 1.2, 0.05)),
    claim("S3", "sections 1 and 5", "MSCA improves on both ViT and TokenShift",
          above(cell("kv.top1") - largest(cell("vit.top1"), cell("tokenshift.top1")))),
    claim("S4", "abstract", "Its cost equals that of ViT and of TokenShift",
          [about(cell("kv.gflops") / cell(f"{key}.gflops"), 1, Ours(0.01)) for key in ("vit", "tokenshift")]),
    claim("S8", "section 4.3", "MSCA-KV leads the other variants by at least 0.5 %",
          above(cell("kv.top1") - largest(*(cell(f"{key}.top1") for key in OTHERS)), 0.5, inclusive=True)),
    claim("S9", "section 4.3", "The other variants equal ViT",
          [within(cell(f"{key}.top1") - cell("vit.top1"), Ours(1)) for key in OTHERS]),
)
# fmt: on

TABLE = table(
    "table2",
    "The performance of MSCA variants shifting in the head direction",
    labels=("model",),
    columns=(*ACCURACY, *COST),
    rows=ROWS,
    notes=NOTES,
    claims=CLAIMS,
)
