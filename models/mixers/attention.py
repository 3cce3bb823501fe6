"""What every attention mixer has: the interface of its Config, CLS alone, and tokens split into heads.

A mixer maps (B, N, D) tokens and their Grid to (B, N, D). N = 1 + T*S: CLS first, then frame after frame.
B batch, T frames, S patches per frame, N tokens, D width, H heads, K = D / H.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.tokens import Grid

STRIDED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


class Mixer(nn.Module, ABC):
    """Lets tokens look at one another."""

    drops_path: ClassVar[bool] = True

    @abstractmethod
    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Mix the tokens x (B, N, D), laid out as `grid` after CLS."""

    @abstractmethod
    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """What `forward` makes of CLS, without the rest: (B, 1, D). Every parameter still gets a gradient."""


@dataclass(frozen=True, kw_only=True)
class MixerConfig(ABC):
    """How the tokens of a block are mixed: by one mixer, or by several one after another."""

    label: ClassVar[str]
    num_mixers: ClassVar[int] = 1

    @abstractmethod
    def build(self, width: int, heads: int) -> Sequence[Mixer]:
        """The mixers of one block, in the order in which they run."""

    @abstractmethod
    def macs(self, grid: Grid, width: int, heads: int) -> int:
        """Multiply-adds of one block's mixers as published, which may be more than ours execute."""

    def check(self, grid: Grid) -> None:  # noqa: B027  (most take any clip)
        """Refuse clips that are too small.

        Raises:
            ValueError: saying what would fit.
        """


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(..., N, D) as heads (..., H, N, K)."""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """Heads (..., H, N, K) side by side again: (..., N, D)."""
    return x.transpose(-3, -2).flatten(-2)


def cls_attention(x: Tensor, qkv: nn.Linear, heads: int) -> Tensor:
    """What CLS finds among all tokens x (B, N, D), by softmax attention: (B, 1, D).

    No token is projected but CLS: <W_q c + b_q, W_k x + b_k> is <W_k^T (W_q c + b_q), x> plus what the softmax cancels,
    and the weights sum to one, so that values are projected after they are summed.
    """
    query_weight, key_weight, value_weight = qkv.weight.unflatten(0, (3, heads, -1)).unbind()  # (H, K, D) each
    query_bias, _, value_bias = qkv.bias.unflatten(0, (3, heads, -1)).unbind()  # (H, K) each
    query = torch.einsum("bd,hkd->bhk", x[:, 0], query_weight) + query_bias
    query = query * key_weight.shape[1] ** -0.5
    scores = torch.einsum("bhk,hkd->bhd", query, key_weight) @ x.mT  # (B, H, N)
    found = scores.softmax(dim=-1) @ x  # (B, H, D)
    values = torch.einsum("bhd,hkd->bhk", found, value_weight) + value_bias
    return values.flatten(1).unsqueeze(1)  # (B, 1, D)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every query in every frame: (G, n, K) queries, (T, G, L, K) keys and values to (T, n, G, K).

    G = B*H stands where the fused kernels take heads, T where they take the batch: each computes all frames in one
    call and writes (T, n, G, K), in which a token's heads lie side by side, so that nothing is rearranged or copied.
    """
    queries = q.expand(k.shape[0], -1, -1, -1)  # (T, G, n, K), in the memory of one frame's
    return strided_attention(queries, k, v).transpose(1, 2)


def strided_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Fused attention by kernels that take strides as they are: (B, H, n, K), twice (B, H, L, K) to (B, H, n, K).

    cuDNN's plans may refuse tensors that overlap in memory, and single queries.
    """
    with sdpa_kernel(STRIDED) if q.is_cuda else nullcontext():
        return F.scaled_dot_product_attention(q, k, v)


class _Unread(torch.autograd.Function):
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
    """x itself, through which parameters that it does not depend on get zeros for a gradient.

    The published code computes what nothing reads, and so gives these zeros; without them AdamW would not decay the
    parameters, and distributed training would wait for their gradients.
    """
    return _Unread.apply(x, *parameters)  # pyright: ignore[reportReturnType]
