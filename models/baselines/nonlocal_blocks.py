"""Non-local blocks within the stages of pytorchvideo's residual networks (https://arxiv.org/abs/1711.07971)."""

# pyright: reportArgumentType=false
# (pytorchvideo annotates tuples of any length as tuples of one element)

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

# Blocks with a non-local block after them, by depth and stage: every second block of ResNet-50, every seventh in the
# third stage of ResNet-101.
AFTER: dict[int, tuple[tuple[int, ...], ...]] = {50: ((), (1, 3), (1, 3, 5), ()), 101: ((), (1, 3), (6, 13, 20), ())}
SPACE, TIME = (1, 1, 1), (3, 1, 1)  # kernels of the first convolution of a block


@contextmanager
def without_warnings_of_fvcore() -> Iterator[None]:
    """Context for imports of pytorchvideo. It imports fvcore, which compiles losses that nothing here uses."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script.* is deprecated", category=FutureWarning)
        yield


def check_depth(depth: int) -> None:
    """Refuse depths without known places of the non-local blocks.

    Raises:
        ValueError: with the known depths.
    """
    if depth not in AFTER:
        raise ValueError(f"model.depth is {depth}; it is one of {', '.join(map(str, AFTER))}")


def add_nonlocal(stage: nn.Module, after: tuple[int, ...]) -> None:
    """Insert non-local blocks into a `ResStage`.

    They have half of the channels of the stage, and keys and values at half of its height and width.

    Args:
        after: indices of the blocks that a non-local block follows.
    """
    with without_warnings_of_fvcore():
        from pytorchvideo.layers.nonlocal_net import create_nonlocal  # here: it takes a second to import

    layers: list[nn.Module] = []
    for index, block in enumerate(stage.get_submodule("res_blocks").children()):
        layers.append(block)
        if index in after:
            last = block.get_submodule("branch2.conv_c")
            assert isinstance(last, nn.Conv3d)
            layers.append(
                create_nonlocal(dim_in=last.out_channels, dim_inner=last.out_channels // 2, pool_size=(1, 2, 2))
            )
    stage.res_blocks = nn.ModuleList(layers)
