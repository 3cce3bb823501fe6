"""Weight files: reading without execution of code in them, and loading of the checkpoints that papers released."""

import errno
import pickle
import re
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from models.saved_weights import WeightsError
from models.tensors import Converted, LoadReport, Tensors, fill, listed

# Keys of the model's tensors in checkpoints of training frameworks; "module" is DeepSpeed's.
CONTAINERS = ("model_state", "state_dict", "model", "module")
DEEPSPEED_FILE = "mp_rank_00_model_states.pt"  # of the model, in the folder that DeepSpeed writes for a checkpoint

REMEDY = "remove it and get it again"
NO_CHECKSUMS = (
    "the file has no checksums (it is older than PyTorch 1.6): only keys, shapes and finiteness are checked; compare "
    "its sha256 with that of another download"
)


def read_checkpoint(path: Path) -> tuple[dict[str, object], bool]:
    """Top-level dictionary of a torch file, read without execution of code in it, and whether it had checksums.

    Raises:
        WeightsError: if the file is no checkpoint, is damaged, or contains more than tensors and plain values.
        OSError: if the file cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"weights: there is no file {path}")
    if path.is_dir():
        found = next((file for pattern in ("", "*/") for file in path.glob(f"{pattern}{DEEPSPEED_FILE}")), None)
        raise WeightsError(f"weights: {path} is a folder, not a checkpoint" + (f"; name {found}" if found else ""))
    has_checksums = check_checksums(path)
    try:
        # Warnings are of TorchScript archives, refused below. A Namespace, of training arguments, runs no code.
        ignored = warnings.catch_warnings(action="ignore", category=UserWarning)
        with ignored, torch.serialization.safe_globals([Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if found := re.search(r"GLOBAL (\S+)", str(error)):
            reason = f"a pickled {found[1]}, which could run code; only tensors and plain values are read"
            raise WeightsError(f"weights: {path} holds {reason}") from error
        raise WeightsError(
            f"weights: {path} is damaged, no checkpoint, or holds pickled objects, which are not read; {REMEDY}"
        ) from error
    except Exception as error:  # damaged files raise errors of many types
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno != errno.EINVAL):
            raise
        if "TorchScript" in str(error):
            remedy = f"save its tensors first: torch.save(torch.jit.load({path.name!r}).state_dict(), FILE)"
            raise WeightsError(f"weights: {path} is a TorchScript archive, which contains code; {remedy}") from error
        raise WeightsError(f"weights: {path} is cut short or damaged, or no checkpoint of PyTorch; {REMEDY}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"weights: {path} holds a {type(content).__name__}, not a checkpoint")
    return content, has_checksums


def check_checksums(path: Path) -> bool:
    """Compare every record of a zip archive with its CRC-32, as `torch.save` writes them since PyTorch 1.6.

    Returns whether the file has such checksums, which `torch.load` does not compare. Older files have none; archives
    written after `torch.serialization.set_crc32_options(False)` contain zeros.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    try:
        with ZipFile(path) as archive:
            if not any(record.CRC for record in archive.infolist()):
                return False
            damaged = archive.testzip()
    except Exception as error:  # damaged archives raise errors of many types
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise WeightsError(f"weights: {path} is cut short or damaged, or no checkpoint of PyTorch; {REMEDY}") from error
    if damaged is not None:
        raise WeightsError(f"weights: {path} is damaged: {damaged} differs from its checksum; {REMEDY}")
    return True


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Named tensors of a `.safetensors`, a Google `.npz` or a torch file."""
    if path.suffix == ".npz":
        check_checksums(path)
        return npz_tensors(path)
    if path.suffix != ".safetensors":
        content, _ = read_checkpoint(path)
        return checkpoint_tensors(content, path)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise WeightsError(f"weights: {path} is cut short or damaged, or no safetensors file; {REMEDY}") from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"weights: there is no file {path}") from error


def checkpoint_tensors(content: Mapping[str, object], path: Path) -> dict[str, Tensor]:
    """Tensors of the model in a checkpoint: under a key of `CONTAINERS`, or at the top level."""
    for key in CONTAINERS:
        inner = content.get(key)
        if isinstance(inner, Mapping):
            content = inner
            break
    tensors = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if not tensors or len(tensors) < len(content):
        others = [str(name) for name in content if name not in tensors]
        raise WeightsError(f"weights: {path} holds no model_state; its top-level keys: {listed(others) or 'none'}")
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


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
        raise WeightsError(f"weights: {path} is cut short or damaged, or no ViT in Google's npz format") from error
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


Rules = Sequence[tuple[str, str]]  # patterns of names in a model, and their replacements in files
OUTSIDE = "* outside of *"  # pattern of the names that `without_prefix` gives to other tensors


def load_released(
    model: nn.Module,
    path: Path,
    names: Mapping[str, str],
    *,
    prefixes: Sequence[str] = (),
    convert: Callable[[Tensors, Tensors], dict[str, Converted]] = lambda source, wanted: {},
    unused: Sequence[str] = (),
    check: Callable[[Tensors, str], None] = lambda tensors, settings: None,
) -> LoadReport:
    """Copy a released torch file into a model. The report has its training settings, and what could not be checked.

    Args:
        names: name in the file of each tensor of the model.
        prefixes: prefixes of the names of all tensors in the file, to be removed.
        convert: see `fill`.
        unused: patterns of names in the file that the model does not use.
        check: refuses a file by its tensors and settings, before any is copied.
    """
    content, has_checksums = read_checkpoint(path)
    tensors, cfg = checkpoint_tensors(content, path), content.get("cfg")
    settings = cfg if isinstance(cfg, str) else ""
    for prefix in prefixes:
        tensors = without_prefix(tensors, prefix)
    check(tensors, settings)
    report = fill(model, tensors, names, source=path.name, convert=convert, known_unexpected=unused)
    return replace(report, settings=settings, remarks=() if has_checksums else (NO_CHECKSUMS,))


def renamed(names: Iterable[str], rules: Rules) -> dict[str, str]:
    """New names of tensors by their old ones, after all replacements in their order."""
    new = {}
    for name in names:
        new[name] = name
        for pattern, replacement in rules:
            new[name] = re.sub(pattern, replacement, new[name])
    return new


def without_prefix(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    """Tensors with the names below a prefix, and others marked as outside of it. Unchanged if there are none below."""
    if not any(name.startswith(prefix) for name in tensors):
        return dict(tensors)
    return {
        name.removeprefix(prefix) if name.startswith(prefix) else f"{name} outside of {prefix}": tensor
        for name, tensor in tensors.items()
    }
