import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import motionformer as reference
from models.mixers.divided import DividedAttention, GroupAttention, SpaceAttention, TimeAttention
from models.tokens import Grid

GRID = Grid(frames=3, height=2, width=2)
HEADS, WIDTH = 2, 8


def group(token: int, mixer: GroupAttention) -> list[int]:
    """Tokens that a token attends to: CLS to all, a patch to CLS and its position (time) or its frame (space)."""
    S = GRID.patches
    if token == 0:
        return list(range(1 + GRID.tokens))
    frame, position = divmod(token - 1, S)
    if isinstance(mixer, TimeAttention):
        return [0, *(1 + t * S + position for t in range(GRID.frames))]
    return [0, *(1 + frame * S + s for s in range(S))]


def equation_3(x: Tensor, mixer: GroupAttention) -> Tensor:
    """One half of divided attention, token by token and head by head."""
    q, k, v = (x @ mixer.qkv.weight.T + mixer.qkv.bias).split(WIDTH, dim=-1)
    K = WIDTH // HEADS
    tokens = []
    for i in range(x.shape[1]):
        members, heads = group(i, mixer), []
        for h in range(HEADS):
            part = slice(h * K, (h + 1) * K)
            scores = torch.einsum("bk,bjk->bj", q[:, i, part], k[:, members, part]) * K**-0.5
            weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
            heads.append(torch.einsum("bj,bjk->bk", weights, v[:, members, part]))
        tokens.append(torch.cat(heads, dim=-1))
    return torch.stack(tokens, dim=1) @ mixer.proj.weight.T + mixer.proj.bias


def mixers_and_tokens() -> tuple[list[GroupAttention], Tensor]:
    torch.manual_seed(0)
    mixers = [mixer.double() for mixer in DividedAttention.Config().build(WIDTH, HEADS)]
    return mixers, torch.randn(2, 1 + GRID.tokens, WIDTH, dtype=torch.float64, requires_grad=True)


def test_time_comes_first_then_space() -> None:
    assert [type(mixer) for mixer in mixers_and_tokens()[0]] == [TimeAttention, SpaceAttention]
    assert DividedAttention.Config().num_mixers == 2


@pytest.mark.parametrize("which", [0, 1], ids=["time", "space"])
def test_values_and_gradients_are_those_of_equation_3(which: int) -> None:
    mixers, x = mixers_and_tokens()
    mixer = mixers[which]
    ours, naive = mixer(x, GRID), equation_3(x, mixer)
    torch.testing.assert_close(ours, naive, rtol=0, atol=1e-12)
    upstream = torch.randn_like(ours)
    inputs = [x, *mixer.parameters()]
    for got, expected in zip(
        torch.autograd.grad(ours, inputs, upstream), torch.autograd.grad(naive, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("which", [0, 1], ids=["time", "space"])
def test_the_reference_is_equation_3_too(which: int) -> None:
    mixers, x = mixers_and_tokens()
    torch.testing.assert_close(
        reference.group(x, mixers[which], GRID), equation_3(x, mixers[which]), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("which", [0, 1], ids=["time", "space"])
@pytest.mark.parametrize("token", [0, 1, 6, 12])
def test_a_token_attends_to_its_group_alone(which: int, token: int) -> None:
    mixers, x = mixers_and_tokens()
    (gradient,) = torch.autograd.grad(mixers[which](x, GRID)[0, token].sum(), x)
    attended = gradient[0].abs().sum(-1).nonzero().flatten().tolist()
    assert attended == sorted(group(token, mixers[which]))


def test_macs_are_those_of_the_equation() -> None:
    mixers, x = mixers_and_tokens()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for mixer in mixers:
            reference.group(x[:1].detach(), mixer, GRID)
    assert DividedAttention.Config().macs(GRID, WIDTH, HEADS) == counter.get_total_flops() // 2
