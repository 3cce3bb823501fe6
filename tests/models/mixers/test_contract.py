"""Contract of all mixers: their equation, which tokens attend to which, CLS alone, cost, and no map in memory.

T frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, H heads.
"""

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import motionformer as reference
from models.baselines.timesformer import FrameSpaceAttention, PatchTimeAttention, TimeSformerAttention
from models.mixers.attention import Mixer, MixerConfig
from models.mixers.divided import DividedAttention, SpaceAttention, TimeAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.tokens import Grid
from tests.models.gradients import assert_same

GRID, HEADS, WIDTH = Grid(frames=3, height=2, width=2), 2, 8
EVERY = range(1 + GRID.tokens)
TRAJECTORIES = [
    TrajectoryAttention.Config(temporal=temporal, normalize_over=normalize_over, project_values=project_values)
    for temporal, normalize_over, project_values in itertools.product(
        ("attention", "average"), ("space", "space-time"), (False, True)
    )
    if not (temporal == "average" and project_values)
]
STORED = [replace(config, stores_maps=True) for config in TRAJECTORIES]
PLAIN: list[MixerConfig] = [JointAttention.Config(), DividedAttention.Config()]
CONFIGS: list[MixerConfig] = [*PLAIN, *TRAJECTORIES, TimeSformerAttention.Config()]
EACH = [(config, place) for config in CONFIGS for place in range(config.num_mixers)]
each_mixer = pytest.mark.parametrize(("config", "place"), EACH, ids=str)
SOFTMAX = [(config, place) for config, place in EACH if config not in TRAJECTORIES]


def mixer_and_tokens(config: MixerConfig, place: int = 0) -> tuple[Mixer, Tensor]:
    """Mixer of a block, and the tokens of two clips."""
    torch.manual_seed(0)
    mixer = config.build(WIDTH, HEADS)[place].double()
    return mixer, torch.randn(2, 1 + GRID.tokens, WIDTH, dtype=torch.float64, requires_grad=True)


def groups(mixer: Mixer, token: int) -> list[list[int]]:
    """Groups of tokens that a token attends to: its output is the mean over the groups, zero without any."""
    frame, position = divmod(token - 1, GRID.patches)
    at_position = [1 + t * GRID.patches + position for t in range(GRID.frames)]
    in_frames = [[1 + t * GRID.patches + s for s in range(GRID.patches)] for t in range(GRID.frames)]
    match mixer:
        case PatchTimeAttention():
            return [at_position] if token else []
        case FrameSpaceAttention():
            return [[0, *in_frames[frame]]] if token else [[0, *patches] for patches in in_frames]
        case TimeAttention() if token:
            return [[0, *at_position]]
        case SpaceAttention() if token:
            return [[0, *in_frames[frame]]]
    return [list(EVERY)]


def equation(x: Tensor, mixer: Mixer) -> Tensor:
    """Softmax attention of each token to its groups, token by token and head by head."""
    assert isinstance(mixer, JointAttention | TimeAttention | SpaceAttention)
    q, k, v = (x @ mixer.qkv.weight.T + mixer.qkv.bias).split(WIDTH, dim=-1)

    def attended(token: int, members: list[int]) -> Tensor:
        heads = []
        for part in torch.arange(WIDTH).chunk(HEADS):
            scores = torch.einsum("bk,bjk->bj", q[:, token, part], k[:, members][..., part]) * len(part) ** -0.5
            weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
            heads.append(torch.einsum("bj,bjk->bk", weights, v[:, members][..., part]))
        output = torch.cat(heads, dim=-1) @ mixer.proj.weight.T + mixer.proj.bias
        return mixer.residual(output) if isinstance(mixer, PatchTimeAttention) else output

    nothing = torch.zeros_like(x[:, 0])
    outputs = [[attended(token, members) for members in groups(mixer, token)] or [nothing] for token in EVERY]
    return torch.stack([torch.stack(of_groups).mean(dim=0) for of_groups in outputs], dim=1)


@pytest.mark.parametrize(("config", "place"), SOFTMAX, ids=str)
def test_values_and_gradients_are_those_of_the_equation(config: MixerConfig, place: int) -> None:
    mixer, x = mixer_and_tokens(config, place)
    assert_same(mixer(x, GRID), equation(x, mixer), [x, *mixer.parameters()])


