"""Contract of the attention between heads, exact or approximate: its equation, padding, random numbers and cost; then
what is particular to Nyströmformer, Performer and dropout.

T frames, S patches per frame, n = T*S, K size of a head, G heads of all items, R prototypes.
"""

import itertools
from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from models.mixers.dropout_attention import dropout_attention
from models.mixers.linformer import Linformer
from models.mixers.nystromformer import Nystromformer, iterated_inverse
from models.mixers.orthoformer import Orthoformer, Prototypes
from models.mixers.performer import Performer
from models.mixers.trajectory_space import (
    Approximation,
    ExactSpace,
    SpatialStage,
    by_frame,
    mask_by_frame,
    masked,
    segment_means,
    space_major,
)
from models.tokens import Grid
from tests.models.gradients import assert_same

HEADS, ITEMS, LENGTH, SIZE = 2, 3, 24, 8
VIDEO, SEQUENCE = Grid(3, 2, 4), Grid(1, 1, LENGTH)
LENGTHS = (24, 17, 9)
STAGES: list[Approximation | None] = [
    Performer.Config(num_features=32, kernel="softmax"),
    None,
    Performer.Config(num_features=32),
    Performer.Config(num_features=32, kernel="two-sided"),
    Performer.Config(num_features=32, scales_twice=True),
    Nystromformer.Config(num_prototypes=1),
    Nystromformer.Config(num_prototypes=5),
    Nystromformer.Config(num_prototypes=24),
    Nystromformer.Config(num_prototypes=6, conv_kernel=5, trains_landmarks=True),
    Nystromformer.Config(num_prototypes=6, conv_kernel=5, trains_landmarks=True, inverse_start="all maps"),
    Orthoformer.Config(num_prototypes=1),
    Orthoformer.Config(num_prototypes=6),
    Orthoformer.Config(num_prototypes=12),
    Orthoformer.Config(num_prototypes=6, candidates="queries-and-keys"),
    Orthoformer.Config(num_prototypes=6, candidates="queries-and-keys", candidates_per_prototype=2),
    Orthoformer.Config(num_prototypes=6, selection="random"),
    Orthoformer.Config(num_prototypes=6, selection="segment-means"),
    Orthoformer.Config(num_prototypes=9, selection="segment-means", candidates="queries-and-keys"),
    Linformer.Config(num_prototypes=5),
]
OF_CLIPS: list[Approximation | None] = [
    Orthoformer.Config(num_prototypes=4, share_over_time=False),
    Orthoformer.Config(num_prototypes=4, share_over_time=False, selection="random"),
    Orthoformer.Config(num_prototypes=4, share_over_time=False, candidates="queries-and-keys"),
    Orthoformer.Config(num_prototypes=4, share_over_time=False, matched_prototypes=True),
]
ON_GRIDS = [*((config, grid) for config in STAGES for grid in (VIDEO, SEQUENCE)), *((c, VIDEO) for c in OF_CLIPS)]
each_stage = pytest.mark.parametrize("config", STAGES, ids=str)


def built(config: Approximation | None, grid: Grid = SEQUENCE, *, stored: bool = False) -> SpatialStage:
    torch.manual_seed(1)
    stage = ExactSpace(stores_map=stored) if config is None else config.build(HEADS, grid, stores_maps=stored)
    return stage.double().eval()


