"""Loading of the weights of Motionformer models from image ViTs, released checkpoints and other runs.

Follows the released code (https://github.com/facebookresearch/Motionformer). Tensors of all three sources are matched
by its names (key_map.py).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from models.checkpoints import LoadReport, fill, is_known, read_released, read_tensors
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.key_map import converted_tensors, released_names, unused_patterns
from models.positions import JointPositions, SeparatePositions
from models.trunk import VideoViT

# Parameters of some types of attention.
ATTENTIONS = ("*.attn.proj_q.*", "*.attn.proj_kv.*", "*.timeattn.*", "*.norm3.*")
# Parameters of some types of tokens and positions.
INPUTS = ("patch_embed.proj.*", "patch_embed_3d.proj.*", "pos_embed", "temp_embed", "st_embed")
# Parameters that are initialised anew for other classes and other clip lengths.
REINITIALISED = ("head.*", "temp_embed")
# Initial standard deviation of the authors' Linear layers. Without gradients, weight decay only decreases it.
INITIAL_STD = 0.02


def load_image_weights(model: VideoViT, path: Path) -> LoadReport:
    """Load an image ViT. Parameters that image ViTs do not have keep their initial values."""
    known = (*ATTENTIONS, "temp_embed", "pre_logits.*", "head.*")
    return fill_from(model, read_tensors(path), path.name, known_missing=known, known_unexpected=("head.*",))


def load_released(model: VideoViT, path: Path, initial_std: float) -> LoadReport:
    """Load a released checkpoint into the same model.

    Args:
        initial_std: standard deviation of the model's initial weights.

    Raises:
        ValueError: for a key without a counterpart, unless the authors' model never uses it.
    """
    tensors, settings, remarks = read_released(path)
    check_project_values(model, settings, path.name)
    report = fill_from(model, tensors, path.name, known_missing=(), known_unexpected=unused_patterns(model))
    values = value_projection(model, max(INITIAL_STD, initial_std))
    return replace(
        report,
        settings=settings,
        remarks=(*((values.state,) if values.suits else ()), *remarks),
        warnings=() if values.suits else (values.state,),
    )


def copy_shared(model: VideoViT, tensors: Mapping[str, Tensor]) -> LoadReport:
    """Copy the tensors that a model shares with a run of another attention, input, clip length or number of classes.

    Patch and cube projections are converted into each other, positions in space into joint positions. Classifiers and
    positions in time of another shape keep their initial values. Parts that one side lacks entirely are skipped, but an
    incomplete part is an error.
    """
    source = {theirs: tensors[ours] for ours, theirs in released_names(tensors).items()}
    parts = (*ATTENTIONS, *INPUTS)
    names = released_names(model.state_dict()).values()
    lacking = tuple(part for part in parts if not any(is_known(key, (part,)) for key in source))
    unused = tuple(part for part in parts if not any(is_known(key, (part,)) for key in names))
    return fill_from(
        model,
        source,
        "the run it starts from",
        known_missing=(*lacking, *REINITIALISED),
        known_unexpected=unused,
    )


def fill_from(
    model: VideoViT,
    source: Mapping[str, Tensor],
    name: str,
    *,
    known_missing: tuple[str, ...],
    known_unexpected: tuple[str, ...],
) -> LoadReport:
    """Copy tensors with released names into a model, and convert projections, positions and classifiers if needed."""
    own = model.state_dict()
    names = released_names(own)
    wanted = {theirs: own[ours] for ours, theirs in names.items()}
    assert isinstance(model.positions, SeparatePositions | JointPositions)
    return fill(
        model,
        source,
        names,
        source=name,
        converted=converted_tensors(source, wanted, model.positions.side),
        known_missing=known_missing,
        known_unexpected=known_unexpected,
    )


def check_project_values(model: nn.Module, settings: str, source: str) -> None:
    """Refuse a file whose settings have another `project_values` than the model.

    Names and shapes of the weights are the same with both.

    Raises:
        ValueError: with both settings.
    """
    stated = re.search(r"USE_ORIGINAL_TRAJ_ATTN_CODE:\s*(true|false)", settings, flags=re.IGNORECASE)
    for mixer in model.modules():
        if isinstance(mixer, TrajectoryAttention) and stated:
            projected = stated[1].lower() == "false"
            if mixer.config.project_values != projected:
                has = f"attention.project_values={mixer.config.project_values}"
                raise ValueError(f"weights: {source} was trained with project_values={projected}, this model has {has}")


class ValueProjection(NamedTuple):
    """State of the value projection of temporal attention in a file, and whether it suits the model."""

    state: str
    suits: bool


def value_projection(model: nn.Module, initial_std: float) -> ValueProjection:
    """Detect whether the value half of `proj_kv` was trained, and whether this suits the model's `project_values`.

    Training with unprojected values, as of the released files, leaves the initial values, decreased by weight decay.
    Training with projected values changes the bias.
    """
    halves = [
        (mixer.proj_kv.weight.chunk(2)[1], mixer.proj_kv.bias.chunk(2)[1])
        for mixer in model.modules()
        if isinstance(mixer, TrajectoryAttention) and mixer.config.temporal == "attention"
    ]
    if not halves:
        return ValueProjection("value projection: this attention has none", True)
    largest_std = max(weight.std().item() for weight, _ in halves)
    largest_bias = max(bias.abs().max().item() for _, bias in halves)
    trained = largest_bias >= 1e-6 or largest_std > 1.05 * initial_std
    projects = any(isinstance(mixer, TrajectoryAttention) and mixer.config.project_values for mixer in model.modules())
    figures = f"largest std {largest_std:.4f}, largest bias {largest_bias:.1e}"
    state = f"value projection: {'trained' if trained else 'never trained'} ({figures})"
    if trained == projects:
        return ValueProjection(f"{state}, as this row expects", True)
    wanted = f"set model.attention.project_values={trained}"
    return ValueProjection(f"{state}, but this row {'reads' if projects else 'does not read'} it: {wanted}", False)