@pytest.mark.parametrize("recompute", [False, True], ids=["saved", "recomputed"])
@pytest.mark.parametrize("config", [*TRAJECTORIES, *STORED], ids=str)
def test_values_and_gradients_are_those_of_trajectories(config: MixerConfig, recompute: bool) -> None:
    mixer, x = mixer_and_tokens(config)
    mixer.recompute = recompute
    assert_same(mixer(x, GRID), reference.mixer_output(x, mixer, GRID), [x, *mixer.parameters()])


@pytest.mark.parametrize("config", PLAIN, ids=str)
def test_the_published_formulation_is_the_equation_too(config: MixerConfig) -> None:
    for place in range(config.num_mixers):
        mixer, x = mixer_and_tokens(config, place)
        torch.testing.assert_close(reference.mixer_output(x, mixer, GRID), equation(x, mixer), rtol=0, atol=1e-12)


@each_mixer
def test_a_token_attends_to_its_groups_in_its_own_clip_alone(config: MixerConfig, place: int) -> None:
    mixer, x = mixer_and_tokens(config, place)
    outputs = mixer(x, GRID)
    for token in (0, 1, 6, 12):
        (gradient,) = torch.autograd.grad(outputs[0, token].sum(), x, retain_graph=True, materialize_grads=True)
        attended = gradient[0].abs().sum(-1).nonzero().flatten().tolist()
        if isinstance(mixer, TrajectoryAttention):  # no patch attends to CLS
            assert attended == list(EVERY[bool(token) :])
        else:
            assert attended == sorted({member for members in groups(mixer, token) for member in members})
        assert (gradient[1] == 0).all()


@each_mixer
def test_cls_alone_has_the_values_and_gradients_of_cls_among_all_tokens(config: MixerConfig, place: int) -> None:
    mixer, x = mixer_and_tokens(config, place)
    has_reference = not isinstance(config, TimeSformerAttention.Config)
    among_all = reference.mixer_output(x, mixer, GRID) if has_reference else mixer(x, GRID)
    inputs = [*mixer.parameters()] if isinstance(mixer, PatchTimeAttention) else [x, *mixer.parameters()]  # CLS is zero
    assert_same(mixer.cls(x, GRID), among_all[:, :1], inputs)


@pytest.mark.parametrize("config", [*PLAIN, *TRAJECTORIES], ids=str)
def test_macs_are_those_of_the_equations(config: MixerConfig) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for place in range(config.num_mixers):
            mixer, x = mixer_and_tokens(config, place)
            reference.mixer_output(x[:1].detach(), mixer, GRID)
    assert config.macs(GRID, WIDTH, HEADS) == counter.get_total_flops() // 2


class Largest(TorchDispatchMode):
    """Records the number of elements of the largest output of any operation."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        out = func(*args, **(kwargs or {}))
        self.elements = max([self.elements, *(t.numel() for t in tree_leaves(out) if isinstance(t, Tensor))])
        return out


@each_mixer
def test_no_attention_map_is_ever_in_memory(config: MixerConfig, place: int) -> None:
    grid = Grid(frames=4, height=8, width=8)
    mixer = config.build(WIDTH, HEADS)[place]
    x = torch.randn(1, 1 + grid.tokens, WIDTH, requires_grad=True)
    with Largest() as largest:
        mixer(x, grid).sum().backward()
    assert grid.tokens * WIDTH < largest.elements < HEADS * grid.tokens * grid.patches


@pytest.mark.parametrize("config", [*PLAIN, *TRAJECTORIES], ids=str)
def test_cls_alone_projects_no_other_token(config: MixerConfig) -> None:
    grid, heads, width = Grid(frames=4, height=4, width=4), 4, 64
    mixer = config.build(width, heads)[-1]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        mixer.cls(torch.randn(1, 1 + grid.tokens, width), grid)
    assert counter.get_total_flops() // 2 == 4 * width**2 + 2 * heads * (1 + grid.tokens) * width


def test_cls_alone_is_as_exact_in_half_precision_as_the_published_formulation() -> None:
    torch.manual_seed(0)
    grid = Grid(frames=3, height=4, width=4)
    (mixer,) = JointAttention.Config().build(64, 4)
    x = torch.randn(2, 1 + grid.tokens, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        alone, among_all = mixer.cls(x, grid), reference.joint(x, mixer, grid)[:, :1]
    assert alone.dtype == torch.bfloat16
    exact = reference.joint(x, mixer, grid)[:, :1]
    assert (alone - exact).norm() < 1.1 * (among_all - exact).norm()
