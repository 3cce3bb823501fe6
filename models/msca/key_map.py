"""Names and formats of the tensors in TokenShift's released files.

Follows https://github.com/VideoNetworks/TokShift-Transformer. Its ViT, its TokenShift and our MSCA share all tensors.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from models.checkpoints import Converted
from models.image_vit import renamed

PREFIX = "base_model.transformer."
RULES = (
    (r"^tokens\.projection\.", f"{PREFIX}embeddings.patch_embeddings."),
    (r"^cls$", f"{PREFIX}embeddings.cls_token"),
    (r"^positions\.space$", f"{PREFIX}embeddings.position_embeddings"),
    (r"^norm\.", f"{PREFIX}encoder.encoder_norm."),
    (r"^head\.classifier\.", "base_model.head."),
    (r"^blocks\.", f"{PREFIX}encoder.layer."),
    (r"\.norms\.0\.", ".attention_norm."),
    (r"\.mlp_norm\.", ".ffn_norm."),
    (r"\.mixers\.0\.proj\.", ".attn.out."),
    (r"\.mixers\.0\.", ".attn."),
    (r"\.mlp\.", ".ffn."),
)


def released_names(names: Iterable[str]) -> dict[str, str]:
    """Names in released files of the tensors of a frame-wise ViT, by their names in the model."""
    return renamed(names, RULES)


def converted_tensors(source: Mapping[str, Tensor], wanted: Iterable[str]) -> dict[str, Converted]:
    """Joint projections of queries, keys and values, which released files contain one by one, of the same shape."""
    converted = {}
    for name in wanted:
        block, joint, kind = name.partition(".attn.qkv.")
        origins = tuple(f"{block}.attn.{projection}.{kind}" for projection in ("query", "key", "value"))
        parts = [source[origin] for origin in origins if joint and origin in source]
        if len(parts) == len(origins) and parts[0].dim() and len({(part.shape, part.dtype) for part in parts}) == 1:
            converted[name] = Converted(torch.cat(parts), origins)
    return converted
