"""The second stage of trajectory attention, without projecting the N*T trajectory tokens.

Equations 5 and 6 of Motionformer (https://arxiv.org/abs/2106.05392) in another order of multiplication: the score
<W_q y_own + b_q, W_k y_t + b_k> of a head is <W_k^T (W_q y_own + b_q), y_t> plus a term that is the same for every
frame, which the softmax cancels; and since the weights a_t sum to one, sum_t a_t (W_v y_t + b_v) is
W_v (sum_t a_t y_t) + b_v. That leaves 2*M*D^2 multiply-adds of the published 3*M*D^2 + 2*M*(T-1)*D^2.
T frames, S patches per frame, M = T*S*B trajectories, D width, H heads, K = D / H, C trajectories at a time.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from models.mixers.space import in_full_precision

# Trajectories at a time: on a CPU their asking vectors stay in the caches, on a GPU they fill it.
CHUNK = {"cpu": 192, "cuda": 16384}


class Pooling(NamedTuple):
    """How trajectories are pooled: by so many heads, with their own values or with projected ones."""

    heads: int
    project_values: bool


def along_time(trajectories: Tensor, proj_q: nn.Linear, proj_kv: nn.Linear, pooling: Pooling) -> Tensor:
    """Trajectories (T, M, D), M in the order of their own frames, pooled as the token of that frame asks: (M, D).

    Parameters without influence, which are the bias of the keys and, with unprojected values, the lower half of
    `proj_kv`, get zeros for a gradient, as the published code gives them but for rounding.
    """
    parameters = (proj_q.weight, proj_q.bias, proj_kv.weight, proj_kv.bias)
    with in_full_precision(trajectories):  # all in the type of the trajectories, going forward and back
        return _AlongTime.apply(trajectories, *parameters, pooling)  # pyright: ignore[reportReturnType]


class _AlongTime(torch.autograd.Function):
    """Saves the trajectories, the queries and the weights of the frames; the rest is computed again going back."""

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
        query = F.linear(own_tokens(y), q_weight.to(dtype), q_bias.to(dtype))  # (M, D)
        query *= (y.shape[-1] // heads) ** -0.5
        key_weight, value_weight = head_weights(kv_weight, heads, dtype)  # (H, K, D) each
        value_bias = kv_bias.chunk(2)[1].to(dtype)
        pooled = torch.empty_like(query)  # (M, D)
        weights = query.new_empty(len(query), heads, len(y))  # (M, H, T)
        for part in chunks(y):
            tokens = y[:, part]  # (T, C, D)
            scores = torch.bmm(asking(query[part], key_weight), tokens.permute(1, 2, 0))  # (C, H, T)
            a = scores.softmax(dim=-1, dtype=at_least_float32(dtype)).to(dtype)
            weights[part] = a
            if pooling.project_values:
                found = torch.bmm(a, tokens.transpose(0, 1))  # (C, H, D)
                values = torch.bmm(found.transpose(0, 1), value_weight.mT)  # (H, C, K)
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
        heads, projects = ctx.pooling  # pyright: ignore[reportAttributeAccessIssue]
        gradient = gradients[0].to(y.dtype).contiguous()  # (M, D)
        dtype, width = y.dtype, y.shape[-1]
        exact = at_least_float32(dtype)
        key_weight, value_weight = head_weights(kv_weight, heads, dtype)  # (H, K, D) each
        of_y, of_query = torch.empty_like(y), torch.empty_like(query)
        of_kv_weight = torch.zeros_like(kv_weight)
        of_key_weight, of_value_weight = of_kv_weight.unflatten(0, (2, heads, -1)).unbind()  # (H, K, D) each
        for part in chunks(y):
            tokens, of_tokens = y[:, part].transpose(0, 1), of_y[:, part].transpose(0, 1)  # (C, T, D)
            q, g = split(query[part], heads), split(gradient[part], heads)  # (H, C, K)
            a = weights[part]  # (C, H, T)
            if projects:
                of_found = torch.bmm(g, value_weight).transpose(0, 1)  # (C, H, D)
                of_weights = torch.bmm(of_found, tokens.mT)  # (C, H, T)
                found = torch.bmm(a, tokens)  # (C, H, D)
                of_value_weight += torch.bmm(g.mT, found.transpose(0, 1))
            else:
                columns = gradient[part].view(-1, width // heads, 1)  # (C*H, K, 1)
                of_found = None
                of_weights = torch.bmm(by_head(y[:, part], heads), columns).view_as(a)  # (C, H, T)
            a_exact, of_weights = a.to(exact), of_weights.to(exact)
            of_scores = a_exact * (of_weights - (a_exact * of_weights).sum(dim=-1, keepdim=True))
            of_scores = of_scores.to(dtype)  # (C, H, T)
            torch.bmm(of_scores.mT, asking(query[part], key_weight), out=of_tokens)
            if of_found is not None:
                of_tokens.baddbmm_(a.mT, of_found)
            else:
                for t in range(len(y)):
                    own = of_y[t, part].unflatten(-1, (heads, -1))  # (C, H, K)
                    own.addcmul_(a[..., t, None], gradient[part].unflatten(-1, (heads, -1)))
            of_asking = torch.bmm(of_scores, tokens).transpose(0, 1)  # (H, C, D)
            of_query[part] = torch.bmm(of_asking, key_weight.mT).transpose(0, 1).flatten(1)
            of_key_weight += torch.bmm(q.mT, of_asking)
        of_query *= (width // heads) ** -0.5
        own_tokens_view(of_y).add_((of_query @ q_weight.to(dtype)).view_as(own_tokens_view(of_y)))
        of_q_weight = (of_query.mT @ own_tokens(y)).to(q_weight.dtype)
        of_q_bias = of_query.sum(dim=0, dtype=exact).to(q_weight.dtype)
        of_kv_bias = kv_weight.new_zeros(2 * width)
        if projects:
            of_kv_bias[width:] = gradient.sum(dim=0, dtype=exact)
        return of_y, of_q_weight, of_q_bias, of_kv_weight, of_kv_bias, None


def chunks(y: Tensor) -> Iterator[slice]:
    """Trajectories (T, M, D) a few at a time, all their frames together."""
    size = CHUNK.get(y.device.type, y.shape[1])
    return (slice(start, start + size) for start in range(0, y.shape[1], size))


def own_tokens_view(y: Tensor) -> Tensor:
    """The token that each trajectory (T, M, D) has in its own frame: (T, M/T, D) in the trajectories' memory."""
    return y.unflatten(1, (len(y), -1)).diagonal(dim1=0, dim2=1).permute(2, 0, 1)


