"""Comparison of two ways to compute the same."""

from collections.abc import Sequence

import torch
from torch import Tensor


def assert_same(
    ours: Tensor, naive: Tensor, inputs: Sequence[Tensor], tolerance: float = 1e-12, *, upstream_scale: float = 1.0
) -> None:
    """Compare values, and gradients of the inputs. A gradient of ours is never None: AdamW decays every parameter, and
    distributed training needs all gradients."""
    torch.testing.assert_close(ours, naive, rtol=0, atol=tolerance)
    upstream = upstream_scale * torch.randn_like(ours)
    gradients = torch.autograd.grad(ours, inputs, upstream)
    expected = torch.autograd.grad(naive, inputs, upstream, materialize_grads=True)
    for got, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=tolerance)
