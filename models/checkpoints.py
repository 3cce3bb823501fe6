"""Weights in files: read without running what is inside, and copied into a model with a full account of every key."""

import errno
import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

NAMED_IN_ERRORS = 4


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """Where each of a model's tensors and each of a file's went.

    `matched`: filled as they stand in the file. `reshaped`: filled from tensors of another shape or name.
    `missing`: in the model, not filled. `unexpected`: in the file, not used. Both only hold what was listed as known.
    `settings`: what the file says of its training, as YAML; empty where it does not.
    """

    source: str
    matched: tuple[str, ...]
    reshaped: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    settings: str = ""

    def __str__(self) -> str:
        parts = [f"{self.source}: {len(self.matched)} tensors loaded"]
        for names, fate in (
            (self.reshaped, "reshaped"),
            (self.missing, "left as they were"),
            (self.unexpected, "of the file not used"),
        ):
            if names:
                parts.append(f"{len(names)} {fate} ({listed(names)})")
        return ", ".join(parts)


def read_checkpoint(path: Path) -> dict[str, object]:
    """What a torch file holds at its top, without running code from it.

    Raises:
        ValueError: where the file is no checkpoint, is cut short, or holds more than tensors and plain values.
        OSError: where it cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"weights: there is no file {path}")
    if path.is_dir():
        raise ValueError(f"weights: {path} is a folder, not a checkpoint")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if found := re.search(r"GLOBAL (\S+)", str(error)):
            what = f"a pickled {found[1]}, which could run code; only tensors and plain values are read"
            raise ValueError(f"weights: {path} holds {what}") from error
        raise ValueError(
            f"weights: {path} is damaged, no checkpoint, or holds pickled objects; none are read"
        ) from error
    except (RuntimeError, EOFError, KeyError, IndexError, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise ValueError(f"weights: {path} is cut short or damaged, or no checkpoint of PyTorch") from error
    if not isinstance(content, dict):
        raise ValueError(f"weights: {path} holds a {type(content).__name__}, not a checkpoint")
    return content


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of a `.safetensors`, a Google `.npz` or a torch file.

    Raises:
        ValueError: where the file is not one of these.
        OSError: where it cannot be read.
    """
    if path.suffix == ".npz":
        return npz_tensors(path)
    if path.suffix != ".safetensors":
        return checkpoint_tensors(read_checkpoint(path), path)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"weights: {path} is cut short or damaged, or no safetensors file") from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"weights: there is no file {path}") from error


def checkpoint_tensors(content: Mapping[str, object], path: Path) -> dict[str, Tensor]:
    """The model's tensors in a checkpoint: under `model_state`, `state_dict` or `model`, or the checkpoint itself."""
    for key in ("model_state", "state_dict", "model"):
        inner = content.get(key)
        if isinstance(inner, Mapping):
            content = inner
            break
    tensors = {name: tensor for name, tensor in content.items() if isinstance(tensor, Tensor)}
    if not tensors or len(tensors) < len(content):
        odd = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
        raise ValueError(f"weights: {path} holds no model_state; at its top are {listed(odd) or 'no keys'}")
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


def npz_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a ViT in Google's format, under timm's names; timm does the conversion."""
    from timm.models.vision_transformer import VisionTransformer  # here: timm is slow to import

    try:
        with np.load(path, allow_pickle=False) as arrays:
            patch, _, _, width = arrays["embedding/kernel"].shape
            side = round((arrays["Transformer/posembed_input/pos_embedding"].shape[1] - 1) ** 0.5)
            blocks = {name.split("/")[1] for name in arrays.files if name.startswith("Transformer/encoderblock_")}
            query = "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/query/kernel"
            _, heads, _ = arrays[query].shape
            hidden = arrays["Transformer/encoderblock_0/MlpBlock_3/Dense_0/kernel"].shape[1]
    except (KeyError, ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"weights: {path} is cut short or damaged, or no ViT in Google's npz format") from error
    vit = VisionTransformer(
        img_size=side * patch,
        patch_size=patch,
        embed_dim=width,
        depth=len(blocks),
        num_heads=heads,
        mlp_ratio=hidden / width,
        num_classes=0,
    )
    vit.load_pretrained(str(path))
    return vit.state_dict()


def fill(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    names: Mapping[str, str],
    *,
    source: str,
    reshaped: Mapping[str, Sequence[str]],
    known_missing: Sequence[str],
    known_unexpected: Sequence[str],
) -> LoadReport:
    """Copy tensors into a model; every key that does not find its place must match a pattern listed as known.

    Args:
        tensors: by the file's names.
        names: the file's name of each of the model's tensors.
        reshaped: tensors that were made from others, and from which.

    Raises:
        ValueError: naming the keys that fit nowhere; the model is then as it was.
    """
    own = model.state_dict()
    fitting = {ours: tensors[theirs] for ours, theirs in names.items() if has_shape(tensors, theirs, own[ours])}
    missing = [theirs for ours, theirs in names.items() if ours not in fitting]
    taken = {names[ours] for ours in fitting}
    unexpected = [name for name in tensors if name not in taken]
    problems = []
    if lost := [name for name in missing if name not in tensors and not is_known(name, known_missing)]:
        problems.append(f"it lacks {listed(lost)}")
    if odd := [name for name in unexpected if name not in missing and not is_known(name, known_unexpected)]:
        problems.append(f"it has {listed(odd)}, which the model has not")
    shapes = {theirs: tuple(own[ours].shape) for ours, theirs in names.items()}
    if unlike := [
        f"{name} {tuple(tensors[name].shape)} for {shapes[name]}"
        for name in missing
        if name in tensors and not is_known(name, known_missing)
    ]:
        problems.append(f"of another shape: {listed(unlike)}")
    if counts := [name for name in taken if not tensors[name].is_floating_point()]:
        problems.append(f"not of floating point: {listed(counts)}")
    elif wild := [name for name in taken if not tensors[name].isfinite().all()]:
        problems.append(f"not finite: {listed(wild)}")
    if problems:
        raise ValueError(f"weights: {source} does not fit this model: {'; '.join(problems)}")
    model.load_state_dict(own | fitting)
    made_from = {origin for made in reshaped if made in taken for origin in reshaped[made]}
    return LoadReport(
        source=source,
        matched=tuple(name for name in names.values() if name in taken and name not in reshaped),
        reshaped=tuple(name for name in names.values() if name in taken and name in reshaped),
        missing=tuple(missing),
        unexpected=tuple(name for name in unexpected if name not in made_from),
    )


def has_shape(tensors: Mapping[str, Tensor], name: str, like: Tensor) -> bool:
    """Whether the file has such a tensor."""
    return name in tensors and tensors[name].shape == like.shape


def is_known(name: str, patterns: Sequence[str]) -> bool:
    """Whether a key is one of those listed."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMED_IN_ERRORS
    return ", ".join(names[:NAMED_IN_ERRORS]) + (f" and {more} more" if more > 0 else "")
