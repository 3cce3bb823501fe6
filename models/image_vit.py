"""Image ViTs as initial weights of video ViTs: names of the parts that both have, and their conversion.

B batch, S patches per frame, p side of a patch in pixels, D width.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from models.checkpoints import read_tensors, renamed
from models.positions import resized
from models.tensors import Converted, LoadReport, Tensors, fill
from models.tokens import Grid

# Patterns of names in a VideoViT with one mixer per block, and their replacements in timm's VisionTransformer.
TIMM_NAMES = (
    (r"^tokens\.projection\.", "patch_embed.proj."),
    (r"^cls$", "cls_token"),
    (r"^positions\.space$", "pos_embed"),
    (r"\.norms\.0\.", ".norm1."),
    (r"\.mixers\.0\.", ".attn."),
    (r"\.mlp_norm\.", ".norm2."),
)


def load_image_vit(model: nn.Module, path: Path, *, known_missing: Sequence[str]) -> LoadReport:
    """Load an image ViT in timm's format into a VideoViT. Its classifier is not used.

    Args:
        known_missing: patterns of timm's names that image ViTs do not have. These tensors keep their initial values.
    """
    return fill(
        model,
        read_tensors(path),
        renamed(model.state_dict(), TIMM_NAMES),
        source=path.name,
        convert=converted_for_video,
        known_missing=known_missing,
        known_unexpected=("head.*",),
    )


def converted_for_video(source: Tensors, wanted: Tensors, projection: str = "patch_embed.proj") -> dict[str, Converted]:
    """Cube projection, under the name `projection`, and positions on another grid, from those of an image ViT."""
    converted: dict[str, Converted] = {}
    for part in ("weight", "bias"):
        patch, cube = f"patch_embed.proj.{part}", f"{projection}.{part}"
        if patch in source and cube in wanted and (cube not in source or source[cube].ndim < wanted[cube].ndim):
            converted[cube] = Converted(inflated(source[patch], wanted[cube]), (patch,))
    if "pos_embed" in source and "pos_embed" in wanted and source["pos_embed"].shape[1] != wanted["pos_embed"].shape[1]:
        side = round((wanted["pos_embed"].shape[1] - 1) ** 0.5)
        converted["pos_embed"] = Converted(on_grid(source["pos_embed"], side), ("pos_embed",))
    return converted


def inflated(patch: Tensor, like: Tensor) -> Tensor:
    """3D projection whose central frame is a 2D projection (D, 3, p, p), and zero elsewhere. A bias is unchanged."""
    if patch.ndim == 1:
        return patch
    cube = patch.new_zeros(*patch.shape[:2], like.shape[2], *patch.shape[2:])  # (D, 3, tubelet, p, p)
    cube[:, :, like.shape[2] // 2] = patch
    return cube


def on_grid(positions: Tensor, side: int) -> Tensor:
    """Positions (1, 1 + S, D) of a square grid, resized to side x side. The position of CLS is unchanged."""
    cls, space = positions[:, :1], positions[:, 1:]
    learnt = round(space.shape[1] ** 0.5)
    if learnt**2 != space.shape[1]:
        raise ValueError(f"weights: pos_embed has {space.shape[1]} patches, which is not a square grid")
    return torch.cat([cls, resized(space, learnt, Grid(1, side, side))], dim=1)
