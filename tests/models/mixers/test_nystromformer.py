import pytest
import torch

from models.mixers.nystromformer import Nystromformer, iterated_inverse
from models.mixers.trajectory_space import ExactSpace
from models.tokens import Grid
from tests.models.mixers.test_approximations import HEADS, VIDEO, heads


def test_the_iterated_inverse_inverts() -> None:
    torch.manual_seed(0)
    a = torch.randn(3, 6, 6, dtype=torch.float64).softmax(-1) + torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(iterated_inverse(a, 12) @ a, torch.eye(6, dtype=torch.float64).expand(3, 6, 6))


def test_with_as_many_segments_as_tokens_the_result_is_exact() -> None:
    torch.manual_seed(0)
    grid = Grid(3, 4, 4)
    q, v = (torch.randn(HEADS, grid.tokens, 8, dtype=torch.float64) for _ in range(2))
    q = 4 * torch.nn.functional.normalize(q, dim=-1)  # far apart, so that their attention map is invertible
    stage = Nystromformer.Config(num_prototypes=grid.tokens, num_iterations=40).build(HEADS)
    torch.testing.assert_close(stage(q, q, v, grid), ExactSpace()(q, q, v, grid), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close_to_single_precision(dtype: torch.dtype) -> None:
    q, k, v = heads(dtype=torch.float32)
    stage = Nystromformer.Config(num_prototypes=16).build(HEADS)
    with torch.autocast("cpu", dtype=dtype):
        half = stage(q.to(dtype), k.to(dtype), v.to(dtype), VIDEO)
    exact = stage(q, k, v, VIDEO)
    assert half.dtype == dtype
    assert (half - exact).norm() < 0.05 * exact.norm()
