"""Edits of MSCA's recipes at the scale `tiny`: random weights, 6 epochs, AdamW for narrow models, short videos."""

from experiments.spec.language import Edit, Recipe, optim
from lightning_modules.optim import AdamW, CosineSchedule

TINY = Recipe(
    edits=(
        *optim(
            epochs=6,
            batch_size=32,
            lr=1e-3,
            optimizer=AdamW(),
            schedule=CosineSchedule(warmup_epochs=1.0),
            clip_norm=1.0,
        ),
        *optim(keep="last", validate_every=5, rest_multiple=None),
        Edit("data.sampling.stride", 8),  # a clip is as long as a video of 32 frames
    )
)
