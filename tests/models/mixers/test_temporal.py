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


@pytest.mark.parametrize("project_values", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_gradients_through_the_softmax_do_not_round_away_what_frames_differ_by(
    project_values: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    T, D = 4, 4
    apart = 2 / torch.finfo(dtype).eps  # from here on the type's numbers lie 2 apart
    tokens = torch.randint(-3, 4, (T, T * 3, D)).double()
    tokens[..., 0] = apart + 2 * torch.randint(8, tokens.shape[:2])
    proj_q, proj_kv = nn.Linear(D, D), nn.Linear(D, 2 * D)
    nn.init.zeros_(proj_q.weight)  # all scores are zero, and all weights 1/T
    nn.init.zeros_(proj_q.bias)
    proj_kv.load_state_dict({"weight": torch.eye(D).repeat(2, 1), "bias": torch.zeros(2 * D)})
    pooled = along_time(tokens.to(dtype), proj_q, proj_kv, Pooling(1, project_values))
    (gradient,) = torch.autograd.grad(pooled[:, 0].sum(), proj_q.bias)

    asked = torch.zeros(D, dtype=torch.float64, requires_grad=True)
    weights = (tokens @ asked * D**-0.5).softmax(dim=0)  # (T, M)
    (expected,) = torch.autograd.grad((weights * tokens[..., 0]).sum(), asked)
    torch.testing.assert_close(gradient.double(), expected, rtol=2**-7, atol=0.1)
