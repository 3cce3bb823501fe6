import pytest
import torch
from torch import nn

from models.mixers.trajectory_time import Pooling, temporal_attention
from tests.models.gradients import assert_same


@pytest.mark.parametrize("project_values", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_trajectories_keep_their_precision_under_mixed_precision(project_values: bool, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    trajectories = torch.randn(4, 4 * 9, 32, dtype=dtype, requires_grad=True)
    proj_q, proj_kv, pooling = nn.Linear(32, 32), nn.Linear(32, 64), Pooling(2, project_values)
    expected = temporal_attention(trajectories, proj_q, proj_kv, pooling)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = temporal_attention(trajectories, proj_q, proj_kv, pooling)
    assert pooled.dtype == dtype
    assert_same(pooled, expected, (trajectories, proj_q.weight, proj_kv.weight), 0)


@pytest.mark.parametrize("project_values", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_softmax_gradients_in_half_precision_keep_small_differences_between_frames(
    project_values: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    T, D = 4, 4
    large = 2 / torch.finfo(dtype).eps  # from here on, adjacent numbers of the dtype differ by 2
    tokens = torch.randint(-3, 4, (T, T * 3, D)).double()
    tokens[..., 0] = large + 2 * torch.randint(8, tokens.shape[:2])
    proj_q, proj_kv = nn.Linear(D, D), nn.Linear(D, 2 * D)
    nn.init.zeros_(proj_q.weight)  # all scores are zero, and all weights 1/T
    nn.init.zeros_(proj_q.bias)
    proj_kv.load_state_dict({"weight": torch.eye(D).repeat(2, 1), "bias": torch.zeros(2 * D)})
    pooled = temporal_attention(tokens.to(dtype), proj_q, proj_kv, Pooling(1, project_values))
    (gradient,) = torch.autograd.grad(pooled[:, 0].sum(), proj_q.bias)

    query = torch.zeros(D, dtype=torch.float64, requires_grad=True)
    weights = (tokens @ query * D**-0.5).softmax(dim=0)  # (T, M)
    (expected,) = torch.autograd.grad((weights * tokens[..., 0]).sum(), query)
    torch.testing.assert_close(gradient.double(), expected, rtol=2**-7, atol=0.1)
