"""Names and formats of the tensors in Motionformer's released files. They are timm's for the parts that timm has.

Follows https://github.com/facebookresearch/Motionformer. T frames, S patches per frame, D width.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.positions import resized
from models.tokens import Grid

# Tensors that released files contain even if their model does not use them.
MAYBE_UNUSED = ("patch_embed.proj.*", "patch_embed_3d.proj.*", "pos_embed")


class Converted(NamedTuple):
    """A tensor converted from others of a file, and the names of those."""

    value: Tensor
    origins: tuple[str, ...]


def released_names(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Names in released files of the tensors of a VideoViT, by their names in the model."""
    divided = any(".mixers.1." in name for name in tensors)
    projection = tensors.get("tokens.projection.weight")
    cubic = projection is not None and projection.ndim == 5
    one_mixer = [(r"\.norms\.0\.", ".norm1."), (r"\.mixers\.0\.", ".attn.")]
    time_then_space = [
        (r"\.norms\.0\.", ".norm3."),
        (r"\.norms\.1\.", ".norm1."),
        (r"\.mixers\.0\.", ".timeattn."),
        (r"\.mixers\.1\.", ".attn."),
    ]
    rules = [
        (r"^tokens\.projection\.", "patch_embed_3d.proj." if cubic else "patch_embed.proj."),
        (r"^cls$", "cls_token"),
        (r"^positions\.space$", "pos_embed"),
        (r"^positions\.time$", "temp_embed"),
        (r"^positions\.space_time$", "st_embed"),
        *(time_then_space if divided else one_mixer),
        (r"\.mlp_norm\.", ".norm2."),
        (r"^head\.pre_logits\.", "pre_logits.fc."),
        (r"^head\.classifier\.", "head."),
    ]
    names = {}
    for name in tensors:
        released = name
        for pattern, replacement in rules:
            released = re.sub(pattern, replacement, released)
        names[name] = released
    return names


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
    converted: dict[str, Converted] = {}
    for part in ("weight", "bias"):
        verb, noun = f"head0.{part}", f"head1.{part}"
        if verb in source and noun in source:
            converted[f"head.{part}"] = Converted(torch.cat([source[verb], source[noun]]), (verb, noun))
        cube, patch = f"patch_embed_3d.proj.{part}", f"patch_embed.proj.{part}"
        if cube in wanted and cube not in source and patch in source:
            converted[cube] = Converted(inflated(source[patch], wanted[cube]), (patch,))
        if patch in wanted and patch not in source and cube in source:
            converted[patch] = Converted(deflated(source[cube]), (cube,))
    space = source.get("pos_embed")
    if space is not None and space.shape[1] != 1 + side**2:
        space = on_grid(space, side)  # (1, 1 + side*side, D)
        if "pos_embed" in wanted:
            converted["pos_embed"] = Converted(space, ("pos_embed",))
    if space is not None and "st_embed" in wanted and "st_embed" not in source:
        frames = (wanted["st_embed"].shape[1] - 1) // side**2
        tiled = torch.cat([space[:, :1], space[:, 1:].repeat(1, frames, 1)], dim=1)  # (1, 1 + T*side*side, D)
        converted["st_embed"] = Converted(tiled, ("pos_embed",))
    return converted


def inflated(patch: Tensor, like: Tensor) -> Tensor:
    """3D projection whose central frame is a 2D projection (D, 3, p, p), and zero elsewhere. A bias is unchanged."""
    if patch.ndim == 1:
        return patch
    cube = patch.new_zeros(*patch.shape[:2], like.shape[2], *patch.shape[2:])  # (D, 3, tubelet, p, p)
    cube[:, :, like.shape[2] // 2] = patch
    return cube


def deflated(cube: Tensor) -> Tensor:
    """2D projection with the output of a 3D projection (D, 3, tubelet, p, p) for a still clip. A bias is unchanged.

    Differs from the released code: its files also contain the untrained 2D projection of the image ViT, ours do not.
    """
    return cube if cube.ndim == 1 else cube.sum(2)


def on_grid(positions: Tensor, side: int) -> Tensor:
    """Positions (1, 1 + S, D) of a square grid, resized to side x side. The position of CLS is unchanged."""
    cls, space = positions[:, :1], positions[:, 1:]
    learnt = round(space.shape[1] ** 0.5)
    if learnt**2 != space.shape[1]:
        raise ValueError(f"weights: pos_embed has {space.shape[1]} patches, which is not a square grid")
    return torch.cat([cls, resized(space, learnt, Grid(1, side, side))], dim=1)
