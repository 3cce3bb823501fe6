"""Names and formats of the tensors in Motionformer's released files. They are timm's for the parts that timm has.

Follows https://github.com/facebookresearch/Motionformer. T frames, S patches per frame, D width.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.checkpoints import Converted
from models.image_vit import TIMM_NAMES, converted_for_video, on_grid, renamed

# Tensors that released files contain even if their model does not use them.
MAYBE_UNUSED = ("patch_embed.proj.*", "patch_embed_3d.proj.*", "pos_embed")
CUBES = "patch_embed_3d.proj"


def released_names(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Names in released files of the tensors of a VideoViT, by their names in the model."""
    divided = any(".mixers.1." in name for name in tensors)
    projection = tensors.get("tokens.projection.weight")
    cubic = projection is not None and projection.ndim == 5
    time_then_space = [
        (r"\.norms\.0\.", ".norm3."),
        (r"\.norms\.1\.", ".norm1."),
        (r"\.mixers\.0\.", ".timeattn."),
        (r"\.mixers\.1\.", ".attn."),
    ]
    rules = [
        *([(r"^tokens\.projection\.", f"{CUBES}.")] if cubic else []),
        *(time_then_space if divided else []),
        *TIMM_NAMES,
        (r"^positions\.time$", "temp_embed"),
        (r"^positions\.space_time$", "st_embed"),
        (r"^head\.pre_logits\.", "pre_logits.fc."),
        (r"^head\.classifier\.", "head."),
    ]
    return renamed(tensors, rules)


def unused_patterns(model: nn.Module) -> tuple[str, ...]:
    """Patterns of tensors in released files that this model does not use.

    They are the other tokeniser and, with joint positions, the positions in space.
    """
    names = released_names(model.state_dict()).values()
    prefixes = {pattern: pattern.removesuffix("*") for pattern in MAYBE_UNUSED}
    return tuple(pattern for pattern, prefix in prefixes.items() if not any(name.startswith(prefix) for name in names))


def converted_tensors(source: Mapping[str, Tensor], wanted: Mapping[str, Tensor], side: int) -> dict[str, Converted]:
    """Tensors of a model with side x side learnt positions that the file contains in another format.

    Args:
        source: tensors of the file.
        wanted: tensors of the model, by their names in released files.
    """
    converted = converted_for_video(source, wanted, CUBES)
    for part in ("weight", "bias"):
        verb, noun = f"head0.{part}", f"head1.{part}"
        if verb in source and noun in source:
            converted[f"head.{part}"] = Converted(torch.cat([source[verb], source[noun]]), (verb, noun))
        cube, patch = f"{CUBES}.{part}", f"patch_embed.proj.{part}"
        if patch in wanted and patch not in source and cube in source:
            converted[patch] = Converted(deflated(source[cube]), (cube,))
    if "pos_embed" in source and "st_embed" in wanted and "st_embed" not in source:
        space = on_grid(source["pos_embed"], side)  # (1, 1 + side*side, D)
        frames = (wanted["st_embed"].shape[1] - 1) // side**2
        tiled = torch.cat([space[:, :1], space[:, 1:].repeat(1, frames, 1)], dim=1)  # (1, 1 + T*side*side, D)
        converted["st_embed"] = Converted(tiled, ("pos_embed",))
    return converted


def deflated(cube: Tensor) -> Tensor:
    """2D projection with the output of a 3D projection (D, 3, tubelet, p, p) for a still clip. A bias is unchanged.

    Differs from the released code: its files also contain the untrained 2D projection of the image ViT, ours do not.
    """
    return cube if cube.ndim == 1 else cube.sum(2)
