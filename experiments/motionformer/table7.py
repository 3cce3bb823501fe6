"""Table 7 of Motionformer: a larger model with larger frames, which fits on a GPU with approximate attention."""

from dataclasses import replace

from experiments.motionformer.base import ATTENTION_KIND, K400, MEMORY_NOTE, TRAINING_NOTES, memory_columns, table
from experiments.motionformer.table3 import approximate
from experiments.spec.claims import Ours, above, below, cell, claim
from experiments.spec.language import PARAMETERS, TOP1, TOP5, Column, PaperNote, bold, data, model, row
from models.imagenet import ImageNet
from models.mixers.orthoformer import Orthoformer
from models.positions import SeparatePositions

# Section 4.2: ViT-L/16 at 336 x 336, 196 prototypes shared over time, "the same schedule as the base model".
LARGE = (
    *model(width=1024, depth=24, heads=16, init=ImageNet.Config(name="vit_large_patch16_224.orig_in21k")),
    *model(positions=SeparatePositions.Config(side=14)),
    *approximate(Orthoformer.Config(num_prototypes=196)),
    *data(crop=336),
)

MEMORY, MEMORY_OF_OURS = memory_columns("Max memory (GB)", "Max memory of ours (GB)")

# fmt: off
ROWS = (
    row("mformer-b", ("Mformer-B", "ViT-B/224"),        paper=(109.1, "Trajectory (E)", *bold(7.3), None, 79.7, 94.2)),
    row("mformer-h", ("Mformer-H", "ViT-L/336"), LARGE, paper=(381.9, "Trajectory (A)", 22.2, None, *bold(80.0, 94.5))),
)
CLAIMS = (
    claim("M50", "section 4.2", "The large model with approximate attention is competitive",
          [above(cell(f"mformer-h.{c}") - cell(f"mformer-b.{c}")) for c in ("top1", "top5")], real_data=True),
    claim("M51", "caption", "With the approximation, the large model fits on one GPU (of 32 GB)",
          below(cell("mformer-h.memory"), Ours(32), inclusive=True)),
)
# fmt: on

TABLE = table(
    "table7",
    "Can we train larger models using approximated trajectory attention?",
    labels=("Model", "Base model"),
    columns=(
        Column(key="parameters", header="Params (M)", metric=PARAMETERS, base=K400),
        Column(key="attention", header="Attention", metric=ATTENTION_KIND, base=K400),
        replace(MEMORY, best="min"),
        MEMORY_OF_OURS,
        Column(key="top1", header="Top-1", metric=TOP1, base=K400, best="max"),
        Column(key="top5", header="Top-5", metric=TOP5, base=K400, best="max"),
    ),
    rows=ROWS,
    notes=(
        "Params include the 2D patch projection, which the released models have but never use (0.59 M for ViT-B).",
        PaperNote(
            "No config of Mformer-H was released. Section 4.2 states model, crop, prototypes and “the same schedule as the "
            "base model”. That its batch size (128), learning rate (1e-4) and stride (4) are also those of the base model "
            "is our choice."
        ),
        PaperNote(
            "For ViT-L, the released code loads ImageNet-21k weights fine-tuned on ImageNet-1k, which timm no longer "
            "provides. Ours starts from the same weights before fine-tuning."
        ),
        MEMORY_NOTE,
        *TRAINING_NOTES,
    ),
    claims=CLAIMS,
)
