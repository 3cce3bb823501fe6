"""TEA: published cost, motion excitation and temporal aggregation by their equations."""

from dataclasses import replace

import pytest
import torch

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.baselines.tea import TEA, MotionExcitation, TemporalBlock

TINY, SIZE, CLASSES = TEA.Config().tiny(), ClipSize(4, 32, 32), ClassTarget(3)


def test_motion_is_the_difference_of_the_transformed_next_frame_and_this_one() -> None:
    torch.manual_seed(0)
    excite, x = MotionExcitation(8, 4).eval().double(), torch.randn(2, 3, 8, 5, 5, dtype=torch.float64)
    squeezed = [excite.squeeze(x[:, t]) for t in range(3)]
    for t in range(3):
        motion = excite.move(squeezed[t + 1]) - squeezed[t] if t < 2 else torch.zeros_like(squeezed[t])
        attention = torch.sigmoid(excite.expand(motion.mean(dim=(2, 3), keepdim=True))) - 0.5
        torch.testing.assert_close(excite(x)[:, t], x[:, t] + x[:, t] * attention)


def block_of(stage: int, index: int) -> TemporalBlock:
    """Block of a small model in evaluation mode, with random weights over time."""
    torch.manual_seed(0)
    model = replace(TINY, blocks=(2, 2, 2, 2)).build(SIZE, CLASSES).eval().double()
    block = model.frame_model.get_submodule(f"layer{stage}.{index}")
    assert isinstance(block, TemporalBlock)
    for over_time in block.over_time:
        torch.nn.init.normal_(over_time.weight)  # type: ignore[arg-type]
    return block


@pytest.mark.parametrize(("stage", "index"), [(1, 1), (2, 0)], ids=["connected", "first of a stage"])
def test_scales_are_aggregated_one_after_another(stage: int, index: int) -> None:
    block = block_of(stage, index)
    width, first = block.block.width, index == 0
    scales = torch.randn(2, SIZE.frames, 4 * width, 6, 6, dtype=torch.float64).split(width, dim=2)
    outputs: list[torch.Tensor] = []
    for i in range(3):
        x = scales[i].flatten(0, 1) + (outputs[-1] if i > 0 and not first else 0)
        x = block.over_time[i](x.unflatten(0, (2, SIZE.frames))).flatten(0, 1)
        outputs.append(block.block.bns[i](block.block.convs[i](x)).relu())
    last = block.over_time[3](scales[3]).flatten(0, 1)
    if first:
        last = torch.nn.functional.avg_pool2d(last, 3, stride=2, padding=1)
    torch.testing.assert_close(block.aggregated(scales), torch.cat([*outputs, last], dim=1))


def test_the_receptive_field_over_time_grows_with_the_scale() -> None:
    block = block_of(1, 1)
    width, frames = block.block.width, 9
    block.frames = frames
    x = torch.randn(1, frames, 4 * width, 4, 4, dtype=torch.float64)
    moved = x.clone()
    moved[:, 4] += 1
    before, after = (block.aggregated(t.split(width, dim=2)).unflatten(0, (1, frames)) for t in (x, moved))
    changed = (before != after).unflatten(2, (4, width)).any(dim=(3, 4, 5))[0]  # (T, scale)
    assert changed.sum(dim=0).tolist() == [3, 5, 7, 3]


def test_without_motion_and_before_training_only_the_last_scale_sees_other_frames() -> None:
    block = TINY.build(SIZE, CLASSES).frame_model.get_submodule("layer1.0")
    assert isinstance(block, TemporalBlock)
    x = torch.randn(1, SIZE.frames, block.block.width, 2, 2)
    *kept, shifted = (over_time(x) for over_time in block.over_time)
    assert all(output.equal(x) for output in kept) and not shifted.equal(x)


def test_clips_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="clip: 6 frames; the model was built for 4"):
        TINY.build(SIZE, CLASSES)(*ClipSize(6, 32, 32).example(2))
