"""Edits of Motionformer's recipes at the scale `tiny`: random weights, 15 epochs, learning rate of narrow models."""

from experiments.spec.language import Edit, Recipe, optim
from lightning_modules.optim import CosineSchedule

TINY = Recipe(
    edits=(
        Edit("parents", (), only_if_trained=True),
        *optim(epochs=15, batch_size=32, lr=1e-3, schedule=CosineSchedule(warmup_epochs=1.0)),
        Edit("objective.label_smoothing", 0.1, only_if_trained=True),
    )
)
