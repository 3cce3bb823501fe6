"""Table 6b of Motionformer: comparison with the state of the art on Kinetics-400."""

from experiments.motionformer.base import COUNT_NOTE, K400, TRAINING_NOTES
from experiments.motionformer.tiny import TINY
from experiments.motionformer.variants import BATCH_NOTE, HIGH_RESOLUTION, LONG, SHARED_NOTE, accuracy_and_cost
from experiments.spec.claims import claim
from experiments.spec.comparisons import Above, best
from experiments.spec.expressions import cell
from experiments.spec.table import Bold, Table, bold, quoted, row

# fmt: off
ROWS = (
    quoted("i3d",       ("I3D [12]",         "IN-1K"),                   paper=(72.1, 89.3, "108×N/A")),
    quoted("r2plus1d",  ("R(2+1)D [82]",     "-"),                       paper=(72.0, 90.0, "152×5×23")),
    quoted("s3d-g",     ("S3D-G [94]",       "IN-1K"),                   paper=(74.7, 93.4, "142.8×N/A")),
    quoted("x3d-xl",    ("X3D-XL [26]",      "-"),                       paper=(79.1, 93.9, "48.4×3×10")),
    quoted("slowfast",  ("SlowFast [27]",    "-"),                       paper=(79.8, 93.9, "234×3×10")),
    quoted("vtn",       ("VTN [56]",         "IN-21K"),                  paper=(78.6, 93.7, "4218×1×1")),
    quoted("vidtr-l",   ("VidTr-L [49]",     "IN-21K"),                  paper=(79.1, 93.9, "392×3×10")),
    quoted("tformer-l", ("Tformer-L [8]",    "IN-21K"),                  paper=(80.7, 94.7, "2380×3×1")),
    quoted("mvit-b",    ("MViT-B [24]",      "-"),                       paper=(81.2, 95.1, "455×3×3")),
    quoted("vivit-l",   ("ViViT-L [3]",      "IN-21K"),                  paper=(*bold(81.3), 94.7, "3992×3×4")),
    row("mformer",      (Bold("Mformer"),    "IN-21K"),                  paper=(79.7, 94.2, "369.5×3×10")),
    row("mformer-l",    (Bold("Mformer-L"),  "IN-21K"), LONG,            paper=(80.2, 94.8, "1185.1×3×10")),
    row("mformer-hr",   (Bold("Mformer-HR"), "IN-21K"), HIGH_RESOLUTION, paper=(81.1, *bold(95.2), "958.8×3×10")),
)
# fmt: on

QUOTED = [r.key for r in ROWS if r.quoted]

# fmt: off
CLAIMS = (
    claim("M43", "abstract", "State of the art on Kinetics-400",
          [best("mformer-hr", c, QUOTED) for c in ("top1", "top5")], real_data=True),
    claim("M44", "section 4.3", "Favourable compared with ViViT-L",
          Above(cell("mformer-hr.top1") - cell("vivit-l.top1")), real_data=True),
)
# fmt: on

TABLE = Table(
    name="motionformer/table6b",
    caption="Comparison to the state-of-the-art on video action recognition: Kinetics-400",
    source="arXiv:2106.05392, Table 6b",
    labels=("Method", "Pretrain"),
    pretraining="Pretrain",
    columns=accuracy_and_cost(K400),
    rows=ROWS,
    tiny=TINY,
    notes=(BATCH_NOTE, SHARED_NOTE, COUNT_NOTE, *TRAINING_NOTES),
    claims=CLAIMS,
)
