"""Names of tensors in the files of CLIP and EVA, and conversions that several readers share."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from models.checkpoints import Converted
from models.image_vit import on_grid, renamed

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


def clip_names(names: Mapping[str, str]) -> dict[str, str]:
    """Names in CLIP's files, given those in timm's."""
    return mapped(names, CLIP_NAMES)


def eva_names(names: Mapping[str, str]) -> dict[str, str]:
    """Names in the files of EVA's authors, given those in timm's."""
    return mapped(names, EVA_NAMES)


def mapped(names: Mapping[str, str], rules: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names after further replacements."""
    new = renamed(names.values(), tuple(rules))
    return {ours: new[theirs] for ours, theirs in names.items()}


OUTSIDE = "* outside of *"  # pattern of the names that `without_prefix` gives to other tensors


def without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors with the names below a prefix, and others marked as outside of it. Unchanged if there are none below."""
    if not any(name.startswith(prefix) for name in tensors):
        return dict(tensors)
    return {
        name.removeprefix(prefix) if name.startswith(prefix) else f"{name} outside of {prefix}": tensor
        for name, tensor in tensors.items()
    }


def reshaped(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Converted]:
    """Tensors that lack leading dimensions of size 1 of the wanted ones."""
    return {
        name: Converted(tensors[name].view_as(like), (name,))
        for name, like in wanted.items()
        if name in tensors and tensors[name].shape != like.shape and tensors[name].shape == squeezed(like.shape)
    }


def resized_positions(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], name: str) -> dict[str, Converted]:
    """Positions of a square grid, resized to that of the model if it differs.

    Args:
        name: name of the positions in the file.
    """
    if name not in tensors or tensors[name].shape[-2] == wanted[name].shape[-2]:
        return {}
    side = round((wanted[name].shape[-2] - 1) ** 0.5)
    return {name: Converted(on_grid(tensors[name].view(1, *tensors[name].shape[-2:]), side), (name,))}


def squeezed(shape: Iterable[int]) -> tuple[int, ...]:
    """Shape without its leading dimensions of size 1."""
    sizes = tuple(shape)
    while sizes[:1] == (1,):
        sizes = sizes[1:]
    return sizes
