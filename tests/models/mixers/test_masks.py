"""Padding in the approximations of attention, and in exact attention."""

from typing import Literal

import pytest
import torch
from torch import Tensor

from models.mixers.dropout_attention import dropout_attention
from models.mixers.linformer import Linformer
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory_space import Approximation, ExactSpace, SpatialStage
from models.tokens import Grid

HEADS, ITEMS, LENGTH, SIZE = 2, 3, 24, 8
GRID = Grid(1, 1, LENGTH)
LENGTHS = (24, 17, 9)

APPROXIMATIONS: list[Approximation] = [
    Performer.Config(num_features=32),
    Performer.Config(num_features=32, kernel="two-sided"),
    Performer.Config(num_features=32, scales_twice=True),
    Nystromformer.Config(num_prototypes=6, conv_kernel=5, trains_landmarks=True),
    Nystromformer.Config(num_prototypes=5, inverse_start="all maps"),
    Orthoformer.Config(num_prototypes=6),
    Orthoformer.Config(num_prototypes=6, candidates="queries-and-keys", candidates_per_prototype=2),
    Orthoformer.Config(num_prototypes=12, candidates="queries"),
    Orthoformer.Config(num_prototypes=6, selection="random"),
    Orthoformer.Config(num_prototypes=6, selection="segment-means"),
    Linformer.Config(num_prototypes=5),
]


def stages() -> list[SpatialStage]:
    torch.manual_seed(1)
    built = [approximation.build(HEADS, GRID).double().eval() for approximation in APPROXIMATIONS]
    return [ExactSpace(), *built]


def heads() -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(ITEMS * HEADS, LENGTH, SIZE, dtype=torch.float64) for _ in range(3)]


def padding() -> Tensor:
    """Mask (G, N) of three sequences of different lengths; the tokens of the last one are scattered."""
    mask = torch.stack([torch.arange(LENGTH) < length for length in LENGTHS])
    mask[2] = mask[2][torch.randperm(LENGTH, generator=torch.Generator().manual_seed(2))]
    return mask.repeat_interleave(HEADS, dim=0)


@pytest.mark.parametrize("index", range(1 + len(APPROXIMATIONS)))
def test_tokens_do_not_depend_on_what_stands_in_padding(index: int) -> None:
    stage, mask = stages()[index], padding()
    q, k, v = heads()
    other = [torch.where(mask.unsqueeze(-1), t, 3 * torch.randn_like(t)) for t in (q, k, v)]
    y, z = stage(q, k, v, GRID, mask)[0].transpose(0, 1), stage(*other, GRID, mask)[0].transpose(0, 1)  # (G, N, K)
    torch.testing.assert_close(y[mask], z[mask], rtol=0, atol=1e-10)
    assert y.isfinite().all()


@pytest.mark.parametrize("index", range(1 + len(APPROXIMATIONS)))
def test_a_mask_without_padding_changes_nothing(index: int) -> None:
    stage, (q, k, v) = stages()[index], heads()
    everything = torch.ones(ITEMS * HEADS, LENGTH, dtype=torch.bool)
    torch.testing.assert_close(stage(q, k, v, GRID, everything), stage(q, k, v, GRID), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "approximation",
    [
        None,
        Performer.Config(num_features=32),
        Performer.Config(num_features=32, kernel="two-sided"),
        Orthoformer.Config(num_prototypes=6),
        Orthoformer.Config(num_prototypes=6, candidates="queries-and-keys"),
    ],
    ids=str,
)
def test_a_padded_sequence_has_the_outputs_of_the_same_sequence_without_padding(
    approximation: Approximation | None,
) -> None:
    stage = ExactSpace() if approximation is None else approximation.build(HEADS, GRID).eval()
    length = LENGTHS[1]
    q, k, v = heads()
    mask = torch.arange(LENGTH).expand(ITEMS * HEADS, -1) < length
    y = stage(q, k, v, GRID, mask)[:, :length]
    short = stage(*(t[:, :length] for t in (q, k, v)), Grid(1, 1, length))
    torch.testing.assert_close(y, short, rtol=0, atol=1e-10)


def test_prototypes_in_excess_of_the_tokens_count_for_nothing() -> None:
    q, k, v = heads()
    mask = torch.arange(LENGTH).expand(ITEMS * HEADS, -1) < 5
    y = Orthoformer.Config(num_prototypes=12).build(HEADS).eval()(q, k, v, GRID, mask)[:, :5]
    short = Orthoformer.Config(num_prototypes=5).build(HEADS).eval()(*(t[:, :5] for t in (q, k, v)), Grid(1, 1, 5))
    torch.testing.assert_close(y, short, rtol=0, atol=1e-10)


def test_padding_may_be_selected_if_the_config_says_so() -> None:
    q, k, v = heads()
    mask = torch.arange(LENGTH).expand(ITEMS * HEADS, -1) < 5
    stage = Orthoformer.Config(num_prototypes=12, pads_as_prototypes=True).build(HEADS).eval()
    assert stage.prototypes(q, k, 1, mask).real is None
    assert not torch.allclose(
        stage(q, k, v, GRID, mask), Orthoformer.Config(num_prototypes=12).build(HEADS).eval()(q, k, v, GRID, mask)
    )