def own_tokens(y: Tensor) -> Tensor:
    """The token that each trajectory (T, M, D) has in its own frame: (M, D)."""
    return own_tokens_view(y).flatten(0, 1)


def head_weights(kv_weight: Tensor, heads: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The projections of keys and of values by head: (H, K, D) each."""
    key_weight, value_weight = kv_weight.to(dtype).unflatten(0, (2, heads, -1)).unbind()
    return key_weight, value_weight


def split(x: Tensor, heads: int) -> Tensor:
    """(C, D) as (H, C, K)."""
    return x.unflatten(-1, (heads, -1)).transpose(0, 1)


def by_head(tokens: Tensor, heads: int) -> Tensor:
    """Tokens (T, C, D) as (C*H, T, K), in the same memory."""
    return tokens.unflatten(-1, (heads, -1)).flatten(1, 2).transpose(0, 1)


def asking(query: Tensor, key_weight: Tensor) -> Tensor:
    """W_k^T q of each head, whose product with a token is its score: (C, D) queries to (C, H, D)."""
    return torch.bmm(split(query, key_weight.shape[0]), key_weight).transpose(0, 1)


def at_least_float32(dtype: torch.dtype) -> torch.dtype:
    """Where sums and softmaxes are taken."""
    return torch.promote_types(dtype, torch.float32)
