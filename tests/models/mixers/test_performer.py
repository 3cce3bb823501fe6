import itertools
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from models.mixers.performer import Performer
from models.mixers.trajectory_space import ExactSpace, by_frame
from models.tokens import Grid
from tests.models.gradients import assert_same

GRID = Grid(frames=3, height=4, width=4)
HEADS, SIZE = 2, 8


def heads(dtype: torch.dtype = torch.float64) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(HEADS, GRID.tokens, SIZE, dtype=dtype) for _ in range(3)]


def favor(q: Tensor, k: Tensor, v: Tensor, directions: Tensor, *, of_exponents: bool = False) -> Tensor:
    """Features and products of the released code, frame by frame: (T, n, G, K)."""

    def features(x: Tensor, over: tuple[int, ...]) -> Tensor:
        x = x * SIZE**-0.25
        projected, diagonal = x @ directions.T, x.square().sum(-1, keepdim=True) / 2
        largest = (projected - diagonal).detach() if of_exponents else projected
        return len(directions) ** -0.5 * ((projected - diagonal - largest.amax(over, keepdim=True)).exp() + 1e-6)

    q_features, k_features = features(q, (-1,)), features(k, (-2, -1))
    frames = []
    for k_t, v_t in zip(by_frame(k_features, GRID), by_frame(v, GRID), strict=True):
        inverse = 1 / torch.einsum("gnm,gm->gn", q_features, k_t.sum(1))
        product = torch.einsum("gmk,gnm->gnk", torch.einsum("gsm,gsk->gmk", k_t, v_t), q_features)
        frames.append(product * inverse.unsqueeze(-1))
    return torch.stack(frames).transpose(1, 2)


@pytest.mark.parametrize("kernel", ["released", "softmax"])
def test_values_and_gradients_are_those_of_its_features(kernel: Literal["released", "softmax"]) -> None:
    q, k, v = heads()
    q, k, v = ((2 * t).requires_grad_() for t in (q, k, v))  # long vectors, for which the maximum matters
    stage = Performer.Config(num_features=20, kernel=kernel).build(HEADS).eval()
    directions = stage.directions(SIZE).double()
    ours, naive = stage(q, k, v, GRID), favor(q, k, v, directions, of_exponents=kernel == "softmax")
    assert_same(ours, naive, [q, k, v], 1e-12)


def test_more_features_converge_to_exact_attention() -> None:
    q, k, v = heads()
    q, k = q / 2, k / 2  # 1e-6 biases features if one is far larger than the others
    exact = ExactSpace()(q, k, v, GRID)
    errors = [
        (Performer.Config(num_features=m).build(HEADS).eval()(q, k, v, GRID) - exact).square().mean().sqrt().item()
        for m in (64, 1024, 16384, 262144)
    ]
    assert errors[3] < 0.01
    # The error decreases with the square root of the number of features, here by a factor of 4.
    assert all(2 < before / after < 8 for before, after in itertools.pairwise(errors))


def test_directions_are_orthogonal_in_blocks_and_as_long_as_normal_vectors() -> None:
    directions = Performer.Config(num_features=3 * 64 - 10).build(HEADS).directions(64)
    assert directions.shape == (182, 64)
    block = torch.nn.functional.normalize(directions[64:128], dim=-1)
    torch.testing.assert_close(block @ block.T, torch.eye(64), rtol=0, atol=1e-5)
    assert directions.norm(dim=1).mean().item() == pytest.approx(8, abs=0.2)
    assert directions.norm(dim=1).std().item() == pytest.approx(0.5**0.5, abs=0.2)


def test_training_draws_new_seeded_features_and_evaluation_fixed_ones() -> None:
    q, k, v = heads()
    stage = Performer.Config(num_features=20).build(HEADS)
    torch.manual_seed(5)
    one, other = stage(q, k, v, GRID), stage(q, k, v, GRID)
    assert not torch.equal(one, other)
    torch.manual_seed(5)
    assert torch.equal(stage(q, k, v, GRID), one)
    stage.eval()
    state = torch.get_rng_state()
    assert torch.equal(stage(q, k, v, GRID), stage(q, k, v, GRID))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_features_are_in_single_precision_under_mixed_precision(dtype: torch.dtype) -> None:
    q, k, v = (t.to(dtype) for t in heads(torch.float32))
    stage = Performer.Config(num_features=20).build(HEADS).eval()
    with torch.autocast("cpu", dtype=dtype):
        half = stage(q, k, v, GRID)
    assert torch.equal(half, stage(q.float(), k.float(), v.float(), GRID).to(dtype))


def test_macs_are_those_of_its_products() -> None:
    q, k, v = heads()
    config = Performer.Config(num_features=20)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        favor(q, k, v, config.build(HEADS).directions(SIZE).double())
    # fvcore counts the scaling by the inverse, which is an einsum in the released code. torch counts no scaling.
    scaling = GRID.tokens * GRID.frames * HEADS * SIZE
    assert config.macs(GRID, HEADS * SIZE, HEADS) == counter.get_total_flops() // 2 + scaling
