"""TimeSformer's attention: published cost, its equations token by token, and CLS alone."""

import pytest
import torch
from torch import Tensor

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.baselines.timesformer import FrameSpaceAttention, PatchTimeAttention, TimeSformerAttention
from models.heads import LinearHead
from models.mixers.attention import Mixer
from models.tokens import Grid, SquareTokens
from models.trunk import VideoViT

GRID = Grid(frames=3, height=2, width=2)
T, S, HEADS, WIDTH = 3, 4, 2, 8
LARGE = VideoViT.Config(tokens=SquareTokens.Config(), attention=TimeSformerAttention.Config(), head=LinearHead.Config())


def mixers() -> list[Mixer]:
    torch.manual_seed(0)
    return [mixer.double() for mixer in TimeSformerAttention.Config().build(WIDTH, HEADS)]


def tokens() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, 1 + GRID.tokens, WIDTH, dtype=torch.float64, requires_grad=True)


def attended(mixer: PatchTimeAttention | FrameSpaceAttention, x: Tensor, query: int, members: list[int]) -> Tensor:
    """Output of softmax attention of a token to some tokens, before the projections."""
    q, k, v = (x @ mixer.qkv.weight.T + mixer.qkv.bias).split(WIDTH, dim=-1)
    heads = []
    for part in torch.arange(WIDTH).chunk(HEADS):
        scores = torch.einsum("bk,bjk->bj", q[:, query, part], k[:, members][..., part]) * len(part) ** -0.5
        heads.append(torch.einsum("bj,bjk->bk", scores.softmax(dim=-1), v[:, members][..., part]))
    return torch.cat(heads, dim=-1)


@pytest.mark.parametrize(("frames", "macs"), [(96, 2379.9e9), (8, 195.8e9)])
def test_the_cost_is_the_published_one(frames: int, macs: float) -> None:
    assert LARGE.macs(ClipSize(frames, 224, 224), ClassTarget(400)) == pytest.approx(macs, rel=0.003)


def test_parameters_and_cost_of_all_views_of_the_large_model_are_the_published_ones() -> None:
    cost = LARGE.cost(ClipSize(96, 224, 224), ClassTarget(400))
    assert 3 * cost.macs == pytest.approx(7140e9, rel=0.002)
    assert cost.parameters == pytest.approx(121.6e6, rel=0.001)


def test_patches_attend_to_their_position_at_all_times_and_cls_is_unchanged() -> None:
    mixer, x = mixers()[0], tokens()
    assert isinstance(mixer, PatchTimeAttention)
    output = mixer(x, GRID)
    assert not output[:, 0].any()
    for token in range(1, 1 + T * S):
        members = [1 + t * S + (token - 1) % S for t in range(T)]
        naive = mixer.residual(mixer.proj(attended(mixer, x, token, members)))
        torch.testing.assert_close(output[:, token], naive, rtol=0, atol=1e-12)


def test_patches_attend_to_cls_and_their_frame_and_outputs_of_cls_are_averaged() -> None:
    mixer, x = mixers()[1], tokens()
    assert isinstance(mixer, FrameSpaceAttention)
    output, frames = mixer(x, GRID), [[0, *range(1 + t * S, 1 + (t + 1) * S)] for t in range(T)]
    for token in range(1, 1 + T * S):
        naive = mixer.proj(attended(mixer, x, token, frames[(token - 1) // S]))
        torch.testing.assert_close(output[:, token], naive, rtol=0, atol=1e-12)
    of_frames = [mixer.proj(attended(mixer, x, 0, frame)) for frame in frames]
    torch.testing.assert_close(output[:, 0], torch.stack(of_frames).mean(dim=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("which", [0, 1], ids=["time", "space"])
def test_cls_alone_has_the_same_output_and_gradients(which: int) -> None:
    mixer, x = mixers()[which], tokens()
    alone, of_all = mixer.cls(x, GRID), mixer(x, GRID)[:, :1]
    torch.testing.assert_close(alone, of_all, rtol=0, atol=1e-12)
    upstream = torch.randn_like(alone)
    inputs = [x, *mixer.parameters()]
    for got, expected in zip(
        torch.autograd.grad(alone, inputs, upstream, allow_unused=True),
        torch.autograd.grad(of_all, inputs, upstream, allow_unused=True),
        strict=True,
    ):
        zero = torch.zeros(())
        torch.testing.assert_close(
            zero if got is None else got.sum(), zero if expected is None else expected.sum(), check_dtype=False
        )


def test_a_small_model_classifies_clips() -> None:
    size = ClipSize(4, 16, 16)
    model = LARGE.tiny().build(size, ClassTarget(3))
    logits = model(*size.example(2))
    assert logits.shape == (2, 3) and logits.isfinite().all()
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
