"""Loading of the weights of Motionformer models from image ViTs, released checkpoints and other runs.

Follows the released code (https://github.com/facebookresearch/Motionformer). Tensors of all three sources are matched
by the names in its released files, which are timm's for the parts that timm has.
T frames, S patches per frame, D width.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from models.checkpoints import load_released, read_tensors, renamed
from models.image_vit import TIMM_NAMES, converted_for_video, on_grid
from models.mixers.trajectory import TrajectoryAttention
from models.positions import JointPositions, SeparatePositions
from models.tensors import Converted, LoadReport, Tensors, fill, is_known
from models.trunk import VideoViT

# Tensors that released files contain even if their model does not use them.
MAYBE_UNUSED = ("patch_embed.proj.*", "patch_embed_3d.proj.*", "pos_embed")
CUBES = "patch_embed_3d.proj"
# Parameters of some types of attention.
ATTENTIONS = ("*.attn.proj_q.*", "*.attn.proj_kv.*", "*.timeattn.*", "*.norm3.*")
# Parameters of some types of tokens and positions.
INPUTS = ("patch_embed.proj.*", "patch_embed_3d.proj.*", "pos_embed", "temp_embed", "st_embed")
# Parameters that are initialised anew for other classes and other clip lengths.
REINITIALISED = ("head.*", "temp_embed")
# Initial standard deviation of the authors' Linear layers. Without gradients, weight decay only decreases it.
INITIAL_STD = 0.02


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


def absent(patterns: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Patterns of which there is no name."""
    return tuple(pattern for pattern in patterns if not any(is_known(name, (pattern,)) for name in names))


def converted_tensors(source: Tensors, wanted: Tensors, side: int) -> dict[str, Converted]:
    """Tensors of a model with side x side learnt positions that the file contains in another format."""
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


def load_image_weights(model: VideoViT, path: Path) -> LoadReport:
    """Load an image ViT. Parameters that image ViTs do not have keep their initial values."""
    known = (*ATTENTIONS, "temp_embed", "pre_logits.*", "head.*")
    return fill_from(model, read_tensors(path), path.name, known_missing=known, known_unexpected=("head.*",))


def load_motionformer(model: VideoViT, path: Path, initial_std: float) -> LoadReport:
    """Load a released checkpoint into the same model, whose Linear layers had this standard deviation initially."""
    names = released_names(model.state_dict())
    unused = absent(MAYBE_UNUSED, names.values())  # the other tokeniser and, with joint positions, those in space
    report = load_released(
        model,
        path,
        names,
        convert=partial(converted_tensors, side=side_of(model)),
        unused=unused,
        check=lambda _, settings: check_project_values(model, settings, path.name),
    )
    values, suits = value_projection(model, max(INITIAL_STD, initial_std))
    return replace(report, remarks=(values, *report.remarks)) if suits else replace(report, warnings=(values,))


def copy_shared(model: VideoViT, tensors: Mapping[str, Tensor]) -> LoadReport:
    """Copy the tensors that a model shares with a run of another attention, input, clip length or number of classes.

    Patch and cube projections are converted into each other, positions in space into joint positions. Classifiers and
    positions in time of another shape keep their initial values. Parts that one side lacks entirely are skipped, but an
    incomplete part is an error.
    """
    source = {theirs: tensors[ours] for ours, theirs in released_names(tensors).items()}
    parts = (*ATTENTIONS, *INPUTS)
    missing = (*absent(parts, source), *REINITIALISED)
    unused = absent(parts, released_names(model.state_dict()).values())
    return fill_from(model, source, "the run it starts from", known_missing=missing, known_unexpected=unused)


def fill_from(
    model: VideoViT,
    source: Mapping[str, Tensor],
    name: str,
    *,
    known_missing: tuple[str, ...],
    known_unexpected: tuple[str, ...],
) -> LoadReport:
    """Copy tensors with released names into a model, and convert projections, positions and classifiers if needed."""
    return fill(
        model,
        source,
        released_names(model.state_dict()),
        source=name,
        convert=partial(converted_tensors, side=side_of(model)),
        known_missing=known_missing,
        known_unexpected=known_unexpected,
    )


def side_of(model: VideoViT) -> int:
    """Rows and columns of the learnt positions."""
    assert isinstance(model.positions, SeparatePositions | JointPositions)
    return model.positions.side


def check_project_values(model: nn.Module, settings: str, source: str) -> None:
    """Refuse a file with another `project_values` than the model: names and shapes of the weights are the same."""
    stated = re.search(r"USE_ORIGINAL_TRAJ_ATTN_CODE:\s*(true|false)", settings, flags=re.IGNORECASE)
    for mixer in model.modules():
        if isinstance(mixer, TrajectoryAttention) and stated:
            projected = stated[1].lower() == "false"
            if mixer.config.project_values != projected:
                has = f"attention.project_values={mixer.config.project_values}"
                raise ValueError(f"weights: {source} was trained with project_values={projected}, this model has {has}")


def value_projection(model: nn.Module, initial_std: float) -> tuple[str, bool]:
    """Whether the value half of `proj_kv` was trained, in words, and whether this suits the model's `project_values`.

    Training with unprojected values, as of the released files, leaves the initial values, decreased by weight decay.
    Training with projected values changes the bias.
    """
    halves = [
        (mixer.proj_kv.weight.chunk(2)[1], mixer.proj_kv.bias.chunk(2)[1])
        for mixer in model.modules()
        if isinstance(mixer, TrajectoryAttention) and mixer.config.temporal == "attention"
    ]
    if not halves:
        return "value projection: this attention has none", True
    largest_std = max(weight.std().item() for weight, _ in halves)
    largest_bias = max(bias.abs().max().item() for _, bias in halves)
    trained = largest_bias >= 1e-6 or largest_std > 1.05 * initial_std
    projects = any(isinstance(mixer, TrajectoryAttention) and mixer.config.project_values for mixer in model.modules())
    figures = f"largest std {largest_std:.4f}, largest bias {largest_bias:.1e}"
    state = f"value projection: {'trained' if trained else 'never trained'} ({figures})"
    if trained == projects:
        return f"{state}, as this row expects", True
    wanted = f"set model.attention.project_values={trained}"
    return f"{state}, but this row {'reads' if projects else 'does not read'} it: {wanted}", False
