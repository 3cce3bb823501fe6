"""Columns of Motionformer's tables that show a design choice in the config of a run."""

from experiments.spec.metrics import Computed
from experiments.spec.run import RunConfig
from models.motionformer.model import Motionformer

BASE_MODELS = {(768, 12, 12): "ViT-B", (1024, 24, 16): "ViT-L"}  # width, depth, heads


def model_of(run: RunConfig) -> Motionformer.Config:
    """Model config of a run."""
    assert isinstance(run.model, Motionformer.Config)
    return run.model


def base_model(run: RunConfig) -> str:
    """Name of the ViT's size."""
    model = model_of(run)
    return BASE_MODELS.get((model.width, model.depth, model.heads), f"ViT {model.width}x{model.depth}")


def attention_kind(run: RunConfig) -> str:
    """Name of the attention, with E for exact or A for approximate."""
    attention = model_of(run).attention
    return f"{attention.label} ({'E' if getattr(attention, 'approximation', None) is None else 'A'})"


BASE_MODEL = Computed("base_model", base_model)
ATTENTION = Computed("attention", lambda run: model_of(run).attention.label)
ATTENTION_KIND = Computed("attention_kind", attention_kind)
POSITIONS = Computed("positions", lambda run: model_of(run).positions.label.removesuffix(" ST"))
TOKENIZATION = Computed("tokenization", lambda run: model_of(run).tokens.label)
