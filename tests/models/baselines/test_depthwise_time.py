"""Convolution over three frames: its equation, and the initial weights."""

import torch
from torch import Tensor

from models.baselines.depthwise_time import DepthwiseTimeConvolution, identity, shift


def clip(channels: int = 4) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 5, channels, 3, 2, dtype=torch.float64)


def test_each_channel_of_a_frame_is_a_weighted_sum_of_three_frames() -> None:
    x, weight = clip(), torch.randn(3, 4, dtype=torch.float64)
    ours = DepthwiseTimeConvolution(weight)(x)
    for t in range(5):
        for c in range(4):
            naive = weight[1, c] * x[:, t, c]
            naive = naive + (weight[0, c] * x[:, t - 1, c] if t > 0 else 0)
            naive = naive + (weight[2, c] * x[:, t + 1, c] if t < 4 else 0)
            torch.testing.assert_close(ours[:, t, c], naive, rtol=0, atol=1e-12)


def test_gradients_are_those_of_a_grouped_convolution() -> None:
    x, weight = clip().requires_grad_(), torch.randn(3, 4, dtype=torch.float64)
    over_time = DepthwiseTimeConvolution(weight)
    kernel = weight.T[:, None, :, None, None].clone().requires_grad_()  # (C, 1, 3, 1, 1)
    naive = torch.nn.functional.conv3d(x.transpose(1, 2), kernel, padding=(1, 0, 0), groups=4).transpose(1, 2)
    upstream = torch.randn_like(naive)
    ours = torch.autograd.grad(over_time(x), [x, over_time.weight], upstream)
    expected = torch.autograd.grad(naive, [x, kernel], upstream)
    torch.testing.assert_close(ours[0], expected[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(ours[1], expected[1][:, 0, :, 0, 0].T, rtol=0, atol=1e-12)


def test_initial_weights_keep_frames_or_shift_halves_of_the_channels() -> None:
    x = clip()
    assert DepthwiseTimeConvolution(identity(4).double())(x).equal(x)
    shifted = DepthwiseTimeConvolution(shift(4).double())(x)
    assert shifted[:, :-1, :2].equal(x[:, 1:, :2]) and not shifted[:, -1, :2].any()
    assert shifted[:, 1:, 2:].equal(x[:, :-1, 2:]) and not shifted[:, 0, 2:].any()
