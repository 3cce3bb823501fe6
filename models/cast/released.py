"""Names of tensors in the files of CAST, CLIP and EVA, and loading of released checkpoints of CAST.

Layouts of the tensors of CAST equal ours, except for missing leading dimensions of size 1.
"""

from collections.abc import Iterable
from itertools import dropwhile
from pathlib import Path

from torch import Tensor, nn

from models.checkpoints import load_released, renamed
from models.image_vit import TIMM_NAMES, on_grid
from models.tensors import Converted, LoadReport, Tensors

INNER = (r"^vit\.", "")  # from a name in an expert to that in its ViT
# Patterns of names in timm's VisionTransformer, and their replacements in CLIP's image encoder.
CLIP_NAMES = (
    (r"^patch_embed\.proj\.", "conv1."),
    (r"^cls_token$", "class_embedding"),
    (r"^pos_embed$", "positional_embedding"),
    (r"^norm_pre\.", "ln_pre."),
    (r"^norm\.", "ln_post."),
    (r"^blocks\.", "transformer.resblocks."),
    (r"\.norm1\.", ".ln_1."),
    (r"\.norm2\.", ".ln_2."),
    (r"\.attn\.qkv\.", ".attn.in_proj_"),
    (r"\.attn\.proj\.", ".attn.out_proj."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)
# Patterns of names in timm's Eva, and their replacements in the files of its authors.
EVA_NAMES = (
    (r"\.attn\.([qv])_proj\.bias$", r".attn.\1_bias"),
    (r"\.attn\.norm\.", ".attn.inner_attn_ln."),
    (r"\.mlp\.fc1_g\.", ".mlp.w1."),
    (r"\.mlp\.fc1_x\.", ".mlp.w2."),
    (r"\.mlp\.norm\.", ".mlp.ffn_ln."),
    (r"\.mlp\.fc2\.", ".mlp.w3."),
)
ADAPTER_LAYERS = ((r"\.down\.", ".D_fc1."), (r"\.up\.", ".D_fc2."))
# Patterns of names of other parts, and their replacements in released files.
SPATIAL_ADAPTERS = (
    (r"^attention_adapters\.(\d+)\.", r"blocks.\1.S_Adapter."),
    (r"^mlp_adapters\.(\d+)\.", r"blocks.\1.S_MLP_Adapter."),
    *ADAPTER_LAYERS,
)
TEMPORAL_ADAPTERS = (
    (r"^attention_adapters\.(\d+)\.", r"blocks.\1.T_Adapter."),
    (r"^mlp_adapters\.(\d+)\.", r"blocks.\1.T_MLP_Adapter."),
    *ADAPTER_LAYERS,
)
EXCHANGE = (
    (r"^(\d+)\.(down|up)_([st])\.", r"blocks.\1.cross_\3_\2."),
    (r"^(\d+)\.norm_([st])\.", r"blocks.\1.ln_\2_cross."),
    (r"^(\d+)\.t2s\.query_positions\.time$", r"blocks.\1.t2s_cross.clip_time_pos"),
    (r"^(\d+)\.t2s\.key_positions\.time$", r"blocks.\1.t2s_cross.vmae_time_pos"),
    (r"^(\d+)\.s2t\.query_positions\.space$", r"blocks.\1.s2t_cross.vmae_space_pos"),
    (r"^(\d+)\.s2t\.key_positions\.space$", r"blocks.\1.s2t_cross.clip_space_pos"),
    (r"^(\d+)\.(t2s|s2t)\.(q|kv)\.weight$", r"blocks.\1.\2_cross.\2_\3.weight"),
    (r"^(\d+)\.(t2s|s2t)\.(q|kv)\.bias$", r"blocks.\1.\2_cross.\2_\3_bias"),
    (r"^(\d+)\.(t2s|s2t)\.proj\.", r"blocks.\1.\2_cross.t2s_proj."),  # of this name in both attentions
)
HEAD = (
    (r"^spatial_adapter\.", "noun_last_Adapter."),
    (r"^temporal_adapter\.", "verb_last_Adapter."),
    (r"^classifier\.", "head."),
    (r"^(verb|noun)\.", r"head_\1."),
    *ADAPTER_LAYERS,
)
# Names of the tensors of a part of the model, without the prefix of the part. The first prefix that fits applies.
PARTS = {
    "spatial.expert.vit.": (
        *CLIP_NAMES,
        (r"^transformer\.resblocks\.(\d+)\.", r"blocks.\1.clip_"),
        (r"^(?!blocks\.)", "clip_"),
    ),
    "temporal.expert.vit.": (*TIMM_NAMES, (r"^norm\.", "vmae_fc_norm.")),
    "spatial.": SPATIAL_ADAPTERS,
    "temporal.": TEMPORAL_ADAPTERS,
    "exchanges.": EXCHANGE,
    "head.": HEAD,
}


def released_names(names: Iterable[str]) -> dict[str, str]:
    """Names in released files of the tensors of CAST, by their names in the model."""
    found = {}
    for name in names:
        part = next(part for part in PARTS if name.startswith(part))
        found[name] = renamed([inner := name.removeprefix(part)], PARTS[part])[inner]
    return found


def load_cast(model: nn.Module, path: Path) -> LoadReport:
    """Load a released checkpoint of CAST, which also contains the frozen experts."""
    names = released_names(model.state_dict())
    return load_released(model, path, names, prefixes=("backbone.", "encoder."), convert=reshaped)


def reshaped(tensors: Tensors, wanted: Tensors) -> dict[str, Converted]:
    """Tensors that lack leading dimensions of size 1 of the wanted ones."""
    return {
        name: Converted(tensors[name].view_as(like), (name,))
        for name, like in wanted.items()
        if name in tensors and tensors[name].shape != like.shape and tensors[name].shape == squeezed(like)
    }


def resized_positions(tensors: Tensors, wanted: Tensors, name: str) -> dict[str, Converted]:
    """Positions of a square grid, resized to that of the model if it differs."""
    if name not in tensors or tensors[name].shape[-2] == wanted[name].shape[-2]:
        return {}
    side = round((wanted[name].shape[-2] - 1) ** 0.5)
    return {name: Converted(on_grid(tensors[name].view(1, *tensors[name].shape[-2:]), side), (name,))}


def squeezed(tensor: Tensor) -> tuple[int, ...]:
    """Shape without its leading dimensions of size 1."""
    return tuple(dropwhile(lambda size: size == 1, tensor.shape))
