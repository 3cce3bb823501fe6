"""Second stage of trajectory attention, without projection of the T*M trajectory tokens.

Equations 5 and 6 of Motionformer (https://arxiv.org/abs/2106.05392) in another order of multiplication. The score
<W_q y_own + b_q, W_k y_t + b_k> of a head is <W_k^T (W_q y_own + b_q), y_t> plus a term that is the same for every
frame, which the softmax cancels. The weights a_t sum to one, so sum_t a_t (W_v y_t + b_v) is W_v (sum_t a_t y_t) + b_v.
This takes 2*M*D^2 multiply-adds instead of the published 3*M*D^2 + 2*M*(T-1)*D^2.
T frames, S patches per frame, M = T*S*B trajectories, D width, H heads, K = D / H, C trajectories per chunk.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from models.mixers.trajectory_space import without_autocast

# Number of trajectories per chunk: on a CPU, their token queries fit into the caches; on a GPU, they keep it busy.
CHUNK_SIZE = {"cpu": 192, "cuda": 16384}


class Pooling(NamedTuple):
    """Options of temporal attention: the number of heads, and whether values are projected."""

    heads: int
    project_values: bool


def temporal_attention(trajectories: Tensor, proj_q: nn.Linear, proj_kv: nn.Linear, pooling: Pooling) -> Tensor:
    """Attention along trajectories (T, M, D), sorted by own frame: (M, D). The query is the token of the own frame.

    Parameters without influence get gradients of zero, as in the published code up to rounding. They are the bias of
    the keys and, with unprojected values, the lower half of `proj_kv`.
    """
    parameters = (proj_q.weight, proj_q.bias, proj_kv.weight, proj_kv.bias)
    with without_autocast(trajectories):  # forward and backward compute in the dtype of the trajectories
        return _TemporalAttention.apply(trajectories, *parameters, pooling)  # pyright: ignore[reportReturnType]


def stored_temporal_attention(trajectories: Tensor, proj_q: nn.Linear, proj_kv: nn.Linear, pooling: Pooling) -> Tensor:
    """The same as published: keys and values of all trajectory tokens are projected, and stay in memory."""
    query = proj_q(diagonal_tokens(trajectories)).unflatten(-1, (pooling.heads, -1))  # (M, H, K)
    keys, values = proj_kv(trajectories).chunk(2, dim=-1)  # (T, M, D) each
    values = (values if pooling.project_values else trajectories).unflatten(-1, (pooling.heads, -1))  # (T, M, H, K)
    scores = torch.einsum("mhk,tmhk->mht", query * query.shape[-1] ** -0.5, keys.unflatten(-1, (pooling.heads, -1)))
    return torch.einsum("mht,tmhk->mhk", scores.softmax(dim=-1), values).flatten(1)  # (M, D)


class _TemporalAttention(torch.autograd.Function):
    """Saves trajectories, queries and attention weights for the backward pass, which recomputes the rest."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        y: Tensor,
        q_weight: Tensor,
        q_bias: Tensor,
        kv_weight: Tensor,
        kv_bias: Tensor,
        pooling: Pooling,
    ) -> Tensor:
        dtype, heads = y.dtype, pooling.heads
        query = F.linear(diagonal_tokens(y), q_weight.to(dtype), q_bias.to(dtype))  # (M, D)
        query *= (y.shape[-1] // heads) ** -0.5
        key_weight, value_weight = head_weights(kv_weight, heads, dtype)  # (H, K, D) each
        value_bias = kv_bias.chunk(2)[1].to(dtype)
        pooled = torch.empty_like(query)  # (M, D)
        weights = query.new_empty(len(query), heads, len(y))  # (M, H, T)
        for part in chunks(y):
            tokens = y[:, part]  # (T, C, D)
            scores = torch.bmm(token_queries(query[part], key_weight), tokens.permute(1, 2, 0))  # (C, H, T)
            a = scores.softmax(dim=-1, dtype=at_least_float32(dtype)).to(dtype)
            weights[part] = a
            if pooling.project_values:
                weighted_sum = torch.bmm(a, tokens.transpose(0, 1))  # (C, H, D)
                values = torch.bmm(weighted_sum.transpose(0, 1), value_weight.mT)  # (H, C, K)
                pooled[part] = values.transpose(0, 1).flatten(1) + value_bias
            else:
                pooled[part] = torch.bmm(a.flatten(0, 1).unsqueeze(1), by_head(tokens, heads)).view(-1, y.shape[-1])
        ctx.save_for_backward(y, query, weights, q_weight, kv_weight)
        ctx.pooling = pooling  # pyright: ignore[reportAttributeAccessIssue]
        return pooled

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: as torch documents it
        ctx: FunctionCtx, *gradients: Tensor
    ) -> tuple[Tensor | None, ...]:
        y, query, weights, q_weight, kv_weight = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        heads, project_values = ctx.pooling  # pyright: ignore[reportAttributeAccessIssue]
        grad_pooled = gradients[0].to(y.dtype).contiguous()  # (M, D)
        dtype, width = y.dtype, y.shape[-1]
        wide_dtype = at_least_float32(dtype)
        key_weight, value_weight = head_weights(kv_weight, heads, dtype)  # (H, K, D) each
        grad_y, grad_query = torch.empty_like(y), torch.empty_like(query)
        grad_kv_weight = torch.zeros_like(kv_weight)
        grad_key_weight, grad_value_weight = grad_kv_weight.unflatten(0, (2, heads, -1)).unbind()  # (H, K, D) each
        for part in chunks(y):
            tokens = y[:, part].transpose(0, 1)  # (C, T, D)
            q, g = split(query[part], heads), split(grad_pooled[part], heads)  # (H, C, K)
            a = weights[part]  # (C, H, T)
            if project_values:
                grad_weighted_sum = torch.bmm(g, value_weight).transpose(0, 1)  # (C, H, D)
                grad_weights = torch.bmm(grad_weighted_sum, tokens.mT)  # (C, H, T)
                weighted_sum = torch.bmm(a, tokens)  # (C, H, D)
                grad_value_weight += torch.bmm(g.mT, weighted_sum.transpose(0, 1))
            else:
                columns = grad_pooled[part].view(-1, width // heads, 1)  # (C*H, K, 1)
                grad_weighted_sum = None
                grad_weights = torch.bmm(by_head(y[:, part], heads), columns).view_as(a)  # (C, H, T)
            a_wide, grad_weights = a.to(wide_dtype), grad_weights.to(wide_dtype)
            grad_scores = a_wide * (grad_weights - (a_wide * grad_weights).sum(dim=-1, keepdim=True))
            grad_scores = grad_scores.to(dtype)  # (C, H, T)
            # Not into `grad_y` directly: without a contiguous output, a CPU multiplies one matrix after the other.
            grad_tokens = torch.bmm(grad_scores.mT, token_queries(query[part], key_weight))  # (C, T, D)
            if grad_weighted_sum is not None:
                grad_y[:, part] = grad_tokens.baddbmm_(a.mT, grad_weighted_sum).transpose(0, 1)
            else:
                by_heads = grad_pooled[part].unflatten(-1, (heads, -1))  # (C, H, K)
                for t, grad in enumerate(grad_tokens.unflatten(-1, (heads, -1)).unbind(1)):  # (C, H, K)
                    torch.addcmul(grad, a[..., t, None], by_heads, out=grad_y[t, part].unflatten(-1, (heads, -1)))
            grad_token_queries = torch.bmm(grad_scores, tokens).transpose(0, 1)  # (H, C, D)
            grad_query[part] = torch.bmm(grad_token_queries, key_weight.mT).transpose(0, 1).flatten(1)
            grad_key_weight += torch.bmm(q.mT, grad_token_queries)
        grad_query *= (width // heads) ** -0.5
        diagonal_view(grad_y).add_((grad_query @ q_weight.to(dtype)).view_as(diagonal_view(grad_y)))
        grad_q_weight = (grad_query.mT @ diagonal_tokens(y)).to(q_weight.dtype)
        grad_q_bias = grad_query.sum(dim=0, dtype=wide_dtype).to(q_weight.dtype)
        grad_kv_bias = kv_weight.new_zeros(2 * width)
        if project_values:
            grad_kv_bias[width:] = grad_pooled.sum(dim=0, dtype=wide_dtype)
        return grad_y, grad_q_weight, grad_q_bias, grad_kv_weight, grad_kv_bias, None


def chunks(y: Tensor) -> Iterator[slice]:
    """Slices that split trajectories (T, M, D) along M."""
    size = CHUNK_SIZE.get(y.device.type, y.shape[1])
    return (slice(start, start + size) for start in range(0, y.shape[1], size))


def diagonal_view(y: Tensor) -> Tensor:
    """View of the token of each trajectory (T, M, D) in its own frame: (T, M/T, D)."""
    return y.unflatten(1, (len(y), -1)).diagonal(dim1=0, dim2=1).permute(2, 0, 1)


def diagonal_tokens(y: Tensor) -> Tensor:
    """Token of each trajectory (T, M, D) in its own frame: (M, D)."""
    return diagonal_view(y).flatten(0, 1)


def head_weights(kv_weight: Tensor, heads: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Projections of keys and of values by head: (H, K, D) each."""
    key_weight, value_weight = kv_weight.to(dtype).unflatten(0, (2, heads, -1)).unbind()
    return key_weight, value_weight


def split(x: Tensor, heads: int) -> Tensor:
    """Vectors (C, D) split into heads (H, C, K)."""
    return x.unflatten(-1, (heads, -1)).transpose(0, 1)


def by_head(tokens: Tensor, heads: int) -> Tensor:
    """View of tokens (T, C, D) by head: (C*H, T, K)."""
    return tokens.unflatten(-1, (heads, -1)).flatten(1, 2).transpose(0, 1)


def token_queries(query: Tensor, key_weight: Tensor) -> Tensor:
    """W_k^T q for each head: queries (C, D) to (C, H, D). Its product with a token is the token's score."""
    return torch.bmm(split(query, key_weight.shape[0]), key_weight).transpose(0, 1)


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """Dtype of sums and softmaxes: float32, or `dtype` if it is wider."""
    return torch.promote_types(dtype, torch.float32)
