"""Numbers of scores against counted operations, and what follows from them for Tables A1 and A2."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from models.deform3d.complexity import (
    full_joint_pairs,
    full_temporal_pairs,
    joint_stride_pairs,
    multiply_adds,
    temporal_stride_pairs,
)
from models.deform3d.windows import Pairing, Windows

PAIRINGS: tuple[Pairing, ...] = ("shift+head", "shift", "self", "cyclic", "printed")


def windows(window: int, pairing: Pairing = "shift") -> Windows.Config:
    return Windows.Config(window=window, pairing=pairing)


def counted(groups: int, tokens: int, width: int) -> int:
    """Multiply-adds of attention of groups of tokens, in one head, as counted by torch."""
    q = torch.empty(groups, 1, tokens, width, device="meta")
    with FlopCounterMode(display=False) as counter:
        F.scaled_dot_product_attention(q, q, q)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("pairing", PAIRINGS)
@pytest.mark.parametrize(("frames", "joints", "window"), [(12, 25, 4), (8, 13, 4), (4, 50, 6), (3, 17, 5)])
def test_multiply_adds_are_those_that_torch_counts(frames: int, joints: int, window: int, pairing: Pairing) -> None:
    config, tokens, width = windows(window, pairing), 6 * 7 + joints + 3, 64
    made = config.build(joints)
    joint = joint_stride_pairs(frames, joints, config)
    assert multiply_adds(joint, width) == counted(len(made), frames * (made.width + 2), width)
    assert multiply_adds(full_joint_pairs(frames, joints), width) == counted(1, frames * (joints + 2), width)
    assert multiply_adds(full_temporal_pairs(frames, tokens), width) == counted(1, frames * tokens, width)
    in_time = windows(min(window, frames), "self")
    on_frames = in_time.build(frames)
    temporal = temporal_stride_pairs(frames, tokens, in_time)
    assert multiply_adds(temporal, width) == counted(len(on_frames), on_frames.width * tokens, width)


def test_counts_of_one_head_of_64_channels() -> None:
    """Operations, two for a multiply-add, as counted once for 12 frames, 25 joints and windows of 4."""
    assert 2 * multiply_adds(full_joint_pairs(12, 25), 64) == 26_873_856
    assert 2 * multiply_adds(joint_stride_pairs(12, 25, windows(4)), 64) == 15_925_248


# fmt: off
JOINT_RATIOS = {
    (13, 2): 0.853, (13, 3): 1.222, (13, 4): 0.960, (13, 6): 1.138, (13, 8): 1.333,
    (25, 2): 0.527, (25, 4): 0.593, (25, 6): 0.702, (25, 8): 0.823, (25, 12): 1.075,
    (50, 4): 0.320, (50, 6): 0.379, (50, 8): 0.444,
}
TEMPORAL_RATIOS = {
    (12, 2): 0.306, (12, 4): 0.556, (12, 6): 0.750, (12, 8): 0.889, (8, 4): 0.750, (8, 6): 1.125, (6, 3): 1.000,
    (4, 2): 0.750, (4, 3): 1.125, (16, 4): 0.438,
}
# fmt: on


def test_stride_attention_is_not_always_cheaper_than_full_attention() -> None:
    """The supplementary says that it is, because the window is smaller than the axis."""
    for (joints, window), ratio in JOINT_RATIOS.items():
        ours = joint_stride_pairs(12, joints, windows(window)) / full_joint_pairs(12, joints)
        assert ours == pytest.approx(ratio, abs=6e-4)
    for (frames, window), ratio in TEMPORAL_RATIOS.items():
        ours = temporal_stride_pairs(frames, 800, windows(window)) / full_temporal_pairs(frames, 800)
        assert ours == pytest.approx(ratio, abs=6e-4)
    assert max(JOINT_RATIOS.values()) > 1 and max(TEMPORAL_RATIOS.values()) > 1


def test_windows_save_the_square_of_the_rest_if_the_stride_divides_it() -> None:
    for length in range(2, 60):
        for window in range(2, length, 2):
            if (length - window) % (window // 2) == 0:
                made = windows(window, "self").build(length)
                assert length**2 - len(made) * window**2 == (length - window) ** 2


def slope(growing: Callable[[int], int], at: int) -> float:
    return math.log2(growing(2 * at) / growing(at))


def test_slopes_of_the_growth() -> None:
    """Total costs: linear in the length of the axis of the windows, square in the number of tokens at a place."""
    assert slope(lambda joints: joint_stride_pairs(12, joints, windows(4)), 512) == pytest.approx(1, abs=0.01)
    assert slope(lambda joints: full_joint_pairs(12, joints), 512) == pytest.approx(2, abs=0.01)
    assert slope(lambda frames: joint_stride_pairs(frames, 25, windows(4)), 8) == pytest.approx(2)
    assert slope(lambda frames: temporal_stride_pairs(frames, 800, windows(4)), 512) == pytest.approx(1, abs=0.01)
    assert slope(lambda tokens: temporal_stride_pairs(12, tokens, windows(4)), 400) == pytest.approx(2)
