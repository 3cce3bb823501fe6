"""I3D and SlowFast with non-local blocks: the equation of a block, where blocks stand, and both pathways."""

import pytest
import torch
import torch.nn.functional as F
from pytorchvideo.layers.nonlocal_net import NonLocal
from pytorchvideo.models.resnet import create_resnet
from torch import nn

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.baselines.nonlocal_networks import SlowFast, add_nonlocal
from models.model import macs_on_meta

SIZE, PUBLISHED, CLASSES = ClipSize(8, 32, 32), ClipSize(32, 256, 256), ClassTarget(3)


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


def test_without_nonlocal_blocks_the_cost_is_the_published_one_of_plain_slowfast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("models.baselines.nonlocal_networks.add_nonlocal", lambda *arguments: None)
    monkeypatch.setattr(
        "models.model.macs_on_meta", macs_on_meta.__wrapped__
    )  # counts kept by other tests are of all blocks
    cost = SlowFast.Config().cost(PUBLISHED, ClassTarget(400))
    assert cost.macs == pytest.approx(106e9, rel=0.01)
    assert cost.parameters == pytest.approx(53.7e6, rel=0.005)


def test_nonlocal_blocks_are_in_the_third_stage_of_the_slow_pathway() -> None:
    with torch.device("meta"):
        model = SlowFast.Config().build(PUBLISHED, CLASSES)
    found = [name for name, module in model.named_modules() if isinstance(module, NonLocal)]
    blocks = "network.blocks.3.multipathway_blocks.0.res_blocks"
    assert found == [f"{blocks}.{index}" for index in (7, 15, 23)]  # after the blocks 7, 14 and 21, counted from 1


def test_the_slow_pathway_has_every_fourth_frame() -> None:
    model = SlowFast.Config().tiny().build(SIZE, CLASSES).eval()
    inputs: list[list[torch.Tensor]] = []
    model.network.register_forward_pre_hook(lambda module, arguments: inputs.append(list(arguments[0])))
    (clip,) = SIZE.example(2)
    model(clip)
    slow, fast = inputs[0]
    assert fast.equal(clip.transpose(1, 2)) and slow.equal(clip[:, [0, 4]].transpose(1, 2))
