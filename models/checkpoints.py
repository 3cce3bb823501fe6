"""Weight files: reading without execution of code in them, and copying into models with a report of every key."""

import errno
import pickle
import re
import warnings
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

NAMED_IN_ERRORS = 4
LONGEST_NAME = 100
# Keys of the model's tensors in checkpoints of training frameworks; "module" is DeepSpeed's.
CONTAINERS = ("model_state", "state_dict", "model", "module")
DEEPSPEED_FILE = "mp_rank_00_model_states.pt"  # of the model, in the folder that DeepSpeed writes for a checkpoint

NO_CHECKSUMS = (
    "the file has no checksums (it is older than PyTorch 1.6): only keys, shapes and finiteness are checked; compare "
    "its sha256 with that of another download"
)


class Converted(NamedTuple):
    """A tensor converted from others of a file, and the names of those."""

    value: Tensor
    origins: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """Report of copying a file's tensors into a model: the keys of both.

    `matched`: copied unchanged. `reshaped`: converted from tensors of another shape or name.
    `missing`: in the model, not copied. `unexpected`: in the file, not used. Both contain only keys listed as known.
    `settings`: training settings in the file, as text; empty if the file has none.
    `remarks`: conclusions from the values of the tensors. `warnings`: signs that the values do not suit the model.
    """

    source: str
    matched: tuple[str, ...]
    reshaped: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    settings: str = ""
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.source}: {len(self.matched)} tensors loaded"]
        for names, fate in (
            (self.reshaped, "reshaped"),
            (self.missing, "left unchanged"),
            (self.unexpected, "of the file unused"),
        ):
            if names:
                parts.append(f"{len(names)} {fate} ({listed(names)})")
        return ", ".join(parts)


