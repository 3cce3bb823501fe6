"""Frozen parameters. Weight files contain trained tensors and a fingerprint of the frozen parameters."""

import hashlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


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
    """Load trained tensors into a model whose frozen parameters are already loaded.

    Args:
        fingerprint: hash of the frozen parameters that the tensors were trained with.

    Raises:
        ValueError: if the model has other frozen parameters.
        RuntimeError: if names or shapes of the tensors do not match the model.
    """
    if fingerprint != (own := frozen_fingerprint(model)):
        raise ValueError(
            f"the frozen weights of this model ({own}) are not those that its other weights were trained with "
            f"({fingerprint}): get the weights that were used then, or train again"
        )
    frozen = {name: parameter for name, parameter in frozen_parameters(model)}
    model.load_state_dict({**frozen, **tensors})
