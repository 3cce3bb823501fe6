import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import motionformer as reference
from models.mixers.joint import JointAttention
from models.tokens import Grid

GRID = Grid(frames=3, height=2, width=2)
HEADS, WIDTH = 2, 8


def mixer_and_tokens() -> tuple[JointAttention, Tensor]:
    torch.manual_seed(0)
    (mixer,) = JointAttention.Config().build(WIDTH, HEADS)
    return mixer.double(), torch.randn(2, 1 + GRID.tokens, WIDTH, dtype=torch.float64, requires_grad=True)


def test_values_and_gradients_are_those_of_equation_2() -> None:
    mixer, x = mixer_and_tokens()
    ours, naive = mixer(x, GRID), reference.joint(x, mixer, GRID)
    torch.testing.assert_close(ours, naive, rtol=0, atol=1e-12)
    upstream = torch.randn_like(ours)
    inputs = [x, *mixer.parameters()]
    for got, expected in zip(
        torch.autograd.grad(ours, inputs, upstream), torch.autograd.grad(naive, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


def test_every_token_attends_to_every_token() -> None:
    mixer, x = mixer_and_tokens()
    (gradient,) = torch.autograd.grad(mixer(x, GRID)[0, 5].sum(), x)
    assert (gradient[0].abs().sum(-1) > 0).all()
    assert (gradient[1] == 0).all()


def test_macs_are_those_of_the_equation() -> None:
    mixer, x = mixer_and_tokens()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        reference.joint(x[:1].detach(), mixer, GRID)
    assert JointAttention.Config().macs(GRID, WIDTH, HEADS) == counter.get_total_flops() // 2
