import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import motionformer as reference
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.tokens import Grid


class Largest(TorchDispatchMode):
    """Records the number of elements of the largest output of any operation."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        out = func(*args, **(kwargs or {}))
        self.elements = max([self.elements, *(t.numel() for t in tree_leaves(out) if isinstance(t, Tensor))])
        return out


each_config = pytest.mark.parametrize(
    "config",
    [
        JointAttention.Config(),
        DividedAttention.Config(),
        TrajectoryAttention.Config(),
        TrajectoryAttention.Config(project_values=True),
        TrajectoryAttention.Config(temporal="average"),
        TrajectoryAttention.Config(normalize_over="space-time"),
    ],
    ids=str,
)


@each_config
def test_no_attention_map_is_ever_in_memory(config: MixerConfig) -> None:
    grid, heads, width = Grid(frames=4, height=8, width=8), 2, 8
    one_frames_map = heads * grid.tokens * grid.patches
    for mixer in config.build(width, heads):
        x = torch.randn(1, 1 + grid.tokens, width, requires_grad=True)
        with Largest() as largest:
            mixer(x, grid).sum().backward()
        assert grid.tokens * width < largest.elements < one_frames_map


@each_config
def test_cls_alone_has_the_values_and_gradients_of_cls_among_all_tokens(config: MixerConfig) -> None:
    torch.manual_seed(0)
    grid, heads, width = Grid(frames=3, height=2, width=2), 2, 8
    for mixer in config.build(width, heads):
        mixer.double()
        x = torch.randn(2, 1 + grid.tokens, width, dtype=torch.float64, requires_grad=True)
        alone, among_all = mixer.cls(x, grid), reference.mixer_output(x, mixer, grid)[:, :1]
        torch.testing.assert_close(alone, among_all, rtol=0, atol=1e-12)
        upstream = torch.randn_like(alone)
        inputs = [x, *mixer.parameters()]
        # No gradient is None: AdamW decays every parameter, and distributed training needs all gradients.
        for got, wanted in zip(
            torch.autograd.grad(alone, inputs, upstream),
            torch.autograd.grad(among_all, inputs, upstream, materialize_grads=True),
            strict=True,
        ):
            torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)


@each_config
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
