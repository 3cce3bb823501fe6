"""Softmax attention with dropout of its map on CPUs, in blocks of queries: no map of all pairs is in memory.

The fused kernels of CPUs have no dropout. As in FlashAttention (https://arxiv.org/abs/2205.14135), the forward pass
keeps the logarithms of the sums of the softmax, and the backward pass computes each block of the map again, with the
same mask of dropout from the same seed. Masked keys have weights of zero and are left out of the products.
G sequences or heads, n queries, L keys, K channels of queries and keys, b queries of a block.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

BLOCK = 128  # queries: a block of the map of 2,048 keys fits into the cache of a core
LEVELS = 2**16  # of a random number


def dropout_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, rate: float) -> Tensor:
    """Attention of queries (G, n, K) to keys and values (G, L, K): (G, n, K). The seed is drawn from torch's generator.

    Args:
        mask: (G, L), whether a key is a token; None if all are.
        rate: rate of dropout, in steps of 2**-16.
    """
    dtype = torch.promote_types(q.dtype, torch.float32)
    seed = torch.randint(2**62, ())
    out, _ = _forward(*(t.to(dtype) for t in (q, k, v)), mask, seed, rate)
    return out.to(q.dtype)


@torch.library.custom_op("video::dropout_attention", mutates_args=(), device_types="cpu")
def _forward(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, seed: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    out, log_sums = q.new_empty(*q.shape[:2], v.shape[-1]), q.new_empty(q.shape[:2])
    scale = q.shape[-1] ** -0.5
    for index, queries, keys, kept in _blocks(q, k, mask, seed, rate):
        scores = (q[index, queries] @ k[index, keys].mT).mul_(scale)  # (b, L)
        largest = scores.amax(dim=-1, keepdim=True)
        sums = scores.sub_(largest).exp_().sum(dim=-1, keepdim=True)  # (b, 1)
        out[index, queries] = scores.mul_(kept) @ v[index, keys] / (sums * _kept_share(rate))  # (b, K)
        log_sums[index, queries] = (largest + sums.log()).squeeze(-1)
    return out, log_sums


@torch.library.custom_op("video::dropout_attention_backward", mutates_args=(), device_types="cpu")
def _backward(
    gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, seed: Tensor, rate: float,
    out: Tensor, log_sums: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
    scale = q.shape[-1] ** -0.5
    means = (gradient * out).sum(dim=-1, keepdim=True)  # (G, n, 1)
    gradient = gradient / _kept_share(rate)
    for index, queries, keys, kept in _blocks(q, k, mask, seed, rate):
        rows, of_keys = q[index, queries], k[index, keys]  # (b, K), (L, K)
        weights = torch.addmm(-log_sums[index, queries].unsqueeze(-1), rows, of_keys.mT, alpha=scale).exp_()  # (b, L)
        of_weights = (gradient[index, queries] @ v[index, keys].mT).mul_(kept)
        of_scores = of_weights.sub_(means[index, queries]).mul_(weights)  # (b, L)
        dq[index, queries] = of_scores @ of_keys * scale
        dk[index, keys] += of_scores.mT @ rows * scale
        dv[index, keys] += weights.mul_(kept).mT @ gradient[index, queries]
    return dq, dk, dv


def _blocks(
    q: Tensor, k: Tensor, mask: Tensor | None, seed: Tensor, rate: float
) -> Iterator[tuple[int, slice, Tensor | slice, Tensor]]:
    """Sequence, queries, keys that are tokens, and 1 where an entry of the map is kept, 0 elsewhere: (b, L)."""
    generator = torch.Generator().manual_seed(int(seed))
    for index in range(len(q)):
        keys, length = slice(None), k.shape[1]
        if mask is not None and mask[index].any():
            keys = mask[index].nonzero().squeeze(-1)
            length = len(keys)
        for start in range(0, q.shape[1], BLOCK):
            queries = slice(start, min(start + BLOCK, q.shape[1]))
            entries = (queries.stop - start) * length
            # One random number of 64 bits is four of 16.
            numbers = torch.empty(-(-entries // 4), dtype=torch.int64).random_(-(2**63), None, generator=generator)
            of_entries = numbers.view(torch.int16)[:entries].view(-1, length)
            kept = torch.ge(of_entries, _dropped_levels(rate) - LEVELS // 2, out=q.new_empty(of_entries.shape))
            yield index, queries, keys, kept


def _dropped_levels(rate: float) -> int:
    return round(rate * LEVELS)


def _kept_share(rate: float) -> float:
    return 1 - _dropped_levels(rate) / LEVELS


@_forward.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, seed: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    return q.new_empty(*q.shape[:2], v.shape[-1]), q.new_empty(q.shape[:2])


@_backward.register_fake
def _(gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, *_others: object) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _save(ctx: FunctionCtx, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.rate = inputs  # pyright: ignore[reportAttributeAccessIssue]
    ctx.save_for_backward(*tensors, *output)


def _gradients(ctx: FunctionCtx, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    *inputs, out, log_sums = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
    rate = ctx.rate  # pyright: ignore[reportAttributeAccessIssue]
    return *_backward(gradient, *inputs, rate, out, log_sums), None, None, None


for operator in (_forward, _backward):
    operator.register_autocast("cpu", torch.float32)
_forward.register_autograd(_gradients, setup_context=_save)
