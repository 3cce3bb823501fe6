"""Dropout of the map of exact attention."""

import pytest
import torch
from torch import Tensor

from models.mixers.dropout_attention import dropout_attention
from models.mixers.trajectory_space import ExactSpace
from tests.models.gradients import assert_same
from tests.models.mixers.test_approximations import LENGTH, SEQUENCE, SIZE, heads, padding


def test_dropout_of_the_map_is_that_of_training_only_and_saves_no_map() -> None:
    q, k, v = (t.requires_grad_() for t in heads())
    stage = ExactSpace(dropout=0.5)
    torch.manual_seed(3)
    one = stage(q, k, v, SEQUENCE)
    torch.manual_seed(3)
    assert torch.equal(one, stage(q, k, v, SEQUENCE))
    assert not torch.equal(one, stage(q, k, v, SEQUENCE))
    saved: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):  # pyright: ignore
        stage(q, k, v, SEQUENCE)
    assert max(saved) <= q.numel()
    torch.testing.assert_close(stage.eval()(q, k, v, SEQUENCE), ExactSpace()(q, k, v, SEQUENCE))


@pytest.mark.parametrize("queries", [LENGTH, 300], ids=["one block", "several blocks"])
@pytest.mark.parametrize("padded", [False, True])
def test_dropout_on_a_cpu_has_the_outputs_and_gradients_of_the_stored_map(queries: int, padded: bool) -> None:
    _, k, v = (t.requires_grad_() for t in heads())
    q = torch.randn(len(k), queries, SIZE, dtype=k.dtype, requires_grad=True)
    mask = padding() if padded else None
    all_values = torch.eye(LENGTH, dtype=k.dtype).expand(len(k), -1, -1)

    def of_seed(values: Tensor) -> Tensor:
        torch.manual_seed(3)
        return dropout_attention(q, k, values, mask, 0.25)

    kept = of_seed(all_values).detach() != 0  # (G, n, L): the output for the unit vectors is the map
    keys = torch.ones(len(k), LENGTH, dtype=torch.bool) if mask is None else mask
    scores = (q @ k.mT * SIZE**-0.5).masked_fill(~keys.unsqueeze(1), -torch.inf)
    stored = (scores.softmax(dim=-1) * kept / 0.75) @ v
    assert abs(kept.sum() / (keys.sum() * queries) - 0.75) < 0.05
    assert_same(of_seed(v), stored, (q, k, v))


def test_dropout_on_a_cpu_leaves_mixed_precision_and_padding_without_tokens_finite() -> None:
    q = torch.randn(2, 5, SIZE, dtype=torch.bfloat16, requires_grad=True)
    mask = torch.tensor([[True] * 5, [False] * 5])
    with torch.autocast("cpu", torch.bfloat16):
        out = dropout_attention(q, q, q, mask, 0.5)
        out.sum().backward()
    assert out.dtype == torch.bfloat16 and q.grad is not None and out.isfinite().all() and q.grad.isfinite().all()
