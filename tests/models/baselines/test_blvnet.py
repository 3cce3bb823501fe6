"""bLVNet-TAM: published cost, temporal aggregation, and which frames the branches see."""

import pytest
import torch
from torch import nn

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.baselines.blvnet import AggregatedBottleneck, BigLittle, BLVNet, TemporalAggregation

TINY, SIZE, CLASSES = BLVNet.Config().tiny(), ClipSize(4, 32, 32), ClassTarget(3)


def test_temporal_aggregation_is_the_relu_of_the_weighted_sum_of_three_frames() -> None:
    torch.manual_seed(0)
    aggregate, x = TemporalAggregation(5).double(), torch.randn(2, 4, 5, 3, 3, dtype=torch.float64)
    weight, padded = aggregate.convolution.weight, torch.nn.functional.pad(x, (0, 0, 0, 0, 0, 0, 1, 1))
    for t in range(4):
        naive = sum(weight[i, :, None, None] * padded[:, t + i] for i in range(3))
        assert isinstance(naive, torch.Tensor)
        torch.testing.assert_close(aggregate(x)[:, t], naive.clamp(min=0))


@pytest.mark.parametrize(("branch", "frame"), [("little", 0), ("big", 1)])
def test_the_little_branch_sees_the_first_frame_of_each_pair_and_the_big_one_the_second(
    branch: str, frame: int
) -> None:
    seen: dict[str, torch.Tensor] = {}

    class Branch(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen[self.name] = x
            return x[..., ::2, ::2] if self.name == "big" else x

    stage = BigLittle(2, big=Branch("big"), little=Branch("little"), fusion=nn.Identity())
    stage.add_module("aggregate", nn.Identity())
    x = torch.rand(3, 6, 2, 4, 4)
    pairs = stage(x)
    assert seen[branch].equal(x[:, frame::2].flatten(0, 1))
    enlarged = x[:, 1::2, :, ::2, ::2].repeat_interleave(2, dim=3).repeat_interleave(2, dim=4)
    torch.testing.assert_close(pairs, enlarged + x[:, ::2])


def test_a_bottleneck_without_a_projection_keeps_the_frames_before_aggregation() -> None:
    block = AggregatedBottleneck(8, 8)
    nn.init.zeros_(block.branch[-1][-1].weight)  # type: ignore[index, arg-type]  (normalisation at the end)
    x = torch.rand(1, 3, 8, 4, 4)
    torch.testing.assert_close(block.eval()(x), x)


def test_each_aggregation_connects_neighbouring_pairs() -> None:
    torch.manual_seed(0)
    size = ClipSize(16, 32, 32)
    model = TINY.build(size, CLASSES).eval()
    features: list[torch.Tensor] = []
    model.last_stage.register_forward_hook(lambda *arguments: features.append(arguments[2]))
    (clip,) = size.example(1)
    model(clip)
    clip[:, 0] += 10
    model(clip)
    changed = (features[0] != features[1]).flatten(2).any(dim=2)[0].tolist()
    assert changed == [True] * 6 + [False] * 2  # one more pair in each of three stages and two bottlenecks
