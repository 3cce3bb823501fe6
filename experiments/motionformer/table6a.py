"""Table 6a of Motionformer: comparison with the state of the art on Something-Something V2."""

from experiments.motionformer.base import COUNT_NOTE, SSV2, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.motionformer.variants import BATCH_NOTE, HIGH_RESOLUTION, LONG, SHARED_NOTE, accuracy_and_cost
from experiments.spec.claims import claim
from experiments.spec.comparisons import About, Above, best
from experiments.spec.expressions import cell
from experiments.spec.table import Bold, Table, bold, quoted, row

# fmt: off
ROWS = (
    quoted("slowfast",  ("SlowFast [27]",    "K-400"),                         paper=(61.7, None, "65.7×3×1")),
    quoted("tsm",       ("TSM [51]",         "K-400"),                         paper=(63.4, 88.5, "62.4×3×2")),
    quoted("stm",       ("STM [36]",         "IN-1K"),                         paper=(64.2, 89.8, "66.5×3×10")),
    quoted("msnet",     ("MSNet [44]",       "IN-1K"),                         paper=(64.7, 89.4, "67×1×1")),
    quoted("tea",       ("TEA [50]",         "IN-1K"),                         paper=(65.1, None, "70×3×10")),
    quoted("blvnet",    ("bLVNet [25]",      "IN-1K"),                         paper=(65.2, 90.3, "128.6×3×10")),
    quoted("vidtr-l",   ("VidTr-L [49]",     "IN-21K+K-400"),                  paper=(60.2, None, "351×3×10")),
    quoted("tformer-l", ("Tformer-L [8]",    "IN-21K"),                        paper=(62.5, None, "1703×3×1")),
    quoted("vivit-l",   ("ViViT-L [3]",      "IN-21K+K-400"),                  paper=(65.4, 89.8, "3992×4×3")),
    quoted("mvit-b",    ("MViT-B [24]",      "K-400"),                         paper=(67.1, 90.8, "170×3×1")),
    row("mformer",      (Bold("Mformer"),    "IN-21K+K-400"),                  paper=(66.5, 90.1, "369.5×3×1")),
    row("mformer-l",    (Bold("Mformer-L"),  "IN-21K+K-400"), LONG,            paper=(*bold(68.1, 91.2), "1185.1×3×1")),
    row("mformer-hr",   (Bold("Mformer-HR"), "IN-21K+K-400"), HIGH_RESOLUTION, paper=(67.1, 90.6, "958.8×3×1")),
)
# fmt: on

QUOTED = [r.key for r in ROWS if r.quoted]

# fmt: off
CLAIMS = (
    claim("M40", "abstract", "State of the art on SSv2", best("mformer-l", "top1", QUOTED), real_data=True),
    claim("M41", "section 4.3", "A lead of 1.0 % on SSv2",
          About(cell("mformer-l.top1") - cell("mvit-b.top1"), 1.0, 0.05), real_data=True),
    claim("M42", "section 4.3", "Better than the much larger ViViT-L",
          Above(cell("mformer.top1") - cell("vivit-l.top1")), real_data=True),
)
# fmt: on

TABLE = Table(
    name="motionformer/table6a",
    caption="Comparison to the state-of-the-art on video action recognition: Something–Something V2",
    source="arXiv:2106.05392, Table 6a",
    labels=("Model", "Pretrain"),
    pretraining="Pretrain",
    columns=accuracy_and_cost(SSV2),
    rows=ROWS,
    tiny=TINY,
    notes=(BATCH_NOTE, SHARED_NOTE, COUNT_NOTE, *TRAINING_NOTES),
    claims=CLAIMS,
)