def test_prototypes_per_frame_refuse_padding() -> None:
    stage = Orthoformer.Config(num_prototypes=2, share_over_time=False).build(HEADS)
    with pytest.raises(ValueError, match="share_over_time=False"):
        stage(*heads(), GRID, padding())


def test_exact_attention_is_its_equation_with_a_mask() -> None:
    (q, k, v), mask = heads(), padding()
    scores = (q @ k.mT * SIZE**-0.5).masked_fill(~mask.unsqueeze(1), -torch.inf)
    y = ExactSpace()(q, k, v, GRID, mask)[0].transpose(0, 1)
    torch.testing.assert_close(y, scores.softmax(-1) @ v, rtol=0, atol=1e-10)


def test_nystromformer_is_its_equation_with_a_mask_and_a_convolution() -> None:
    (q, k, v), mask = heads(), padding()
    config = Nystromformer.Config(num_prototypes=6, conv_kernel=5, trains_landmarks=True, inverse_start="all maps")
    stage = config.build(HEADS).double()
    zeroed = [t * mask.unsqueeze(-1) for t in (q, k, v)]
    q_means, k_means = (t.unflatten(1, (6, 4)).mean(2) for t in zeroed[:2])
    scale = SIZE**-0.5
    middle = (q_means @ k_means.mT * scale).softmax(-1)
    z = middle.mT / middle.sum(-2).max()
    for _ in range(6):
        az, eye = middle @ z, torch.eye(6, dtype=z.dtype)
        z = 0.25 * z @ (13 * eye - az @ (15 * eye - az @ (7 * eye - az)))
    right = (q_means @ k.mT * scale).masked_fill(~mask.unsqueeze(1), -torch.inf).softmax(-1) @ v
    wanted = (q @ k_means.mT * scale).softmax(-1) @ z @ right
    for place in range(LENGTH):
        for offset in range(-2, 3):
            if 0 <= place + offset < LENGTH:
                weights = stage.conv.weight[:, 0, 2 + offset, 0].repeat(ITEMS)  # (G,)
                wanted[:, place] += weights.unsqueeze(-1) * zeroed[2][:, place + offset]
    torch.testing.assert_close(stage(q, k, v, GRID, mask)[0].transpose(0, 1), wanted, rtol=0, atol=1e-10)


def without_padding(q: Tensor, k: Tensor, v: Tensor, index: int) -> list[Tensor]:
    """Queries, keys and values (tokens, K) of a row, without its padding."""
    return [t[index][padding()[index]] for t in (q, k, v)]


@pytest.mark.parametrize("candidates", ["queries", "queries-and-keys"])
def test_orthoformer_is_its_equation_over_the_tokens_alone(candidates: Literal["queries", "queries-and-keys"]) -> None:
    (q, k, v), mask = heads(), padding()
    stage = Orthoformer.Config(num_prototypes=6, candidates=candidates).build(HEADS).eval()
    y = stage(q, k, v, GRID, mask)[0].transpose(0, 1)  # (G, N, K)
    numbers = stage.uniform_numbers(q, 1, 1)
    for index in range(ITEMS * HEADS):
        own_q, own_k, own_v = without_padding(q, k, v, index)
        found = own_q if candidates == "queries" else torch.cat([own_q, own_k])
        selected = [int(numbers[index, 0] * len(found))]
        cosines = torch.nn.functional.cosine_similarity(found.unsqueeze(1), found.unsqueeze(0), dim=-1).abs()
        while len(selected) < 6:
            worst = cosines[:, selected].amax(1)
            worst[selected] = torch.inf
            selected.append(int(worst.argmin()))
        prototypes, scale = found[selected], SIZE**-0.5
        wanted = (own_q @ prototypes.T * scale).softmax(-1) @ ((prototypes @ own_k.T * scale).softmax(-1) @ own_v)
        torch.testing.assert_close(y[index][mask[index]], wanted, rtol=0, atol=1e-10)


def test_segment_means_of_orthoformer_count_padding_as_zeros() -> None:
    (q, k, v), mask = heads(), padding()
    stage = Orthoformer.Config(num_prototypes=6, selection="segment-means").build(HEADS).eval()
    prototypes, scale = (q * mask.unsqueeze(-1)).unflatten(1, (6, 4)).mean(2), SIZE**-0.5
    inner = (prototypes @ k.mT * scale).masked_fill(~mask.unsqueeze(1), -torch.inf).softmax(-1) @ v
    wanted = (q @ prototypes.mT * scale).softmax(-1) @ inner
    torch.testing.assert_close(stage(q, k, v, GRID, mask)[0].transpose(0, 1), wanted, rtol=0, atol=1e-10)


