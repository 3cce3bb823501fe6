import pytest
import torch

from data.sizes import ClipSize


def test_a_clip_costs_all_pixels_of_all_frames() -> None:
    assert ClipSize(16, 224, 192).cost == 16 * 224 * 192
    assert ClipSize(16, 224, 192).kind == "clip"


def test_a_clip_of_other_length_keeps_its_pixels() -> None:
    assert ClipSize(16, 224, 192).with_frames(8) == ClipSize(8, 224, 192)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_an_example_is_a_batch_of_clips_on_the_device(device: str) -> None:
    (clips,) = ClipSize(4, 32, 48).example(2, device)
    assert clips.shape == (2, 4, 3, 32, 48)
    assert clips.dtype == torch.float32
    assert clips.device.type == device


def test_an_example_has_standard_normal_values() -> None:
    torch.manual_seed(0)
    (clips,) = ClipSize(8, 64, 64).example(1)
    assert abs(clips.mean()) < 0.02
    assert abs(clips.std() - 1) < 0.02
