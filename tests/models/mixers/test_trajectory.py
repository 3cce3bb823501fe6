import pytest
import torch
from torch import Tensor, nn

from benchmarks import motionformer as reference
from models.mixers.trajectory import TrajectoryAttention
from models.mixers.trajectory_time import Pooling, temporal_attention
from models.tokens import Grid
from runner.measure.memory import bytes_saved_by
from tests.models.gradients import assert_same

GRID = Grid(frames=3, height=2, width=2)
HEADS, WIDTH = 2, 8
T, S, n = GRID.frames, GRID.patches, GRID.tokens
EXACT = [TrajectoryAttention.Config(), TrajectoryAttention.Config(project_values=True)]


def mixer_and_tokens(
    config: TrajectoryAttention.Config, grid: Grid = GRID, dtype: torch.dtype = torch.float64
) -> tuple[TrajectoryAttention, Tensor]:
    """Mixer, and the tokens of two clips."""
    torch.manual_seed(0)
    (mixer,) = config.build(WIDTH, HEADS)
    return mixer.to(dtype), torch.randn(2, 1 + grid.tokens, WIDTH, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("grid", [Grid(8, 14, 14), Grid(1, 14, 14)], ids=["eight frames", "one frame"])
@pytest.mark.parametrize("config", EXACT, ids=["unprojected", "projected"])
def test_values_and_gradients_agree_for_many_chunks_and_for_one_frame(
    config: TrajectoryAttention.Config, grid: Grid
) -> None:
    mixer, x = mixer_and_tokens(config, grid)
    assert_same(mixer(x, grid), reference.trajectory(x, mixer, grid), [x, *mixer.parameters()], 1e-10)


@pytest.mark.parametrize("config", EXACT, ids=["unprojected", "projected"])
def test_single_precision_is_within_1e_4(config: TrajectoryAttention.Config) -> None:
    torch.manual_seed(0)
    grid = Grid(frames=4, height=7, width=7)
    (mixer,) = config.build(96, 4)
    x = torch.randn(2, 1 + grid.tokens, 96, requires_grad=True)
    inputs, upstream_scale = [x, *mixer.parameters()], x.numel() ** -0.5
    assert_same(mixer(x, grid), reference.trajectory(x, mixer, grid), inputs, 1e-4, upstream_scale=upstream_scale)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("config", EXACT, ids=["unprojected", "projected"])
def test_ours_is_as_exact_in_half_precision_as_the_published_formulation(
    config: TrajectoryAttention.Config, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    grid = Grid(frames=4, height=7, width=7)
    (mixer,) = config.build(96, 4)
    x = torch.randn(2, 1 + grid.tokens, 96, requires_grad=True)
    upstream = torch.randn_like(x)
    inputs = [x, *mixer.parameters()]

    def values_and_gradients(out: Tensor) -> Tensor:
        gradients = torch.autograd.grad(out, inputs, upstream.to(out.dtype))
        assert all(g.dtype == i.dtype for g, i in zip(gradients, inputs, strict=True))
        return torch.cat([t.double().flatten() for t in (out, *gradients)])

    with torch.autocast("cpu", dtype=dtype):
        ours, published = mixer(x, grid), reference.trajectory(x, mixer, grid)
    assert ours.dtype == dtype
    exact = values_and_gradients(reference.trajectory(x, mixer, grid))
    error = (values_and_gradients(ours) - exact).norm() / exact.norm()
    assert error < 0.02
    assert error < 1.1 * (values_and_gradients(published) - exact).norm() / exact.norm()


@pytest.mark.parametrize("recompute", [False, True], ids=["saved", "recomputed"])
def test_runs_without_gradients_and_on_the_meta_device(recompute: bool) -> None:
    mixer, x = mixer_and_tokens(TrajectoryAttention.Config())
    mixer.recompute = recompute
    with torch.no_grad():
        out = mixer(x, GRID)
    assert not out.requires_grad
    torch.testing.assert_close(out, mixer(x, GRID).detach(), rtol=0, atol=0)
    assert mixer.to("meta")(x.to("meta"), GRID).shape == x.shape


def test_gradients_are_deterministic() -> None:
    mixer, x = mixer_and_tokens(TrajectoryAttention.Config(project_values=True), Grid(4, 7, 7), torch.float32)
    steps = [torch.autograd.grad(mixer(x, Grid(4, 7, 7)).square().sum(), [x, *mixer.parameters()]) for _ in range(2)]
    assert all(torch.equal(one, other) for one, other in zip(*steps, strict=True))


@pytest.mark.parametrize("config", EXACT, ids=["unprojected", "projected"])
def test_ours_saves_far_fewer_bytes_for_backward_than_the_published_formulation(
    config: TrajectoryAttention.Config,
) -> None:
    grid = Grid(8, 14, 14)
    (mixer,) = config.build(192, 3)
    x = torch.randn(1, 1 + grid.tokens, 192, requires_grad=True)
    published = bytes_saved_by(lambda: reference.trajectory(x, mixer, grid), mixer)
    assert published > 5.5 * bytes_saved_by(lambda: mixer(x, grid), mixer)
    mixer.recompute = True
    assert published > 16 * bytes_saved_by(lambda: mixer(x, grid), mixer)


def test_a_trajectory_follows_an_object_that_moves() -> None:
    """If queries match the keys of the same object, the trajectory contains the object's token of each frame."""
    mixer, _ = mixer_and_tokens(TrajectoryAttention.Config())
    objects = torch.eye(S, WIDTH // HEADS, dtype=torch.float64)  # one direction per object
    layouts = [torch.tensor(p) for p in ([0, 1, 2, 3], [2, 0, 3, 1], [3, 2, 1, 0])]  # object at each position
    tokens = torch.cat([objects[layout] for layout in layouts]).expand(HEADS, -1, -1)  # (H, T*S, K)
    trajectories = mixer.trajectories(100 * tokens, tokens, tokens, GRID)[:, :S, 0]  # (T, S, K)
    for position, index in enumerate(layouts[0]):
        torch.testing.assert_close(trajectories[:, position], objects[index].expand(T, -1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("project_values", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_trajectories_keep_their_precision_under_mixed_precision(project_values: bool, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    trajectories = torch.randn(4, 4 * 9, 32, dtype=dtype, requires_grad=True)
    proj_q, proj_kv, pooling = nn.Linear(32, 32), nn.Linear(32, 64), Pooling(2, project_values)
    expected = temporal_attention(trajectories, proj_q, proj_kv, pooling)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = temporal_attention(trajectories, proj_q, proj_kv, pooling)
    assert pooled.dtype == dtype
    assert_same(pooled, expected, (trajectories, proj_q.weight, proj_kv.weight), 0)


@pytest.mark.parametrize("project_values", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_softmax_gradients_in_half_precision_keep_small_differences_between_frames(
    project_values: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    T, D = 4, 4
    large = 2 / torch.finfo(dtype).eps  # from here on, adjacent numbers of the dtype differ by 2
    tokens = torch.randint(-3, 4, (T, T * 3, D)).double()
    tokens[..., 0] = large + 2 * torch.randint(8, tokens.shape[:2])
    proj_q, proj_kv = nn.Linear(D, D), nn.Linear(D, 2 * D)
    nn.init.zeros_(proj_q.weight)  # all scores are zero, and all weights 1/T
    nn.init.zeros_(proj_q.bias)
    proj_kv.load_state_dict({"weight": torch.eye(D).repeat(2, 1), "bias": torch.zeros(2 * D)})
    pooled = temporal_attention(tokens.to(dtype), proj_q, proj_kv, Pooling(1, project_values))
    (gradient,) = torch.autograd.grad(pooled[:, 0].sum(), proj_q.bias)

    query = torch.zeros(D, dtype=torch.float64, requires_grad=True)
    weights = (tokens @ query * D**-0.5).softmax(dim=0)  # (T, M)
    (expected,) = torch.autograd.grad((weights * tokens[..., 0]).sum(), query)
    torch.testing.assert_close(gradient.double(), expected, rtol=2**-7, atol=0.1)
