"""Non-local blocks: their equation, and where they stand."""

import torch
import torch.nn.functional as F
from pytorchvideo.layers.nonlocal_net import NonLocal
from pytorchvideo.models.resnet import create_resnet
from torch import nn

from models.baselines.nonlocal_networks import add_nonlocal


def stage() -> nn.Module:
    """First stage of a narrow ResNet-50, with non-local blocks after its first and third block."""
    torch.manual_seed(0)
    built = create_resnet(stem_dim_out=8, head_pool=nn.AdaptiveAvgPool3d).get_submodule("blocks.1")
    add_nonlocal(built, (0, 2))
    return built


def test_nonlocal_blocks_follow_the_chosen_blocks() -> None:
    layers = list(stage().get_submodule("res_blocks").children())
    assert [isinstance(layer, NonLocal) for layer in layers] == [False, True, False, False, True]
    assert stage().eval()(torch.randn(1, 8, 2, 8, 8)).shape == (1, 32, 2, 8, 8)


def test_each_position_attends_to_pooled_positions_of_all_frames() -> None:
    block = stage().get_submodule("res_blocks.1").eval()
    assert isinstance(block, NonLocal)
    x = torch.randn(2, 32, 3, 4, 4)
    pooled = F.max_pool3d(x, (1, 2, 2))
    theta, phi, g, out, norm = map(block.get_submodule, ("conv_theta", "conv_phi", "conv_g", "conv_out", "norm"))
    queries, keys, values = theta(x), phi(pooled), g(pooled)
    assert queries.shape[1] == 16 and keys.shape[2:] == (3, 2, 2)
    scores = torch.einsum("bcthw,bcuij->bthwuij", queries, keys) / 16**0.5
    weights = scores.flatten(4).softmax(dim=-1).reshape(scores.shape)
    attended = torch.einsum("bthwuij,bcuij->bcthw", weights, values)
    torch.testing.assert_close(block(x), x + norm(out(attended)), rtol=1e-4, atol=1e-5)
