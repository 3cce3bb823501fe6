import itertools

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from models.mixers.trajectory import TrajectoryAttention
from models.tokens import Grid

GRID = Grid(frames=3, height=2, width=2)
HEADS, WIDTH = 2, 8
T, S, n = GRID.frames, GRID.patches, GRID.tokens
VARIANTS = [
    TrajectoryAttention.Config(temporal=temporal, normalize_over=normalize_over, project_values=project_values)
    for temporal, normalize_over, project_values in itertools.product(
        ("attention", "average"), ("space", "space-time"), (False, True)
    )
    if not (temporal == "average" and project_values)
]


def equations_4_to_6(x: Tensor, mixer: TrajectoryAttention) -> Tensor:
    """Trajectory attention as printed, with its whole maps; second keys and values for every frame of every query."""
    config = mixer.config
    scale = (WIDTH // HEADS) ** -0.5
    q, k, v = ((x @ w.T + b).unflatten(-1, (HEADS, -1)) for w, b in zip(*thirds(mixer), strict=True))  # (B, N, H, K)
    weights = (torch.einsum("bhk,bjhk->bhj", q[:, 0], k) * scale).softmax(-1)
    cls = torch.einsum("bhj,bjhk->bhk", weights, v).flatten(1)  # (B, D)
    q = q[:, 1:]
    k, v = (t[:, 1:].unflatten(1, (T, S)) for t in (k, v))  # (B, T, S, H, K)
    scores = torch.einsum("bihk,btshk->bhits", q, k) * scale
    if config.normalize_over == "space":
        maps = scores.exp() / scores.exp().sum(-1, keepdim=True)
    else:
        maps = scores.exp() / scores.exp().sum((-2, -1), keepdim=True)
    y = torch.einsum("bhits,btshk->bithk", maps, v).flatten(-2)  # (B, n, T, D)
    if config.temporal == "average":
        patches = y.mean(2)
    else:
        own = torch.stack([y[:, i, i // S] for i in range(n)], dim=1)  # (B, n, D)
        query = (own @ mixer.proj_q.weight.T + mixer.proj_q.bias).unflatten(-1, (HEADS, -1))
        key, value = (y @ mixer.proj_kv.weight.T + mixer.proj_kv.bias).split(WIDTH, dim=-1)
        key, value = (t.unflatten(-1, (HEADS, -1)) for t in (key, value if config.project_values else y))
        weights = (torch.einsum("bihk,bithk->biht", query, key) * scale).softmax(-1)
        patches = torch.einsum("biht,bithk->bihk", weights, value).flatten(-2)  # (B, n, D)
    return torch.cat([cls.unsqueeze(1), patches], dim=1) @ mixer.proj.weight.T + mixer.proj.bias


def thirds(mixer: TrajectoryAttention) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    return mixer.qkv.weight.split(WIDTH), mixer.qkv.bias.split(WIDTH)


def mixer_and_tokens(config: TrajectoryAttention.Config) -> tuple[TrajectoryAttention, Tensor]:
    torch.manual_seed(0)
    (mixer,) = config.build(WIDTH, HEADS)
    return mixer.double(), torch.randn(2, 1 + n, WIDTH, dtype=torch.float64, requires_grad=True)


def heads_of(x: Tensor, mixer: TrajectoryAttention) -> list[Tensor]:
    """Queries, keys and values of the patches: (B, H, T*S, K)."""
    return [t[:, 1:].unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in mixer.qkv(x).chunk(3, dim=-1)]


@pytest.mark.parametrize("config", VARIANTS, ids=str)
def test_values_and_gradients_are_those_of_the_equations(config: TrajectoryAttention.Config) -> None:
    mixer, x = mixer_and_tokens(config)
    ours, naive = mixer(x, GRID), equations_4_to_6(x, mixer)
    torch.testing.assert_close(ours, naive, rtol=0, atol=1e-12)
    upstream = torch.randn_like(ours)
    inputs = [x, *mixer.parameters()]
    for got, expected in zip(
        torch.autograd.grad(ours, inputs, upstream), torch.autograd.grad(naive, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


def test_the_weights_of_each_frame_sum_to_one() -> None:
    mixer, x = mixer_and_tokens(TrajectoryAttention.Config())
    q, k, v = heads_of(x, mixer)
    found = mixer.trajectories(q, k, torch.ones_like(v), GRID)  # (B, n, T, D)
    torch.testing.assert_close(found, torch.ones_like(found))


def test_normalised_over_space_and_time_the_weights_sum_to_one_over_all_frames_only() -> None:
    mixer, x = mixer_and_tokens(TrajectoryAttention.Config(normalize_over="space-time"))
    q, k, v = heads_of(x, mixer)
    found = mixer.trajectories(q, k, torch.ones_like(v), GRID)  # (B, n, T, D)
    torch.testing.assert_close(found.sum(2), torch.ones_like(found[:, :, 0]))
    assert (found < 1).all() and found.std(dim=2).min() > 0


@pytest.mark.parametrize("config", VARIANTS, ids=str)
def test_patches_never_see_cls_but_cls_sees_all(config: TrajectoryAttention.Config) -> None:
    mixer, x = mixer_and_tokens(config)
    out = mixer(x, GRID)
    (of_patches,) = torch.autograd.grad(out[:, 1:].sum(), x, retain_graph=True)
    assert (of_patches[:, 0] == 0).all() and (of_patches[:, 1:] != 0).any(-1).all()
    (of_cls,) = torch.autograd.grad(out[:, 0].sum(), x)
    assert (of_cls != 0).any(-1).all()


@pytest.mark.parametrize("config", VARIANTS, ids=str)
def test_where_a_patch_stands_in_its_frame_changes_nothing_for_the_others(config: TrajectoryAttention.Config) -> None:
    mixer, x = mixer_and_tokens(config)
    order = torch.arange(1 + n)
    order[1 + S : 1 + 2 * S] = 1 + S + torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(mixer(x[:, order], GRID), mixer(x, GRID)[:, order], rtol=0, atol=1e-12)


def test_in_which_frame_a_patch_stands_matters() -> None:
    mixer, x = mixer_and_tokens(TrajectoryAttention.Config())
    order = torch.arange(1 + n)
    order[[1, 1 + S]] = order[[1 + S, 1]]
    assert (mixer(x[:, order], GRID) - mixer(x, GRID)[:, order]).abs().max() > 1e-4


def test_a_trajectory_follows_an_object_that_moves() -> None:
    """With queries that pick their own likes, the token found in each frame is the object's, wherever it went."""
    mixer, _ = mixer_and_tokens(TrajectoryAttention.Config())
    things = torch.eye(S, WIDTH // HEADS, dtype=torch.float64)  # one direction a thing
    places = [torch.tensor(p) for p in ([0, 1, 2, 3], [2, 0, 3, 1], [3, 2, 1, 0])]  # which thing stands where
    tokens = torch.cat([things[place] for place in places]).expand(1, HEADS, -1, -1)  # (1, H, T*S, K)
    found = mixer.trajectories(100 * tokens, tokens, tokens, GRID)[0, :S, :, : WIDTH // HEADS]  # (S, T, K)
    for place, thing in enumerate(places[0]):
        torch.testing.assert_close(found[place], things[thing].expand(T, -1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("config", VARIANTS, ids=str)
def test_macs_are_those_of_the_equations(config: TrajectoryAttention.Config) -> None:
    mixer, x = mixer_and_tokens(config)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        equations_4_to_6(x[:1], mixer)
    assert config.macs(GRID, WIDTH) == counter.get_total_flops() // 2


def test_unprojected_values_leave_the_lower_half_of_proj_kv_without_gradient() -> None:
    mixer, x = mixer_and_tokens(TrajectoryAttention.Config())
    mixer(x, GRID).square().sum().backward()
    for parameter in (mixer.proj_kv.weight, mixer.proj_kv.bias):
        assert parameter.grad is not None
        assert (parameter.grad[WIDTH:] == 0).all()
    assert mixer.proj_kv.weight.grad is not None and (mixer.proj_kv.weight.grad[:WIDTH] != 0).any()
