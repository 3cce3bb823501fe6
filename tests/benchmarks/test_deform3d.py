"""The published formulation of the 3D deformable transformer is the same function as ours."""

import pytest
import torch

from benchmarks import deform3d as reference
from benchmarks.compare import Sizes
from interface.sizes import PoseClipSize
from models.deform3d.deformable import search
from models.deform3d.model import DeformableTransformer
from tests.models.deform3d.deform_models import built, inputs


def test_the_published_sizes_are_our_defaults() -> None:
    assert reference.clip_size(Sizes()) == PoseClipSize(12, 112, 112, 13)
    assert reference.sized(Sizes()) == DeformableTransformer.Config()


@pytest.mark.parametrize("modalities", [("rgb", "pose"), ("rgb",), ("pose",)])
def test_the_published_formulation_gives_the_same_logits_and_gradients(modalities: tuple[str, ...]) -> None:
    model, (clips, joints) = built(modalities=modalities), inputs()
    joints[0, :, 2] = 0  # a joint without a place
    found = []
    for logits in (model(clips, joints), reference.logits(clips, joints, model)):
        gradients = torch.autograd.grad(logits.square().sum(), list(model.parameters()))
        found.append(torch.cat([x.flatten() for x in (logits.detach(), *gradients)]))
    torch.testing.assert_close(*found, atol=1e-3, rtol=1e-3)


def test_all_searches_find_the_same_tokens() -> None:
    torch.manual_seed(0)
    z, places = torch.randn(2, 3, 4, 5, 6), torch.rand(2, 3, 4, 5, 3) * torch.tensor([5.0, 6.0, 7.0]) - 1
    expected = search(z, places)
    torch.testing.assert_close(reference.all_cells(z, places), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(reference.eight_gathers(z, places), expected, atol=1e-5, rtol=1e-5)
