import pytest
import torch

from interface.sizes import ClipSize, PoseClipSize


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


def test_a_clip_with_joints_costs_all_pixels_of_all_frames() -> None:
    size = PoseClipSize(12, 224, 192, 13)
    assert (size.cost, size.kind) == (12 * 224 * 192, "clip with joints")


def test_a_clip_with_joints_of_other_length_keeps_its_pixels_and_joints() -> None:
    assert PoseClipSize(12, 224, 192, 13).with_frames(4) == PoseClipSize(4, 224, 192, 13)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_an_example_with_joints_is_clips_and_joints_on_the_device(device: str) -> None:
    clips, joints = PoseClipSize(4, 32, 48, 13).example(2, device)
    assert clips.shape == (2, 4, 3, 32, 48) and joints.shape == (2, 4, 13, 3)
    assert clips.dtype == joints.dtype == torch.float32
    assert clips.device.type == joints.device.type == device


def test_all_joints_of_an_example_have_a_place_anywhere_in_the_crop() -> None:
    torch.manual_seed(0)
    _, joints = PoseClipSize(8, 32, 64, 25).example(4)
    x, y, has_place = joints.unbind(-1)
    assert (has_place == 1).all()
    assert 0 <= x.min() < 1 and 63 < x.max() <= 64
    assert 0 <= y.min() < 1 and 31 < y.max() <= 32
