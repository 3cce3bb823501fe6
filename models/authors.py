"""The names and forms of tensors in Motionformer's released files, which are timm's where timm has them.

Follows https://github.com/facebookresearch/Motionformer. T frames, S patches per frame, D width.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.tokens import Grid, resized

# What released files hold whether or not their model reads it.
UNREAD = ("patch_embed.proj.*", "patch_embed_3d.proj.*", "pos_embed")


class Reshaped(NamedTuple):
    """A tensor made from others of a file."""

    value: Tensor
    origins: tuple[str, ...]


def authors_names(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """The authors' name of each of a VideoViT's tensors."""
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
        theirs = name
        for pattern, replacement in rules:
            theirs = re.sub(pattern, replacement, theirs)
        names[name] = theirs
    return names


def unread_names(model: nn.Module) -> tuple[str, ...]:
    """What a released file holds beside this model: the other tokeniser, and space alone beside joint positions."""
    names = authors_names(model.state_dict()).values()
    return tuple(pattern for pattern in UNREAD if not any(name.startswith(pattern.removesuffix("*")) for name in names))


def reshaped_tensors(source: Mapping[str, Tensor], wanted: Mapping[str, Tensor], side: int) -> dict[str, Reshaped]:
    """What a model of side x side learnt positions wants and the file has in another form."""
    made: dict[str, Reshaped] = {}
    for part in ("weight", "bias"):
        verb, noun = f"head0.{part}", f"head1.{part}"
        if verb in source and noun in source:
            made[f"head.{part}"] = Reshaped(torch.cat([source[verb], source[noun]]), (verb, noun))
        cube, patch = f"patch_embed_3d.proj.{part}", f"patch_embed.proj.{part}"
        if cube in wanted and cube not in source and patch in source:
            made[cube] = Reshaped(inflated(source[patch], wanted[cube]), (patch,))
        if patch in wanted and patch not in source and cube in source:
            made[patch] = Reshaped(deflated(source[cube]), (cube,))
    space = source.get("pos_embed")
    if space is not None and space.shape[1] != 1 + side**2:
        space = on_grid(space, side)  # (1, 1 + side*side, D)
        if "pos_embed" in wanted:
            made["pos_embed"] = Reshaped(space, ("pos_embed",))
    if space is not None and "st_embed" in wanted and "st_embed" not in source:
        frames = (wanted["st_embed"].shape[1] - 1) // side**2
        tiled = torch.cat([space[:, :1], space[:, 1:].repeat(1, frames, 1)], dim=1)  # (1, 1 + T*side*side, D)
        made["st_embed"] = Reshaped(tiled, ("pos_embed",))
    return made


def inflated(patch: Tensor, like: Tensor) -> Tensor:
    """A 2D projection (D, 3, p, p) as the central frame of a 3D one that is zero elsewhere; a bias as it is."""
    if patch.ndim == 1:
        return patch
    cube = patch.new_zeros(*patch.shape[:2], like.shape[2], *patch.shape[2:])  # (D, 3, tubelet, p, p)
    cube[:, :, like.shape[2] // 2] = patch
    return cube


def deflated(cube: Tensor) -> Tensor:
    """A 3D projection (D, 3, tubelet, p, p) as the 2D one that gives what it gives on a still clip; a bias as it is.

    Differs from the released code: its files also hold the untrained 2D projection of the image ViT, ours do not.
    """
    return cube if cube.ndim == 1 else cube.sum(2)


def on_grid(positions: Tensor, side: int) -> Tensor:
    """Positions (1, 1 + S, D) of a square grid of patches on one of side x side; CLS keeps its own."""
    cls, space = positions[:, :1], positions[:, 1:]
    learnt = round(space.shape[1] ** 0.5)
    if learnt**2 != space.shape[1]:
        raise ValueError(f"weights: pos_embed holds {space.shape[1]} patches, which is no square grid")
    return torch.cat([cls, resized(space, learnt, Grid(1, side, side))], dim=1)
