"""Published formulation of X-ViT: it stores every attention map, copies keys and values, and computes all tokens.

The cases at the end time it against ours, and ours against the frame-wise ViT.

Equations 7 to 10 of X-ViT (https://arxiv.org/abs/2106.05968), with channels split as in its released code
(https://github.com/1adrianb/video-transformers).
B batch, T frames, N tokens of a frame, D width, H heads, K = D / H, C classes.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.compare import TARGET, Case, Comparison, Sizes, against_plain_vit, formulations, framewise, on_cpu
from models.block import Block
from models.framewise.frame_attention import ShiftedAttention
from models.framewise.model import FramewiseViT
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import TSMViT, XViT


def logits(clips: Tensor, model: FramewiseViT) -> Tensor:
    """Logits (B, C) of clips (B, T, 3, height, width)."""
    x, grid = model.embedded(clips)  # (B*T, N, D)
    for block in model.blocks:
        assert isinstance(block, Block)
        x = x + mixed_attention(block.norms[0](x), block, grid.frames)
        x = x + block.mlp(block.mlp_norm(x))
    return model.head(model.norm(x)[:, 0].unflatten(0, (len(clips), -1)))


def mixed_attention(x: Tensor, block: Block, frames: int) -> Tensor:
    """Space-time mixing attention of tokens x (B*T, N, D)."""
    mixer = block.mixers[0]
    assert isinstance(mixer, ShiftedAttention) and isinstance(mixer.config, SpaceTimeMixing.Config)
    q, k, v = mixer.qkv(x).chunk(3, dim=-1)
    fold = int(x.shape[-1] * mixer.config.fraction / 2)
    q, k, v = (
        t.unflatten(-1, (mixer.heads, -1)).transpose(1, 2)  # (B*T, H, N, K)
        for t in (q, mixed(k, fold, frames), mixed(v, fold, frames))
    )
    outputs = ((q @ k.mT) * q.shape[-1] ** -0.5).softmax(dim=-1) @ v
    return mixer.proj(outputs.transpose(1, 2).flatten(2))


def mixed(x: Tensor, fold: int, frames: int) -> Tensor:
    """Keys or values (B*T, N, D), with `fold` channels from the next and as many from the previous frame, or zeros."""
    clips = x.unflatten(0, (-1, frames))
    out = torch.zeros_like(clips)
    out[:, :-1, :, :fold] = clips[:, 1:, :, :fold]
    out[:, 1:, :, fold : 2 * fold] = clips[:, :-1, :, fold : 2 * fold]
    out[..., 2 * fold :] = clips[..., 2 * fold :]
    return out.flatten(0, 1)


def equations(sizes: Sizes, device: torch.device) -> Iterator[Comparison]:
    """X-ViT, without dropout."""
    torch.manual_seed(0)
    config = framewise(XViT.Config(), sizes)
    model = config.build(sizes.clip, TARGET).to(device).eval()
    assert isinstance(model, FramewiseViT)
    (clips,) = sizes.clip.example(sizes.clips, device)
    macs = sizes.clips * config.executed_macs(sizes.clip, TARGET)
    yield formulations("xvit", model, partial(logits, clips, model), partial(model, clips), macs, on_cpu(1.0, 1.0))


CASES: dict[str, Case] = {
    "xvit": equations,
    **against_plain_vit(
        {
            "xvit-mixing": XViT.Config(),
            "xvit-summary": XViT.Config(attention=SpaceTimeMixing.Config(summary="patches")),
            "tsm-vit": TSMViT.Config(),
        }
    ),
}
