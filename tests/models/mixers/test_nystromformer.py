import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from models.mixers.nystromformer import Nystromformer, iterated_inverse
from models.mixers.trajectory_space import ExactSpace, by_frame, segment_means, space_major
from models.tokens import Grid
from tests.models.gradients import assert_same

GRID = Grid(frames=3, height=4, width=4)
HEADS = 2


def heads(dtype: torch.dtype = torch.float64) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(HEADS, GRID.tokens, 8, dtype=dtype) for _ in range(3)]


def algorithm_2(q: Tensor, k: Tensor, v: Tensor, num_prototypes: int) -> Tensor:
    """Product of three maps in the order of the released code: (T, n, G, K)."""
    scale = q.shape[-1] ** -0.5
    with torch.no_grad():
        q_means, k_means = (segment_means(space_major(t, GRID), num_prototypes) for t in (q, k))
    left = (q @ k_means.mT * scale).softmax(-1)  # (G, n, R)
    middle = iterated_inverse((q_means @ k_means.mT * scale).softmax(-1), 6)  # (G, R, R)
    right = (q_means @ by_frame(k, GRID).mT * scale).softmax(-1) @ by_frame(v, GRID)  # (T, G, R, K)
    return torch.einsum("gnr,tgrk->tngk", left @ middle, right)


@pytest.mark.parametrize("num_prototypes", [1, 5, 16, 48])
def test_values_and_gradients_are_those_of_algorithm_2(num_prototypes: int) -> None:
    q, k, v = (t.requires_grad_() for t in heads())
    stage = Nystromformer.Config(num_prototypes=num_prototypes).build(HEADS)
    ours, naive = stage(q, k, v, GRID), algorithm_2(q, k, v, num_prototypes)
    assert_same(ours, naive, [q, k, v], 1e-10)


def test_the_iterated_inverse_inverts() -> None:
    torch.manual_seed(0)
    a = torch.randn(3, 6, 6, dtype=torch.float64).softmax(-1) + torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(iterated_inverse(a, 12) @ a, torch.eye(6, dtype=torch.float64).expand(3, 6, 6))


def test_with_as_many_segments_as_tokens_the_result_is_exact() -> None:
    q, _, v = heads()
    q = 4 * torch.nn.functional.normalize(q, dim=-1)  # far apart, so that their attention map is invertible
    stage = Nystromformer.Config(num_prototypes=GRID.tokens, num_iterations=40).build(HEADS)
    torch.testing.assert_close(stage(q, q, v, GRID), ExactSpace()(q, q, v, GRID), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close_to_single_precision(dtype: torch.dtype) -> None:
    q, k, v = heads(torch.float32)
    stage = Nystromformer.Config(num_prototypes=16).build(HEADS)
    with torch.autocast("cpu", dtype=dtype):
        half = stage(q.to(dtype), k.to(dtype), v.to(dtype), GRID)
    exact = stage(q, k, v, GRID)
    assert half.dtype == dtype
    assert (half - exact).norm() < 0.05 * exact.norm()


def test_macs_are_those_of_algorithm_2() -> None:
    q, k, v = heads()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        algorithm_2(q, k, v, 6)
    assert Nystromformer.Config(num_prototypes=6).macs(GRID, 8 * HEADS, HEADS) == counter.get_total_flops() // 2
