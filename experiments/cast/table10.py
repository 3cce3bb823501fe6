"""Table 10 of CAST: comparison with the state of the art on Something-Something V2."""

from experiments.cast.base import RECIPE_NOTE, SSV2, table
from experiments.cast.state_of_the_art import CLIP_ALONE, COST_NOTE, OWN_NOTE, VIDEO_MAE_ALONE, cost_columns
from experiments.spec.claims import best, claim
from experiments.spec.language import TOP1, Column, Underlined, bold, quoted, row

COLUMNS = (*cost_columns(SSV2), Column(key="top1", header="Top-1 Acc.", metric=TOP1, base=SSV2, best="max"))

# fmt: off
ROWS = (
    quoted("slowfast",   ("SlowFast [15]",   "ResNet101"),                paper=("8+32", "1×3", 0.32,  None, 63.1)),
    row("clip",          ("CLIP* [44]",      "ViT-B"), CLIP_ALONE,        paper=(8,      "2×3", 0.84,  None, 43.2)),
    quoted("evl",        ("EVL [35]",        "ViT-B"),                    paper=(32,     "1×3", 2.05,  29,   62.4)),
    quoted("st-adapter", ("ST-Adapter [42]", "ViT-B"),                    paper=(32,     "3×1", 1.96,  None, 69.5)),
    quoted("aim",        ("AIM [72]",        "ViT-B"),                    paper=(32,     "1×3", 2.50,  14,   69.1)),
    quoted("vivit",      ("ViViT FE [1]",    "ViT-L"),                    paper=(32,     "4×3", 11.89, 311,  65.9)),
    quoted("timesformer", ("TimeSformer [3]", "ViT-L"),                   paper=(64,     "1×3", 7.14,  None, 62.4)),
    quoted("mvit",       ("MViT [12]",       "ViT-B"),                    paper=(64,     "1×3", 1.37,  37,   67.7)),
    quoted("mformer",    ("MFormer [43]",    "ViT-L"),                    paper=(32,     "1×3", 3.56,  None, 68.1)),
    quoted("video-swin", ("Video Swin [37]", "Swin-B"),                   paper=(32,     "1×3", 0.96,  89,   69.6)),
    quoted("bevt",       ("BEVT [62]",       "Swin-B"),                   paper=(32,     "1×3", 0.96,  None, 70.6)),
    row("videomae",      ("VideoMAE [56]",   "ViT-B"), VIDEO_MAE_ALONE,   paper=(16,     "2×3", 1.08,  87,   70.8)),
    quoted("orvit",      ("ORViT-MF-L [21]", "ViT-L"),                    paper=(32,     "1×3", None,  None, 69.5)),
    quoted("omnivore",   ("OMNIVORE [16]",   "Swin-B"),                   paper=(32,     None,  None,  None, Underlined(71.4))),
    quoted("mtv-hr",     ("MTV-HR [71]",     "MTV-B"),                    paper=(32,     "4×3", 11.16, 310,  68.5)),
    row("cast", ("CAST w/ VideoMAE pretrained on Something-Something-V2", "CAST-B"), paper=(16, "2×3", 2.35, 45, *bold(71.6))),
)
CLAIMS = (
    claim("C39", "caption, bold face", "CAST is best on SSv2",
          best("cast", "top1", [r.key for r in ROWS if r.key != "cast"]), real_data=True),
)
# fmt: on

TABLE = table(
    "table10",
    "Comparison with the state-of-the-arts on the Something-Something-V2 dataset",
    labels=("Method", "Backbone"),
    columns=COLUMNS,
    rows=ROWS,
    notes=(
        OWN_NOTE,
        "The printed number of VideoMAE is that of its authors, whose fine-tuned weights are those of the temporal expert.",
        "The printed parameters of VideoMAE are those with the 400 classes of Kinetics.",
        COST_NOTE,
        RECIPE_NOTE,
    ),
    claims=CLAIMS,
)
