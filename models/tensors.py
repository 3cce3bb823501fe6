"""Tensors of a model: copying into it with a report of every key, and those that are frozen.

Saved weights of a run are its trained tensors, with a fingerprint of the frozen parameters.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import NamedTuple

import torch
from torch import Tensor, nn

NAMED_IN_ERRORS = 4
LONGEST_NAME = 100

Tensors = Mapping[str, Tensor]


class Converted(NamedTuple):
    """A tensor converted from others of a file, and the names of those."""

    value: Tensor
    origins: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """Report of copying a file's tensors into a model: the keys of both."""

    source: str
    matched: tuple[str, ...]
    """Copied unchanged."""
    reshaped: tuple[str, ...]
    """Converted from tensors of another shape or name."""
    missing: tuple[str, ...]
    """In the model, not copied. All are listed as known."""
    unexpected: tuple[str, ...]
    """In the file, not used. All are listed as known."""
    settings: str = ""
    """Training settings in the file, as text; empty if the file has none."""
    remarks: tuple[str, ...] = ()
    """Conclusions from the values of the tensors."""
    warnings: tuple[str, ...] = ()
    """Signs that the values do not suit the model."""

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


def fill(
    model: nn.Module,
    tensors: Tensors,
    names: Mapping[str, str],
    *,
    source: str,
    convert: Callable[[Tensors, Tensors], dict[str, Converted]] = lambda source, wanted: {},
    known_missing: Sequence[str] = (),
    known_unexpected: Sequence[str] = (),
) -> LoadReport:
    """Copy tensors into a model, or leave it unchanged if a key without a counterpart matches no known pattern.

    Args:
        names: name in the file of each tensor of the model.
        convert: tensors that the file contains in another format, given its tensors and those of the model, both by
            their names in files. They replace those of the same name.
    """
    state = model.state_dict()
    converted = convert(tensors, {theirs: state[ours] for ours, theirs in names.items()})
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


def frozen_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Frozen parameters of a model, with their names."""
    return ((name, parameter) for name, parameter in model.named_parameters() if not parameter.requires_grad)


def trained_tensors(model: nn.Module) -> dict[str, Tensor]:
    """State of a model without its frozen parameters: trained parameters and all buffers."""
    frozen = {name for name, _ in frozen_parameters(model)}
    return {name: tensor for name, tensor in model.state_dict().items() if name not in frozen}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the names, types, shapes and values of tensors."""
    sha256 = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        values = tensor.detach().cpu().contiguous().flatten()
        sha256.update(f"{name} {values.dtype} {tuple(tensor.shape)}".encode())
        sha256.update(values.view(torch.uint8).numpy().data)
    return sha256.hexdigest()


def frozen_fingerprint(model: nn.Module) -> str | None:
    """Hash of the names and values of all frozen parameters; None if there are none."""
    frozen = dict(frozen_parameters(model))
    return digest(frozen)[:16] if frozen else None


def load_trained(model: nn.Module, tensors: Mapping[str, Tensor], fingerprint: str) -> None:
    """Load trained tensors into a model whose frozen parameters must have the given fingerprint.

    Raises:
        RuntimeError: if names or shapes of the tensors do not match the model.
    """
    if fingerprint != (own := frozen_fingerprint(model)):
        raise ValueError(
            f"the frozen weights of this model ({own}) are not those that its other weights were trained with "
            f"({fingerprint}): get the weights that were used then, or train again"
        )
    frozen = {name: parameter for name, parameter in frozen_parameters(model)}
    model.load_state_dict({**frozen, **tensors})