def test_performer_is_its_equation_over_the_tokens_alone() -> None:
    (q, k, v), mask = heads(), padding()
    stage = Performer.Config(num_features=32).build(HEADS).eval()
    directions = stage.directions(SIZE).double()
    y = stage(q, k, v, GRID, mask)[0].transpose(0, 1)  # (G, N, K)

    def features(x: Tensor, over: tuple[int, ...]) -> Tensor:
        x = x * SIZE**-0.25
        projected = x @ directions.T
        return (projected - x.square().sum(-1, keepdim=True) / 2 - projected.amax(over, keepdim=True)).exp() + 1e-6

    for index in range(ITEMS * HEADS):
        own_q, own_k, own_v = without_padding(q, k, v, index)
        weights = features(own_q, (-1,)) @ features(own_k, (-2, -1)).T
        wanted = weights @ own_v / weights.sum(-1, keepdim=True)
        torch.testing.assert_close(y[index][mask[index]], wanted, rtol=0, atol=1e-8)


def test_landmarks_have_gradients_only_if_the_config_says_so() -> None:
    q, k, v = heads()
    for trains in (False, True):
        queries = q.clone().requires_grad_()
        stage = Nystromformer.Config(num_prototypes=6, trains_landmarks=trains).build(HEADS)
        (gradient,) = torch.autograd.grad(stage(queries, k, v, GRID)[0, 5].sum(), queries)
        # Without gradients through the means, only the queries of the token count.
        assert bool(gradient[:, :5].abs().sum() > 0) is trains


def test_the_two_sided_kernel_is_its_equation() -> None:
    (q, k, v), mask = heads(), padding()
    stage = Performer.Config(num_features=32, kernel="two-sided").build(HEADS).eval()
    directions = stage.directions(SIZE).double()
    assert directions.shape == (16, SIZE)
    torch.testing.assert_close(directions.norm(dim=1), torch.full((16,), SIZE**0.5).double(), rtol=1e-5, atol=0)

    def features(x: Tensor) -> Tensor:
        x = x * SIZE**-0.25
        return torch.cat(
            [(sign * x @ directions.T - x.square().sum(-1, keepdim=True) / 2).exp() for sign in (1, -1)], dim=-1
        )

    weights = features(q) @ features(k).mT * mask.unsqueeze(1)
    wanted = weights @ v / weights.sum(-1, keepdim=True)
    torch.testing.assert_close(stage(q, k, v, GRID, mask)[0].transpose(0, 1), wanted, rtol=0, atol=1e-8)


def test_scaling_twice_divides_scores_by_the_size_of_a_head() -> None:
    q, k, v = (t / 2 for t in heads())
    stage = Performer.Config(num_features=65536, scales_twice=True).build(HEADS).eval()
    wanted = (q @ k.mT / SIZE).softmax(-1) @ v
    assert (stage(q, k, v, GRID)[0].transpose(0, 1) - wanted).abs().max() < 0.02


def test_linformer_is_its_equation() -> None:
    (q, k, v), mask = heads(), padding()
    stage = Linformer.Config(num_prototypes=5).build(HEADS, GRID).double()
    projection = stage.projection.repeat(ITEMS, 1, 1)  # (G, R, N)
    keys, values = (projection @ (t * mask.unsqueeze(-1)) for t in (k, v))
    wanted = (q @ keys.mT * SIZE**-0.5).softmax(-1) @ values
    torch.testing.assert_close(stage(q, k, v, GRID, mask)[0].transpose(0, 1), wanted, rtol=0, atol=1e-10)


def test_dropout_of_the_map_is_that_of_training_only_and_saves_no_map() -> None:
    q, k, v = (t.requires_grad_() for t in heads())
    stage = ExactSpace(dropout=0.5)
    torch.manual_seed(3)
    one = stage(q, k, v, GRID)
    torch.manual_seed(3)
    assert torch.equal(one, stage(q, k, v, GRID))
    assert not torch.equal(one, stage(q, k, v, GRID))
    saved: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):  # pyright: ignore
        stage(q, k, v, GRID)
    assert max(saved) <= q.numel()
    torch.testing.assert_close(stage.eval()(q, k, v, GRID), ExactSpace()(q, k, v, GRID))


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
    out, gradient = of_seed(v), torch.randn_like(q)
    torch.testing.assert_close(out, stored)
    assert abs(kept.sum() / (keys.sum() * queries) - 0.75) < 0.05
    for ours, theirs in zip(*(torch.autograd.grad(y, (q, k, v), gradient) for y in (out, stored)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_dropout_on_a_cpu_leaves_mixed_precision_and_padding_without_tokens_finite() -> None:
    q = torch.randn(2, 5, SIZE, dtype=torch.bfloat16, requires_grad=True)
    mask = torch.tensor([[True] * 5, [False] * 5])
    with torch.autocast("cpu", torch.bfloat16):
        out = dropout_attention(q, q, q, mask, 0.5)
        out.sum().backward()
    assert out.dtype == torch.bfloat16 and q.grad is not None and out.isfinite().all() and q.grad.isfinite().all()
