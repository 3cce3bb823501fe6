"""Table 11 of CAST: comparison with the state of the art on Kinetics-400."""

from experiments.cast.base import K400, RECIPE_NOTE, table
from experiments.cast.state_of_the_art import CLIP_ALONE, COST_NOTE, OWN_NOTE, VIDEO_MAE_ALONE, cost_columns
from experiments.spec.claims import best, claim
from experiments.spec.language import TOP1, Column, Underlined, bold, quoted, row

COLUMNS = (*cost_columns(K400), Column(key="top1", header="Top-1 Acc.", metric=TOP1, base=K400, best="max"))

# fmt: off
ROWS = (
    quoted("slowfast",   ("SlowFast [15]",   "ResNet101"),              paper=(80,   "10×3", 7.02,  None, 79.8)),
    quoted("x3d",        ("X3D [13]",        "X3D-XL"),                 paper=(16,   "10×3", 1.45,  None, 79.1)),
    quoted("movinet",    ("MoViNet [27]",    "MoViNet-A6"),             paper=(120,  "1×1",  0.39,  None, 81.5)),
    quoted("uniformer",  ("UniFormer [31]",  "Hybrid-B"),               paper=(32,   "4×3",  3.12,  50,   83.0)),
    row("clip",          ("CLIP* [44]",      "ViT-B"), CLIP_ALONE,      paper=(8,    "5×3",  2.2,   86,   77.3)),
    quoted("evl",        ("EVL [35]",        "ViT-B"),                  paper=(32,   "3×1",  1.78,  29,   84.2)),
    quoted("st-adapter", ("ST-Adapter [42]", "ViT-B"),                  paper=(32,   "3×1",  1.82,  None, 82.7)),
    quoted("text4vis",   ("Text4Vis [69]",   "ViT-B"),                  paper=(16,   "4×3",  None,  None, 83.6)),
    quoted("aim",        ("AIM [72]",        "ViT-B"),                  paper=(32,   "3×1",  2.43,  11,   Underlined(84.7))),
    quoted("x-clip",     ("X-CLIP [41]",     "ViT-B"),                  paper=(16,   "4×3",  3.44,  None, Underlined(84.7))),
    quoted("vivit",      ("ViViT FE [1]",    "ViT-L"),                  paper=(128,  "1×3",  11.94, 311,  81.7)),
    quoted("timesformer", ("TimeSformer [3]", "ViT-L"),                 paper=(96,   "1×3",  25.06, 430,  80.7)),
    quoted("mvit",       ("MViT [12]",       "ViT-B"),                  paper=(32,   "5×1",  0.85,  37,   80.2)),
    quoted("bevt",       ("BEVT [62]",       "Swin-B"),                 paper=(32,   "4×3",  3.38,  88,   80.6)),
    quoted("mformer",    ("MFormer [43]",    "ViT-L"),                  paper=(32,   "10×3", 35.55, None, 80.2)),
    quoted("video-swin", ("Video Swin [37]", "Swin-L"),                 paper=(32,   "4×3",  7.25,  197,  83.1)),
    row("videomae",      ("VideoMAE [56]",   "ViT-B"), VIDEO_MAE_ALONE, paper=(16,   "5×3",  2.7,   87,   81.5)),
    quoted("omnivore",   ("OMNIVORE [16]",   "Swin-B"),                 paper=(32,   None,   None,  None, 84.0)),
    quoted("mtv-hr",     ("MTV-HR [71]",     "MTV-B"),                  paper=(32,   "4×3",  11.16, 310,  82.4)),
    row("cast", ("CAST w/ VideoMAE pretrained on Kinetics-400", "CAST-B"), paper=(16, "5×3", 5.87, 45, *bold(85.3))),
)
CLAIMS = (
    claim("C40", "caption, bold face", "CAST is best on Kinetics-400",
          best("cast", "top1", [r.key for r in ROWS if r.key != "cast"]), real_data=True),
)
# fmt: on

TABLE = table(
    "table11",
    "Comparison with the state-of-the-arts on the Kinetics400 dataset",
    labels=("Method", "Backbone"),
    columns=COLUMNS,
    rows=ROWS,
    notes=(
        OWN_NOTE,
        "The printed number of VideoMAE is that of its authors, whose fine-tuned weights are those of the temporal expert.",
        COST_NOTE,
        RECIPE_NOTE,
    ),
    claims=CLAIMS,
)
