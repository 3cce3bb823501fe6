"""Activations that CAST saves for the backward pass: only those that the gradient of a trained parameter needs."""

import pytest
import torch
from torch import Tensor

from benchmarks import cast as reference
from interface.sizes import ClipSize
from models.cast.frame_expert import QuickGELU
from models.cast.model import CAST
from runner.measure.memory import bytes_saved_by
from tests.models.cast.cast_models import LABELS, SIZE, clips, randomized, small

LARGE = ClipSize(8, 128, 128)  # 4 token frames of 8x8 patches


@pytest.fixture
def model() -> CAST:
    return randomized(small().build(SIZE, LABELS)).train()


def test_frozen_layers_below_the_first_adapter_save_nothing(model: CAST) -> None:
    for stream in (model.spatial, model.temporal):
        x = stream.embedded(clips())
        block = stream.expert.block(0)
        attention = block.attention(block.attention_norm(x))
        assert not x.requires_grad and not attention.requires_grad
        assert bytes_saved_by(lambda s=stream: s.embedded(clips()), model) == 0


def test_frozen_projections_do_not_save_their_inputs(model: CAST) -> None:
    """The hidden layer of an MLP is saved once, as the input of the activation, and not as that of the next layer."""
    stream = model.temporal
    x = stream.embedded(clips()).requires_grad_()
    hidden = x.numel() * x.element_size() * 4
    assert hidden <= bytes_saved_by(lambda: stream.expert.block(1).mlp(x), model) < 2 * hidden


def test_clips_activation_saves_one_tensor() -> None:
    x = torch.randn(3, 5, requires_grad=True)
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        y = QuickGELU()(x)
    assert len(kept) == 1
    torch.testing.assert_close(y, x * torch.sigmoid(1.702 * x))


def test_less_is_saved_than_by_the_published_formulation() -> None:
    model = randomized(small().build(LARGE, LABELS))
    x = clips(size=LARGE)
    torch.testing.assert_close(model(x), reference.logits(x, model), atol=1e-4, rtol=1e-4)
    assert bytes_saved_by(lambda: model(x), model) < 0.8 * bytes_saved_by(lambda: reference.logits(x, model), model)
