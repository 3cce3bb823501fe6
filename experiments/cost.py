"""What needs no training: multiply-adds, parameters and design choices, read off a run's config at the paper's size."""

from experiments.run import RunConfig
from models.cost import executed_macs, published_macs, published_parameters

BASE_MODELS = {(768, 12, 12): "ViT-B", (1024, 24, 16): "ViT-L"}  # width, depth, heads


def measure(metric: str, run: RunConfig) -> float | str:
    """The value of a metric that needs no training.

    GFLOPs count a multiply-add as one and LayerNorm as 5 an element, for one view, in the published formulation;
    parameters, in millions, include the 2D patch projection that the released models carry unused.

    Raises:
        ValueError: for a metric that only a trained run has.
    """
    model, data = run.model, run.data
    size = {"frames": data.frames, "crop": data.crop, "num_classes": data.dataset.num_classes}
    match metric:
        case "gflops":
            return published_macs(model, **size) / 1e9
        case "gflops_views":
            protocol = run.evaluation
            return f"{published_macs(model, **size) / 1e9:.1f}×{protocol.crops}×{protocol.views}"
        case "parameters":
            return published_parameters(model, **size) / 1e6
        case "base_model":
            return BASE_MODELS.get((model.width, model.depth, model.heads), f"ViT {model.width}x{model.depth}")
        case "attention":
            return model.attention.label
        case "attention_kind":
            approximation = getattr(model.attention, "approximation", None)
            return f"{model.attention.label} ({'E' if approximation is None else 'A'})"
        case "positions":
            return model.positions.label.removesuffix(" ST")
        case "tokenization":
            return model.tokens.label
    raise ValueError(f"'{metric}' is not measured without training")


def executed_gflops(run: RunConfig) -> float:
    """What our model executes for one view, which is less than the published formulation; LayerNorm not counted."""
    data = run.data
    size = {"frames": data.frames, "crop": data.crop, "num_classes": data.dataset.num_classes}
    return executed_macs(run.model, **size) / 1e9