def read_checkpoint(path: Path) -> dict[str, object]:
    """Top-level dictionary of a torch file, read without execution of code in it.

    Raises:
        ValueError: if the file is no checkpoint, is damaged, or contains more than tensors and plain values.
        OSError: if the file cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"weights: there is no file {path}")
    if path.is_dir():
        found = next((file for pattern in ("", "*/") for file in path.glob(f"{pattern}{DEEPSPEED_FILE}")), None)
        raise ValueError(f"weights: {path} is a folder, not a checkpoint" + (f"; name {found}" if found else ""))
    check_checksums(path)
    try:
        # Warnings are of TorchScript archives, refused below. A Namespace, of training arguments, runs no code.
        ignored = warnings.catch_warnings(action="ignore", category=UserWarning)
        with ignored, torch.serialization.safe_globals([Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if found := re.search(r"GLOBAL (\S+)", str(error)):
            reason = f"a pickled {found[1]}, which could run code; only tensors and plain values are read"
            raise ValueError(f"weights: {path} holds {reason}") from error
        raise ValueError(
            f"weights: {path} is damaged, no checkpoint, or holds pickled objects; none are read"
        ) from error
    except Exception as error:  # damaged files raise errors of many types
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno != errno.EINVAL):
            raise
        if "TorchScript" in str(error):
            remedy = f"save its tensors first: torch.save(torch.jit.load({path.name!r}).state_dict(), FILE)"
            raise ValueError(f"weights: {path} is a TorchScript archive, which contains code; {remedy}") from error
        raise ValueError(f"weights: {path} is cut short or damaged, or no checkpoint of PyTorch") from error
    if not isinstance(content, dict):
        raise ValueError(f"weights: {path} holds a {type(content).__name__}, not a checkpoint")
    return content


def check_checksums(path: Path) -> None:
    """Compare every record of a zip archive with its CRC-32, which `torch.load` does not do.

    Files without checksums are accepted, see `has_checksums`.

    Raises:
        ValueError: if a record differs, or the archive cannot be read.
        OSError: if the file cannot be read.
    """
    if not has_checksums(path):
        return
    try:
        with ZipFile(path) as archive:
            damaged = archive.testzip()
    except Exception as error:  # damaged archives raise errors of many types
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        damaged = "a record"
    if damaged is not None:
        raise ValueError(f"weights: {path} is damaged: {damaged} differs from its checksum; get the file again")


def has_checksums(path: Path) -> bool:
    """Whether a file is a zip archive with checksums, as `torch.save` writes them since PyTorch 1.6.

    Older files have none. Archives written after `torch.serialization.set_crc32_options(False)` contain zeros.

    Raises:
        ValueError: if the archive is damaged.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    try:
        with ZipFile(path) as archive:
            return any(record.CRC for record in archive.infolist())
    except Exception as error:  # damaged archives raise errors of many types
        raise ValueError(f"weights: {path} is cut short or damaged, or no checkpoint of PyTorch") from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Named tensors of a `.safetensors`, a Google `.npz` or a torch file.

    Raises:
        ValueError: if the file is none of these.
        OSError: if the file cannot be read.
    """
    if path.suffix == ".npz":
        check_checksums(path)
        return npz_tensors(path)
    if path.suffix != ".safetensors":
        return checkpoint_tensors(read_checkpoint(path), path)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"weights: {path} is cut short or damaged, or no safetensors file") from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"weights: there is no file {path}") from error


class ReleasedCheckpoint(NamedTuple):
    """Tensors of a released torch file, its training settings as text, and remarks on what could not be checked."""

    tensors: dict[str, Tensor]
    settings: str
    remarks: tuple[str, ...]


def read_released(path: Path) -> ReleasedCheckpoint:
    """Tensors and settings of a released torch file.

    Raises:
        ValueError, OSError: see `read_checkpoint`.
    """
    content = read_checkpoint(path)
    settings = content.get("cfg", "")
    remarks = () if has_checksums(path) else (NO_CHECKSUMS,)
    return ReleasedCheckpoint(checkpoint_tensors(content, path), settings if isinstance(settings, str) else "", remarks)


def checkpoint_tensors(content: Mapping[str, object], path: Path) -> dict[str, Tensor]:
    """Tensors of the model in a checkpoint: under a key of `CONTAINERS`, or at the top level."""
    for key in CONTAINERS:
        inner = content.get(key)
        if isinstance(inner, Mapping):
            content = inner
            break
    tensors = {name: tensor for name, tensor in content.items() if isinstance(tensor, Tensor)}
    if odd := [name for name in content if not isinstance(name, str)]:
        raise ValueError(f"weights: {path} has a key that is no text but of type {type(odd[0]).__name__}")
    if not tensors or len(tensors) < len(content):
        others = [name for name, value in content.items() if not isinstance(value, Tensor)]
        raise ValueError(f"weights: {path} holds no model_state; its top-level keys: {listed(others) or 'none'}")
    if odd := [name for name, tensor in tensors.items() if not is_dense(tensor)]:
        raise ValueError(f"weights: {path} has tensors that are not dense, or without values: {listed(odd)}")
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


def is_dense(tensor: Tensor) -> bool:
    """Whether a tensor has values, and is not sparse, nested or quantised."""
    is_strided = tensor.layout == torch.strided and not tensor.is_nested
    return is_strided and not tensor.is_quantized and not tensor.is_meta


def npz_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a ViT in Google's format, under timm's names. timm does the conversion."""
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
    converted: Mapping[str, Converted] | None = None,
    known_missing: Sequence[str] = (),
    known_unexpected: Sequence[str] = (),
) -> LoadReport:
    """Copy tensors into a model. Every key without a counterpart must match a pattern listed as known.

    Args:
        tensors: tensors by their names in the file.
        names: name in the file of each tensor of the model.
        converted: tensors that the file contains in another format. They replace those of the same name.

    Raises:
        ValueError: with the keys that do not match; the model is then unchanged.
    """
    state, converted = model.state_dict(), converted or {}
    tensors = {**tensors, **{name: tensor.value for name, tensor in converted.items()}}
    known_unexpected = (*known_unexpected, *(origin for tensor in converted.values() for origin in tensor.origins))
    matching = {ours: tensors[theirs] for ours, theirs in names.items() if has_shape(tensors, theirs, state[ours])}
    missing = [theirs for ours, theirs in names.items() if ours not in matching]
    used = {names[ours] for ours in matching}
    unexpected = [name for name in tensors if name not in used]
    problems = []
    if lacking := [name for name in missing if name not in tensors and not is_known(name, known_missing)]:
        problems.append(f"it lacks {listed(lacking)}")
    if extra := [name for name in unexpected if name not in missing and not is_known(name, known_unexpected)]:
        problems.append(f"it has {listed(extra)}, which the model does not have")
    shapes = {theirs: tuple(state[ours].shape) for ours, theirs in names.items()}
    if misshapen := [
        f"{name} {tuple(tensors[name].shape)} for {shapes[name]}"
        for name in missing
        if name in tensors and not is_known(name, known_missing)
    ]:
        problems.append(f"of another shape: {listed(misshapen)}")
    floats = [theirs for ours, theirs in names.items() if theirs in used and state[ours].is_floating_point()]
    if not_floats := [name for name in floats if not tensors[name].is_floating_point()]:
        problems.append(f"not floating point: {listed(not_floats)}")
    elif not_finite := [name for name in floats if not tensors[name].float().isfinite().all()]:
        problems.append(f"not finite: {listed(not_finite)}")
    integers = [theirs for ours, theirs in names.items() if theirs in used and not state[ours].is_floating_point()]
    if not_integers := [name for name in integers if tensors[name].is_floating_point()]:
        problems.append(f"floating point instead of integers: {listed(not_integers)}")
    if problems:
        raise ValueError(f"weights: {source} does not fit this model: {'; '.join(problems)}")
    model.load_state_dict(state | matching)
    origins = {origin for name, tensor in converted.items() if name in used for origin in tensor.origins}
    return LoadReport(
        source=source,
        matched=tuple(name for name in names.values() if name in used and name not in converted),
        reshaped=tuple(name for name in names.values() if name in used and name in converted),
        missing=tuple(missing),
        unexpected=tuple(name for name in unexpected if name not in origins),
    )


def copy_all_but_classes(model: nn.Module, tensors: Mapping[str, Tensor]) -> LoadReport:
    """Copy the tensors of a parent run into the same model, whose head may be for other classes and then stays random.

    Raises:
        ValueError: with the tensors outside of the head that do not match.
    """
    names = {name: name for name in model.state_dict()}
    return fill(model, tensors, names, source="the parent run", known_missing=("head.*",), known_unexpected=("head.*",))


def has_shape(tensors: Mapping[str, Tensor], name: str, like: Tensor) -> bool:
    """Whether the file has a tensor of this name with the shape of `like`."""
    return name in tensors and tensors[name].shape == like.shape


def is_known(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def listed(names: Sequence[str]) -> str:
    """First few names, and the number of others."""
    more = len(names) - NAMED_IN_ERRORS
    shown = (n if len(n) <= LONGEST_NAME else f"{n[:LONGEST_NAME]}…" for n in names[:NAMED_IN_ERRORS])
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