def heads(items: int = ITEMS, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Queries, keys and values (G, n, K)."""
    torch.manual_seed(0)
    return [torch.randn(items * HEADS, LENGTH, SIZE, dtype=dtype) for _ in range(3)]


def padding() -> Tensor:
    """Mask (G, n) of three sequences of different lengths; the tokens of the last one are scattered."""
    mask = torch.stack([torch.arange(LENGTH) < length for length in LENGTHS])
    mask[2] = mask[2][torch.randperm(LENGTH, generator=torch.Generator().manual_seed(2))]
    return mask.repeat_interleave(HEADS, dim=0)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax attention of queries (..., n, K) to keys and values (..., L, K), with a mask (..., L) of the keys."""
    scores = q @ k.mT * q.shape[-1] ** -0.5
    return (scores if mask is None else scores.masked_fill(~mask.unsqueeze(-2), -torch.inf)).softmax(-1) @ v


def prototypes_of(stage: Orthoformer, q: Tensor, k: Tensor, grid: Grid, mask: Tensor | None = None) -> Prototypes:
    """Prototypes (rows, R, K) that the stage selects."""
    selected: list[Prototypes] = []
    original = stage.prototypes
    stage.prototypes = lambda *args, **kwargs: selected.append(original(*args, **kwargs)) or selected[-1]  # pyright: ignore
    stage(q, k, torch.zeros_like(q), grid, mask)
    stage.prototypes = original
    assert not selected[0].values.requires_grad
    return selected[0]


def exact(stage: ExactSpace, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None) -> Tensor:
    return attention(q, by_frame(k, grid), by_frame(v, grid), mask_by_frame(mask, grid)).transpose(1, 2)


def nystromformer(stage: Nystromformer, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None) -> Tensor:
    """Algorithm 2: product of three maps in the order of the released code. Padding counts as zeros in the means."""
    config, scale = stage.config, SIZE**-0.5
    with torch.set_grad_enabled(config.trains_landmarks):
        q_means, k_means = (segment_means(space_major(masked(t, mask), grid), config.num_prototypes) for t in (q, k))
        middle = (q_means @ k_means.mT * scale).softmax(-1)  # (G, R, R)
        sums = middle.sum(-2, keepdim=True).amax(-1, keepdim=True)
        z = middle.mT / (sums.max() if config.inverse_start == "all maps" else sums)
        for _ in range(config.num_iterations):
            az, eye = middle @ z, torch.eye(len(z[0]), dtype=z.dtype)
            z = 0.25 * z @ (13 * eye - az @ (15 * eye - az @ (7 * eye - az)))
    right = attention(q_means, by_frame(k, grid), by_frame(v, grid), mask_by_frame(mask, grid))  # (T, G, R, K)
    y = torch.einsum("gnr,tgrk->tngk", (q @ k_means.mT * scale).softmax(-1) @ z, right)
    if (kernel := config.conv_kernel) is None:
        return y
    values = F.pad(masked(v, mask), (0, 0, kernel // 2, kernel // 2))  # (G, n + kernel - 1, K)
    weights = stage.conv.weight[:, 0, :, 0].repeat(len(v) // HEADS, 1)  # (G, kernel)
    return y + sum(
        (weights[:, place, None, None] * values[:, place : place + LENGTH] for place in range(kernel)),
        start=torch.zeros_like(v),
    ).transpose(0, 1)


def orthoformer(stage: Orthoformer, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None) -> Tensor:
    """Equation 10 with the selected prototypes, from queries of each frame to keys and values of each frame."""
    config, (values, real) = stage.config, prototypes_of(stage, q, k, grid, mask)
    sets = values.unflatten(0, (-1, len(q)))  # (1 or T, G, R, K)
    queries, keys, values = (by_frame(t, grid) for t in (q, k, v))  # (T, G, S, K)
    frames = []
    for t in range(grid.frames):
        parts = []
        for s in range(grid.frames):
            left, right = (sets[0], sets[0]) if config.share_over_time else (sets[t], sets[s])
            right = left if config.matched_prototypes else right
            kept = None if mask is None else mask_by_frame(mask, grid)[t]  # pyright: ignore[reportOptionalSubscript]
            parts.append(attention(queries[s], left, attention(right, keys[t], values[t], kept), real))
        frames.append(torch.cat(parts, dim=1).transpose(0, 1))  # (n, G, K)
    return torch.stack(frames)


def performer(stage: Performer, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None) -> Tensor:
    """Features and products of the released code, frame by frame."""
    config, directions = stage.config, stage.directions(SIZE).double()

    def features(x: Tensor, over: tuple[int, ...], kept: Tensor | None) -> Tensor:
        x = x * SIZE ** (-0.5 if config.scales_twice else -0.25)
        projected, half = x @ directions.T, x.square().sum(-1, keepdim=True) / 2
        if config.kernel == "two-sided":
            return torch.cat([(projected - half).exp(), (-projected - half).exp()], dim=-1)
        largest = (projected - half).detach() if config.kernel == "softmax" else projected
        largest = largest if kept is None else largest.masked_fill(~kept.unsqueeze(-1), -torch.inf)
        return (projected - half - largest.amax(over, keepdim=True)).exp() + 1e-6

    q_features, k_features = features(q, (-1,), None), masked(features(k, (-2, -1), mask), mask)
    frames = []
    for k_t, v_t in zip(by_frame(k_features, grid), by_frame(v, grid), strict=True):
        inverse = 1 / torch.einsum("gnm,gm->gn", q_features, k_t.sum(1))
        product = torch.einsum("gmk,gnm->gnk", torch.einsum("gsm,gsk->gmk", k_t, v_t), q_features)
        frames.append(product * inverse.unsqueeze(-1))
    return torch.stack(frames).transpose(1, 2)


def linformer(stage: Linformer, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None) -> Tensor:
    """Attention to combinations of the keys and values of each frame, in which padding counts as zeros."""
    projection = stage.projection.repeat(len(q) // HEADS, 1, 1)  # (G, R, S)
    return attention(q, *(projection @ by_frame(masked(t, mask), grid) for t in (k, v))).transpose(1, 2)


EQUATIONS = {
    ExactSpace: exact,
    Nystromformer: nystromformer,
    Orthoformer: orthoformer,
    Performer: performer,
    Linformer: linformer,
}


def equation(stage: SpatialStage, inputs: Sequence[Tensor], grid: Grid, mask: Tensor | None = None) -> Tensor:
    """Trajectories (T, n, G, K) of queries, keys and values (G, n, K) by the plain equation of a stage."""
    q, k, v = inputs
    return EQUATIONS[type(stage)](stage, q, k, v, grid, mask)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("stored", [False, True], ids=["ours", "stored maps"])
@pytest.mark.parametrize(("config", "grid"), ON_GRIDS, ids=str)
def test_values_and_gradients_are_those_of_the_equation(config: Approximation | None, grid: Grid, stored: bool) -> None:
    stage, length = built(config, grid, stored=stored), 2 if isinstance(config, Performer.Config) else 1
    inputs = [(length * t).requires_grad_() for t in heads()]  # the maximum of features matters for long vectors
    mask = padding() if grid == SEQUENCE else None
    ours, naive = stage(*inputs, grid, mask), equation(stage, inputs, grid, mask)
    if mask is not None:  # outputs of padding mean nothing
        ours, naive = (y[0].transpose(0, 1)[mask] for y in (ours, naive))
    tolerance = 1e-10 if isinstance(config, Nystromformer.Config) else 1e-12
    assert_same(ours, naive, [*inputs, *stage.parameters()], tolerance)


@each_stage
def test_tokens_do_not_depend_on_what_stands_in_padding(config: Approximation | None) -> None:
    stage, mask, inputs = built(config), padding(), heads()
    other = [torch.where(mask.unsqueeze(-1), t, 3 * torch.randn_like(t)) for t in inputs]
    y, z = (stage(*each, SEQUENCE, mask)[0].transpose(0, 1) for each in (inputs, other))  # (G, n, K)
    torch.testing.assert_close(y[mask], z[mask], rtol=0, atol=1e-10)
    assert y.isfinite().all()


@pytest.mark.parametrize(
    "config",
    [
        None,
        Performer.Config(num_features=32),
        Performer.Config(num_features=32, kernel="two-sided"),
        Orthoformer.Config(num_prototypes=6),
        Orthoformer.Config(num_prototypes=6, candidates="queries-and-keys"),
    ],
    ids=str,
)
def test_a_padded_sequence_has_the_outputs_of_the_same_sequence_without_padding(config: Approximation | None) -> None:
    stage, inputs, length = built(config), heads(), LENGTHS[1]
    mask = torch.arange(LENGTH).expand(ITEMS * HEADS, -1) < length
    y = stage(*inputs, SEQUENCE, mask)[:, :length]
    short = stage(*(t[:, :length] for t in inputs), Grid(1, 1, length))
    torch.testing.assert_close(y, short, rtol=0, atol=1e-10)


@pytest.mark.parametrize("config", [*STAGES, *OF_CLIPS], ids=str)
def test_training_draws_new_seeded_numbers_and_evaluation_depends_on_the_item_alone(
    config: Approximation | None,
) -> None:
    inputs, stage = heads(), built(config, VIDEO).train()
    selects = isinstance(config, Orthoformer.Config) and config.selection != "segment-means"
    torch.manual_seed(5)
    one, other = stage(*inputs, VIDEO), stage(*inputs, VIDEO)
    assert torch.equal(one, other) != (selects or isinstance(config, Performer.Config))
    torch.manual_seed(5)
    assert torch.equal(stage(*inputs, VIDEO), one)

    stage.eval()
    state = torch.get_rng_state()
    together = stage(*inputs, VIDEO)
    assert torch.equal(torch.get_rng_state(), state)
    if isinstance(config, Nystromformer.Config) and config.inverse_start == "all maps":
        return  # it depends on the batch
    for item in range(ITEMS):
        rows = slice(item * HEADS, (item + 1) * HEADS)
        torch.testing.assert_close(stage(*(t[rows] for t in inputs), VIDEO), together[:, :, rows], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "config",
    [Nystromformer.Config(num_prototypes=6), Performer.Config(num_features=20), Linformer.Config(num_prototypes=5)],
    ids=str,
)
def test_macs_are_those_of_the_equation(config: Approximation) -> None:
    stage, inputs = built(config, VIDEO), heads(items=1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        equation(stage, inputs, VIDEO)
    macs = counter.get_total_flops() // 2
    if isinstance(config, Performer.Config):
        # fvcore counts the scaling by the inverse, which is an einsum in the released code. torch counts no scaling.
        macs += LENGTH * VIDEO.frames * HEADS * SIZE
    assert config.macs(VIDEO, HEADS * SIZE, HEADS) == macs


@pytest.mark.parametrize("kind", [Nystromformer.Config, Orthoformer.Config, Linformer.Config])
def test_few_prototypes_are_at_least_one_at_scale_tiny(kind: Callable[..., Approximation]) -> None:
    assert kind(num_prototypes=4).tiny() == kind(num_prototypes=1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("config", "error"),
    [(Nystromformer.Config(num_prototypes=16), 0.05), (Performer.Config(num_features=20), 0.0)],
    ids=["maps in half precision", "features in single precision"],
)
def test_half_precision_is_close_to_single_precision(config: Approximation, error: float, dtype: torch.dtype) -> None:
    inputs = [t.to(dtype) for t in heads(dtype=torch.float32)]
    stage = config.build(HEADS, VIDEO).eval()
    with torch.autocast("cpu", dtype=dtype):
        half = stage(*inputs, VIDEO)
    exact = stage(*(t.float() for t in inputs), VIDEO).to(dtype)
    assert half.dtype == dtype and (half - exact).norm() <= error * exact.norm()


def test_the_iterated_inverse_inverts() -> None:
    torch.manual_seed(0)
    a = torch.randn(3, 6, 6, dtype=torch.float64).softmax(-1) + torch.eye(6, dtype=torch.float64)
    torch.testing.assert_close(iterated_inverse(a, 12) @ a, torch.eye(6, dtype=torch.float64).expand(3, 6, 6))


def test_with_as_many_segments_as_tokens_the_result_is_exact() -> None:
    torch.manual_seed(0)
    grid = Grid(3, 4, 4)
    q, v = (torch.randn(HEADS, grid.tokens, 8, dtype=torch.float64) for _ in range(2))
    q = 4 * F.normalize(q, dim=-1)  # far apart, so that their attention map is invertible
    stage = Nystromformer.Config(num_prototypes=grid.tokens, num_iterations=40).build(HEADS)
    torch.testing.assert_close(stage(q, q, v, grid), ExactSpace()(q, q, v, grid), rtol=0, atol=1e-6)


def test_more_features_converge_to_exact_attention() -> None:
    q, k, v = heads(items=1)
    q, k = q / 2, k / 2  # 1e-6 biases features if one is far larger than the others
    exact = ExactSpace()(q, k, v, VIDEO)
    errors = [
        (Performer.Config(num_features=m).build(HEADS).eval()(q, k, v, VIDEO) - exact).square().mean().sqrt().item()
        for m in (64, 1024, 16384, 262144)
    ]
    assert errors[3] < 0.01
    # The error decreases with the square root of the number of features, here by a factor of 4.
    assert all(2 < before / after < 8 for before, after in itertools.pairwise(errors))


def test_scaling_twice_divides_scores_by_the_size_of_a_head() -> None:
    q, k, v = (t / 2 for t in heads())
    stage = Performer.Config(num_features=65536, scales_twice=True).build(HEADS).eval()
    wanted = (q @ k.mT / SIZE).softmax(-1) @ v
    assert (stage(q, k, v, SEQUENCE)[0].transpose(0, 1) - wanted).abs().max() < 0.02


def test_directions_are_orthogonal_in_blocks_and_as_long_as_normal_vectors() -> None:
    directions = Performer.Config(num_features=3 * 64 - 10).build(HEADS).directions(64)
    assert directions.shape == (182, 64)
    block = F.normalize(directions[64:128], dim=-1)
    torch.testing.assert_close(block @ block.T, torch.eye(64), rtol=0, atol=1e-5)
    assert directions.norm(dim=1).mean().item() == pytest.approx(8, abs=0.2)
    assert directions.norm(dim=1).std().item() == pytest.approx(0.5**0.5, abs=0.2)
    of_two_sides = Performer.Config(num_features=32, kernel="two-sided").build(HEADS).directions(SIZE)
    torch.testing.assert_close(of_two_sides.norm(dim=1), torch.full((16,), SIZE**0.5), rtol=1e-5, atol=0)


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
