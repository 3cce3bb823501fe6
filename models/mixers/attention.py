"""Interface of attention mixers and their configs, and functions that mixers share.

A mixer maps tokens (B, N, D) and the Grid of their clip to (B, N, D). N = 1 + T*S: CLS first, then frame after frame.
Mixers of a frame-wise trunk take (B*T, 1 + S, D) instead: the tokens of each frame, with a CLS per frame.
B batch, T frames, S patches per frame, N tokens, D width, H heads, K = D / H.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn.attention import SDPBackend, sdpa_kernel

from interface.ranges import CheckedConfig
from models.cost import executed_macs
from models.tokens import Grid

STRIDED_BACKENDS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
# Added to the scores of masked keys. Their weights are exactly zero, and no score is infinite in half precision.
MASKED = -3e4


class Mixer(nn.Module, ABC):
    """Attention over the tokens of a clip."""

    drops_path: ClassVar[bool] = True
    """Whether stochastic depth applies to the mixer."""
    recompute: bool = False
    """Whether activations are recomputed in the backward pass, if supported. No part of the config: results stay."""

    @abstractmethod
    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D): CLS, then the patches of `grid`."""

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """Output of `forward` for CLS alone: (B, 1, D). Every parameter still gets a gradient."""
        return self.forward(x, grid)[:, :1]


@dataclass(frozen=True, kw_only=True)
class MixerConfig(CheckedConfig, ABC):
    """Config of the mixer of a block, or of several mixers in sequence."""

    config_path: ClassVar[str] = "model.attention"
    label: ClassVar[str]
    num_mixers: ClassVar[int] = 1
    needs_cls: ClassVar[bool] = True
    """Whether the first token must be CLS."""

    @abstractmethod
    def build(self, width: int, heads: int) -> Sequence[Mixer]:
        """Mixers of one block, in order of execution."""

    def macs(self, grid: Grid, width: int, heads: int) -> int:
        """Published multiply-adds of the mixers of one block; by default those that ours execute."""
        with torch.device("meta"):
            mixers, x = self.build(width, heads), torch.empty(1, 1 + grid.tokens, width)
        return sum(executed_macs(mixer, (x, grid)) for mixer in mixers)

    def check(self, grid: Grid, heads: int) -> None:
        """Refuse settings that exclude each other, clips that are too small, and models with too few heads."""

    def tiny(self) -> Self:
        """Config for a model of `tiny()` size; by default the same."""
        return self


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Tokens (..., N, D) split into heads (..., H, N, K)."""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """Heads (..., H, N, K) concatenated: (..., N, D)."""
    return x.transpose(-3, -2).flatten(-2)


def cls_attention(x: Tensor, qkv: nn.Linear, heads: int) -> Tensor:
    """Output of softmax attention over all tokens x (B, N, D) for CLS alone: (B, 1, D).

    Only CLS is projected. Its scores <W_q c + b_q, W_k x + b_k> are <W_k^T (W_q c + b_q), x> plus a constant, which the
    softmax cancels. The weights sum to one, so the weighted sum is projected to values instead of each token.
    """
    query_weight, key_weight, value_weight = qkv.weight.unflatten(0, (3, heads, -1)).unbind()  # (H, K, D) each
    query_bias, _, value_bias = qkv.bias.unflatten(0, (3, heads, -1)).unbind()  # (H, K) each
    query = torch.einsum("bd,hkd->bhk", x[:, 0], query_weight) + query_bias
    query = query * key_weight.shape[1] ** -0.5
    scores = torch.einsum("bhk,hkd->bhd", query, key_weight) @ x.mT  # (B, H, N)
    weighted_sum = scores.softmax(dim=-1) @ x  # (B, H, D)
    values = torch.einsum("bhd,hkd->bhk", weighted_sum, value_weight) + value_bias
    return values.flatten(1).unsqueeze(1)  # (B, 1, D)


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0, *, stores_map: bool = False
) -> Tensor:
    """Attention of each query to each frame: queries (G, n, K), keys and values (T, G, L, K) to (T, n, G, K).

    Queries (T, G, n, K) attend to their own frame. Keys (G, L, K), with a mask (G, L), are those of all frames.
    The heads of the fused kernels are G = B*H, their batch is T. One call computes all frames and writes (T, n, G, K),
    in which the heads of a token are adjacent. Nothing is rearranged or copied.

    Args:
        mask: (T, G, L), whether a key is a token; None if all are.
        dropout: rate of dropout of the attention map.
        stores_map: whether the map stays in memory for the backward pass, as published. Results are equal.
    """
    if stores_map:
        return torch.einsum("gntl,tglk->tngk", F.dropout(attention_maps(q, k, mask), dropout), v)
    queries, keys = (x.expand(len(v), -1, -1, -1) for x in (q, k))  # (T, G, n, K), (T, G, L, K), views
    mask = None if mask is None else mask.expand(len(v), -1, -1)
    return strided_attention(queries, keys, v, mask=mask, dropout=dropout).transpose(1, 2)


def attention_maps(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention maps (G, n, T, L) of queries and keys, as in `attend`; (G, n, 1, L) if keys are those of all frames."""
    q, k = (x.view(-1, *x.shape[-3:]) for x in (q, k))  # (T, G, n, K), (T, G, L, K)
    scores = torch.einsum("tgnk,tglk->gntl", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + key_bias(mask.view(-1, *mask.shape[-2:]), q.dtype).permute(1, 2, 0, 3)
    return scores.softmax(dim=-1)


def strided_attention(q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """Fused attention for any strides: queries (B, H, n, K), keys and values (B, H, L, K) to (B, H, n, K).

    cuDNN is excluded, because it may reject tensors that overlap in memory, and single queries. The kernels of CPUs
    have no dropout.

    Args:
        mask: (B, H, L), whether a key is a token; None if all are.
        dropout: rate of dropout of the attention map.
    """
    if dropout and q.device.type == "cpu":
        from models.mixers.dropout_attention import dropout_attention  # here: only models of sequences have dropout

        keys = None if mask is None else mask.flatten(0, 1)
        outputs = dropout_attention(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), keys, dropout)
        return outputs.unflatten(0, q.shape[:2])
    bias = None if mask is None else key_bias(mask, q.dtype)
    with sdpa_kernel(STRIDED_BACKENDS) if q.is_cuda else contextlib.nullcontext():
        return F.scaled_dot_product_attention(q, k, v, bias, dropout)


def key_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Additive bias (..., 1, L) of the scores of keys, given whether they are tokens: (..., L)."""
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, MASKED).unsqueeze(-2)


class _ZeroGradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.shapes = [(p.shape, p.dtype, p.device) for p in parameters]  # pyright: ignore[reportAttributeAccessIssue]
        return x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: as torch documents it
        ctx: FunctionCtx, *gradients: Tensor
    ) -> tuple[Tensor, ...]:
        shapes = ctx.shapes  # pyright: ignore[reportAttributeAccessIssue]
        return (*gradients, *(torch.zeros(shape, dtype=dtype, device=device) for shape, dtype, device in shapes))


def with_zero_gradients(x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """x unchanged, with gradients of zero for parameters that it does not depend on.

    The published code gives the same zeros, because it computes outputs that are not used. Without gradients AdamW
    would not decay the parameters, and distributed training would wait for them.
    """
    return _ZeroGradients.apply(x, *parameters)  # pyright: ignore[reportReturnType]
