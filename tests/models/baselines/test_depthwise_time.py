"""Convolution over three frames: its equation, and the initial weights."""

import torch
import torch.nn.functional as F
from torch import Tensor

from models.baselines.depthwise_time import DepthwiseTimeConvolution, identity, shift
from tests.models.gradients import assert_same

CHANNELS = 4


def clip() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 5, CHANNELS, 3, 2, dtype=torch.float64, requires_grad=True)


def test_it_is_a_grouped_convolution_over_time() -> None:
    x, over_time = clip(), DepthwiseTimeConvolution(torch.randn(3, CHANNELS, dtype=torch.float64))
    kernel = over_time.weight.T[:, None, :, None, None]  # (C, 1, 3, 1, 1)
    naive = F.conv3d(x.transpose(1, 2), kernel, padding=(1, 0, 0), groups=CHANNELS).transpose(1, 2)
    assert_same(over_time(x), naive, [x, over_time.weight])


def test_initial_weights_keep_frames_or_shift_halves_of_the_channels() -> None:
    x = clip()
    assert DepthwiseTimeConvolution(identity(4).double())(x).equal(x)
    shifted = DepthwiseTimeConvolution(shift(4).double())(x)
    assert shifted[:, :-1, :2].equal(x[:, 1:, :2]) and not shifted[:, -1, :2].any()
    assert shifted[:, 1:, 2:].equal(x[:, :-1, 2:]) and not shifted[:, 0, 2:].any()
