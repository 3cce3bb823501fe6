"""Edits of X-ViT's recipes at the scale `tiny`: random weights, 8 epochs, AdamW for narrow models, short videos."""

from dataclasses import replace

from data.sampling.strides import StridedSampling
from experiments.spec.language import Edit, Recipe, optim
from experiments.xvit.base import HEAD_BIASES
from lightning_modules.optim import AdamW, CosineSchedule


def short_stride(old: object) -> object:
    return replace(old, stride=8) if isinstance(old, StridedSampling.Config) else old


def without_head_biases(old: object) -> object:
    """Rules without those of the temporal head, which came after these runs."""
    return () if old == HEAD_BIASES else old


def of_a_batch(old: object) -> object:
    return replace(old, clips_per_lambda=None, clips_per_exchange=None, partner="reversed") if old else None  # pyright: ignore


TINY = Recipe(
    edits=(
        *optim(epochs=8, batch_size=32, lr=1e-3, optimizer=AdamW(), schedule=CosineSchedule(warmup_epochs=1.0)),
        Edit("data.sampling", short_stride),
        Edit("model.head.dropout", 0.1),
        Edit("optim.rules", without_head_biases),
        Edit("objective.mixup", of_a_batch),
    )
)
