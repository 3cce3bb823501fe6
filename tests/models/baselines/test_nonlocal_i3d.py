"""Non-local I3D: published cost and forward pass."""

from dataclasses import replace

import pytest
import torch

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.baselines.nonlocal_networks import NonLocalI3D

SIZE, CLASSES = ClipSize(8, 32, 48), ClassTarget(3)


@pytest.mark.parametrize(("depth", "macs", "parameters"), [(101, 359e9, 54.3e6), (50, 282e9, 35.3e6)])
def test_the_cost_is_the_published_one(depth: int, macs: float, parameters: float) -> None:
    config = replace(NonLocalI3D.Config(), depth=depth)
    cost = config.cost(ClipSize(128, 256, 256), ClassTarget(400))
    assert cost.macs == pytest.approx(macs, rel=0.005)
    assert cost.parameters == pytest.approx(parameters, rel=0.005)


def test_all_views_have_the_printed_cost() -> None:
    macs = NonLocalI3D.Config().macs(ClipSize(128, 256, 256), ClassTarget(400))
    assert 30 * macs == pytest.approx(10_800e9, rel=0.005)


def test_logits_of_clips() -> None:
    torch.manual_seed(0)
    model = NonLocalI3D.Config().tiny().build(SIZE, CLASSES)
    clips = SIZE.example(2)
    logits = model(*clips)
    assert logits.shape == (2, 3) and logits.isfinite().all()
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    torch.testing.assert_close(model.eval()(clips[0][:1]), model(*clips)[:1], rtol=1e-4, atol=1e-5)
