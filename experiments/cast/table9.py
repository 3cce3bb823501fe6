"""Table 9 of CAST: comparison with the state of the art on EPIC-Kitchens-100."""

from experiments.cast.base import EPIC100, RECIPE_NOTE, table
from experiments.cast.state_of_the_art import (
    AIM_ALONE,
    CLIP_ALONE,
    COST_NOTE,
    OWN_NOTE,
    VIDEO_MAE_ALONE,
    cost_columns,
)
from experiments.spec.claims import above, below, best, cell, claim
from experiments.spec.language import ACTION, NOUN, VERB, Column, Underlined, bold, quoted, row

COLUMNS = (
    *cost_columns(EPIC100),
    Column(key="verb", header=("Top-1 Acc.", "Verb"), metric=VERB, base=EPIC100, best="max"),
    Column(key="noun", header=("Top-1 Acc.", "Noun"), metric=NOUN, base=EPIC100, best="max"),
    Column(key="action", header=("Top-1 Acc.", "Action"), metric=ACTION, base=EPIC100, best="max"),
)

# fmt: off
ROWS = (
    quoted("slowfast",   ("SlowFast [15]",   "ResNet50"),           paper=(None, None,   None, None, 54.9, 50.0, 38.5)),
    quoted("gsf",        ("GSF [52]",        "ResNet50"),           paper=(16,   "3×2",  0.4,  None, 68.8, 52.7, 44.0)),
    quoted("movinet",    ("MoViNet [27]",    "MoViNet-A6"),         paper=(None, None,   None, 31,   72.2, 57.3, 47.7)),
    row("clip",          ("CLIP* [44]",      "ViT-B"), CLIP_ALONE,  paper=(8,    "2×3",  0.84, 86,   55.5, 52.3, 33.9)),
    row("aim",           ("AIM* [72]",       "ViT-B"), AIM_ALONE,   paper=(16,   "2×3",  2.42, 14,   64.8, 55.5, 41.3)),
    quoted("st-adapter", ("ST-Adapter [42]", "ViT-B"),              paper=(8,    "3×1",  None, None, 67.6, 55.0, None)),
    quoted("mbt",        ("MBT [40]",        "ViT-B"),              paper=(32,   None,   None, None, 64.8, 58.0, 43.4)),
    quoted("vivit",      ("ViViT FE [1]",    "ViT-L"),              paper=(32,   "4×1", 15.92, 311,  66.4, 56.8, 44.0)),
    quoted("mformer",    ("MFormer [43]",    "ViT-L"),              paper=(32,   "3×1",  3.56, None, 67.1, 57.6, 44.1)),
    quoted("orvit",      ("ORViT-MF-HR [21]", "ViT-B"),             paper=(16,   "10×3", None, None, 68.4, 58.7, 45.7)),
    quoted("video-swin", ("VideoSwin [37]",  "Swin-B"),             paper=(None, None,   None, 89,   67.8, 57.0, 46.1)),
    row("videomae",      ("VideoMAE* [56]",  "ViT-B"), VIDEO_MAE_ALONE,
        paper=(16, "2×3", 1.08, 87, 70.5, 51.4, 41.7)),
    quoted("memvit",     ("MeMVIT [68]",     "ViT-B"),              paper=(16,   "1×1",  0.06, None, 70.6, 58.5, 46.2)),
    quoted("omnivore",   ("OMNIVORE [16]",   "Swin-B"),             paper=(32,   None,   None, None, 69.5, 61.7, 49.9)),
    quoted("mtv-hr",     ("MTV-HR [71]",     "MTV-B"),              paper=(32,   "4×1",  3.72, 310,  68.0, *bold(63.1), 48.6)),
    row("cast",          ("CAST w/ CLIP & VideoMAE pretrained on EPIC-KITCHENS-100", "CAST-B"),
        paper=(16, "2×3", 2.35, 45, *bold(72.5), 60.9, Underlined(49.3))),
)
CLAIMS = (
    claim("C38", "caption, bold face", "CAST has the best verbs",
          best("cast", "verb", [r.key for r in ROWS if r.key != "cast"]), real_data=True),
    claim("C41", "appendix H", "CAST learns few parameters", below(cell("cast.params") / cell("videomae.params"), 1)),
    claim("C42", "appendix H", "The computation of CAST is not negligible",
          above(cell("cast.tflops") / cell("videomae.tflops"), 1)),
)
# fmt: on

TABLE = table(
    "table9",
    "Comparison with the state-of-the-arts on the EPIC-Kitchens-100 dataset",
    labels=("Method", "Backbone"),
    columns=COLUMNS,
    rows=ROWS,
    notes=(OWN_NOTE, COST_NOTE, "AIM's 14 million parameters are those of its paper.", RECIPE_NOTE),
    claims=CLAIMS,
)
