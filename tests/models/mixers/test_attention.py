import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.tokens import Grid


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        out = func(*args, **(kwargs or {}))
        self.elements = max([self.elements, *(t.numel() for t in tree_leaves(out) if isinstance(t, Tensor))])
        return out


@pytest.mark.parametrize(
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
def test_no_map_of_attention_is_ever_in_memory(config: MixerConfig) -> None:
    grid, heads, width = Grid(frames=4, height=8, width=8), 2, 8
    one_frames_map = heads * grid.tokens * grid.patches
    for mixer in config.build(width, heads):
        x = torch.randn(1, 1 + grid.tokens, width, requires_grad=True)
        with Largest() as largest:
            mixer(x, grid).sum().backward()
        assert grid.tokens * width < largest.elements < one_frames_map
