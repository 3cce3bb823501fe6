"""SlowFast: published cost, its two pathways and forward pass."""

import pytest
import torch
from pytorchvideo.layers.nonlocal_net import NonLocal

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.baselines.nonlocal_networks import SlowFast

SIZE, CLASSES = ClipSize(8, 32, 32), ClassTarget(3)
PUBLISHED = ClipSize(32, 256, 256)


def test_the_cost_is_the_published_one() -> None:
    cost = SlowFast.Config().cost(PUBLISHED, ClassTarget(400))
    assert cost.macs == pytest.approx(116e9, rel=0.02)
    assert 30 * cost.macs == pytest.approx(3480e9, rel=0.02)
    assert cost.parameters == pytest.approx(59.9e6, rel=0.005)


def test_without_nonlocal_blocks_the_cost_is_the_published_one_of_plain_slowfast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("models.baselines.nonlocal_networks.add_nonlocal", lambda *arguments: None)
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


def test_logits_of_clips() -> None:
    torch.manual_seed(0)
    model = SlowFast.Config().tiny().build(SIZE, CLASSES)
    clips = SIZE.example(2)
    logits = model(*clips)
    assert logits.shape == (2, 3) and logits.isfinite().all()
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    torch.testing.assert_close(model.eval()(clips[0][:1]), model(*clips)[:1], rtol=1e-4, atol=1e-5)
