"""Edits of the recipes of the 3D deformable transformer at the scale `tiny`: few epochs, clips of 40 pixels, and no flip.

A flip exchanges left and right joints, and the classes of the stand-in tell left from right.
"""

from experiments.spec.language import Edit, Recipe, optim
from lightning_modules.optim import CosineSchedule

TINY = Recipe(
    edits=(
        *optim(epochs=7, batch_size=16, lr=2e-3, schedule=CosineSchedule(warmup_epochs=1.0)),
        Edit("data.crop", 40),  # five cells of 8 pixels in a row; videos of the stand-in have 64 pixels
        Edit("data.augmentation.flip", 0.0),
        Edit("objective.label_smoothing", 0.0, only_if_trained=True),
    )
)
