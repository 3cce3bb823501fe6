"""Edits of MSCA's recipes at the scale `tiny`: random weights, 15 epochs, AdamW for narrow models."""

from experiments.spec.edits import Edit, optim
from lightning_modules.optim import AdamW, CosineSchedule

TINY = (
    *optim(
        epochs=15, batch_size=32, lr=1e-3, optimizer=AdamW(), schedule=CosineSchedule(warmup_epochs=1.0), clip_norm=1.0
    ),
    Edit("objective.label_smoothing", 0.1),
)
