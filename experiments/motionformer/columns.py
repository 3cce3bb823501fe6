"""Metrics of Motionformer's tables: design choices in the config of a run, and the memory of a training step."""

from experiments.spec.metrics import Computed, Measured
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


# Tables 3 and 7 print 7.4 and 7.3 for the same run. The batch of both is that of the first.
PEAK_MEMORY = Measured("peak_gib", "memory", calibrated_by="motionformer/table3a:exact")
BASE_MODEL = Computed("base_model", base_model)
ATTENTION = Computed("attention", lambda run: model_of(run).attention.label)
ATTENTION_KIND = Computed("attention_kind", attention_kind)
POSITIONS = Computed("positions", lambda run: model_of(run).positions.label.removesuffix(" ST"))
TOKENIZATION = Computed("tokenization", lambda run: model_of(run).tokens.label)
