"""Published formulation of CAST: it stores every attention map, copies windows, and computes all tokens of all blocks.

Equations 1 to 8 of CAST (https://arxiv.org/abs/2311.18825), with the projections, scales and order of its released code
(https://github.com/KHU-VLL/CAST). The cases at the end time it against ours, as a whole and part by part.
B batch, T frames, S patches per frame, N tokens, D width, W width of the bottleneck, H heads, C classes.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.compare import TARGET, Case, Comparison, Sizes, formulations, on_cpu, pooled
from models.cast.bottleneck import BottleneckExchange
from models.cast.clip_expert import ClipExpert, NoKeyBiasAttention
from models.cast.cross_attention import CrossAttention, Window
from models.cast.frame_expert import FrameExpert
from models.cast.model import CAST
from models.cast.stream import Stream


def logits(clips: Tensor, model: CAST) -> Tensor:
    """Logits (B, C) of clips (B, F, 3, height, width)."""
    s, t = model.spatial.embedded(clips), model.temporal.embedded(clips)
    for block in range(len(model.spatial.drops)):
        s, t = attended(block, s, model.spatial), attended(block, t, model.temporal)
        exchange = model.exchanges[str(block)]
        assert isinstance(exchange, BottleneckExchange)
        s, t = exchanged(s, t, exchange)
        s, t = model.spatial.feed(block, s), model.temporal.feed(block, t)
    return model.head(model.spatial.features(s), model.temporal.features(t))


def attended(block: int, x: Tensor, stream: Stream) -> Tensor:
    """Tokens after attention and its adapter (equation 3)."""
    expert = stream.expert
    y = self_attention(block, expert.block(block).attention_norm(x), expert)
    assert stream.attention_adapters is not None
    return x + stream.attention_adapters[block](y) + y


def self_attention(block: int, x: Tensor, expert: object) -> Tensor:
    """Self-attention of an expert (equation 1) with all maps in memory."""
    if isinstance(expert, FrameExpert):
        attention = expert.attention_module(block)
        heads, qkv = attention.num_heads, attention.qkv(x)
    else:
        assert isinstance(expert, ClipExpert)
        attention = expert.vit.blocks[block].mixers[0]  # pyright: ignore[reportIndexIssue]
        assert isinstance(attention, NoKeyBiasAttention)
        bias = torch.cat([attention.q_bias, torch.zeros_like(attention.q_bias), attention.v_bias])
        heads, qkv = attention.heads, F.linear(x, attention.qkv.weight, bias)
    q, k, v = qkv.chunk(3, dim=-1)
    return attention.proj(softmax_attention(q, k, v, heads))


def softmax_attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Attention of queries to keys and values, (..., n, W) each, from an explicit matrix."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(-3, -2) for x in (q, k, v))  # (..., H, n, K)
    weights = (q * q.shape[-1] ** -0.5 @ k.mT).softmax(dim=-1)
    return (weights @ v).transpose(-3, -2).flatten(-2)


def exchanged(s: Tensor, t: Tensor, exchange: BottleneckExchange) -> tuple[Tensor, Tensor]:
    """Tokens of both streams after B-CAST (equations 4 and 8)."""
    assert exchange.t2s is not None and exchange.s2t is not None
    assert exchange.up_s is not None and exchange.up_t is not None
    a, b = exchange.norm_s(exchange.down_s(s)), exchange.norm_t(exchange.down_t(t))
    of_s, of_t = exchange.spatial.patches(a), exchange.temporal.patches(b)
    x = exchange.spatial.with_patches(a, cross_attention(of_s, of_t, exchange.t2s))
    y = exchange.temporal.with_patches(b, cross_attention(of_t, of_s, exchange.s2t))
    return s + exchange.up_s(F.gelu(x)), t + exchange.up_t(F.gelu(y))


def cross_attention(x: Tensor, context: Tensor, layer: CrossAttention) -> Tensor:
    """Cross-attention of patches (B, T, S, W) in windows (equation 7)."""
    assert layer.query_positions is not None and layer.key_positions is not None
    x = in_windows(layer.query_positions(x), layer.window)
    context = in_windows(layer.key_positions(context), layer.window)
    k, v = layer.kv(context).chunk(2, dim=-1)
    out = layer.proj(softmax_attention(layer.q(x), k, v, layer.heads))
    return out.transpose(1, 2) if layer.window == "time" else out


def in_windows(x: Tensor, window: Window) -> Tensor:
    """Patches (B, T, S, W) with the tokens of a window next to each other: a copy for windows in time."""
    return x.transpose(1, 2).contiguous() if window == "time" else x


def sized(sizes: Sizes) -> CAST.Config:
    """CAST with experts of the benchmark's size."""
    config, size = CAST.Config(), {"width": sizes.width, "depth": sizes.depth, "heads": sizes.heads}
    return replace(config, spatial=replace(config.spatial, **size), temporal=replace(config.temporal, **size))


def built(sizes: Sizes, device: torch.device) -> CAST:
    """CAST with random weights, none of whose branches is zero, and without stochastic depth."""
    torch.manual_seed(0)
    model = sized(sizes).build(sizes.clip, TARGET).to(device).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.trunc_normal_(parameter, std=0.02)
    return model


def whole(sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    model = built(sizes, device)
    (clips,) = sizes.clip.example(sizes.clips, device)
    macs = sizes.clips * sized(sizes).executed_macs(sizes.clip, TARGET)
    yield formulations("cast", model, partial(logits, clips, model), partial(model, clips), macs, on_cpu(1.3, 1.3))


def parts(sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    """The parts of a block with attention: within each expert, and between the experts."""
    model, config = built(sizes, device), sized(sizes)
    (clips,) = sizes.clip.example(sizes.clips, device)
    with torch.no_grad():
        s, t = model.spatial.embedded(clips), model.temporal.embedded(clips)
    s.requires_grad_()
    t.requires_grad_()
    streams, exchange = config.streams(sizes.clip), model.exchanges["0"]
    assert isinstance(exchange, BottleneckExchange)
    assert config.adapters is not None and config.exchange is not None

    def of_both(x: Tensor, y: Tensor) -> Tensor:
        return torch.cat([x.flatten(0, 1), y.flatten(0, 1)])

    def ours() -> Tensor:
        x, y = exchange(s, t)
        return of_both(s + x, t + y)

    compared = [
        ("exchange", lambda: of_both(*exchanged(s, t, exchange)), ours, config.exchange.macs(streams)),
    ]
    for name, x, stream, expert, layout in (
        ("spatial", s, model.spatial, config.spatial, streams.spatial),
        ("temporal", t, model.temporal, config.temporal, streams.temporal),
    ):
        macs = expert.attention_macs(layout.num_tokens, layout.num_connected)
        macs += layout.num_tokens * config.adapters.macs(config.spatial.width)
        compared.append((f"{name} attention", partial(attended, 0, x, stream), partial(stream.attend, 0, x), macs))
    for name, published, own, macs in compared:
        both = pooled(published, sizes.clips), pooled(own, sizes.clips)
        yield formulations(f"cast-parts {name}", model, *both, sizes.clips * macs, on_cpu(1.0, 1.0))


CASES: dict[str, Case] = {"cast": whole, "cast-parts": parts}
