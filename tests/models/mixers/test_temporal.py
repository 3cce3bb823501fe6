import pytest
import torch
from torch import nn

from models.mixers.temporal import Pooling, along_time


@pytest.mark.parametrize("project_values", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_trajectories_keep_their_precision_under_mixed_precision(project_values: bool, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    trajectories = torch.randn(4, 4 * 9, 32, dtype=dtype, requires_grad=True)
    proj_q, proj_kv, pooling = nn.Linear(32, 32), nn.Linear(32, 64), Pooling(2, project_values)
    expected = along_time(trajectories, proj_q, proj_kv, pooling)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = along_time(trajectories, proj_q, proj_kv, pooling)
    assert pooled.dtype == dtype
    torch.testing.assert_close(pooled, expected, rtol=0, atol=0)
    inputs = (trajectories, proj_q.weight, proj_kv.weight)
    gradients = torch.autograd.grad(pooled.float().sum(), inputs)
    for gradient, other in zip(gradients, torch.autograd.grad(expected.float().sum(), inputs), strict=True):
        torch.testing.assert_close(gradient, other, rtol=0, atol=0)
