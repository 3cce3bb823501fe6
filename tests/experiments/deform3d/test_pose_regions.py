"""What joints mark in a clip, on joints whose motion is known. T frames, R joints."""

import torch
from torch import Tensor

from experiments.deform3d.attention_mass import action_frames, actor_boxes, moving_joints, steps


def standing(frames: int = 6) -> Tensor:
    """Five joints (1, T, 5, 3) that stand still at (10, 10), (10, 20), ..., (10, 50)."""
    joints = torch.ones(1, frames, 5, 3)
    joints[..., 0] = 10
    joints[..., 1] = torch.arange(10, 60, 10)
    return joints


def test_joints_that_swing_are_moving() -> None:
    joints = standing()
    joints[0, ::2, 1, 0] += 4
    joints[0, ::2, 4, 0] += 8
    assert moving_joints(joints).tolist() == [[False, True, False, False, True]]


def test_motion_of_the_whole_body_is_no_motion() -> None:
    joints = standing()
    joints[..., :2] += torch.arange(6)[None, :, None, None] ** 2
    torch.testing.assert_close(steps(joints), torch.zeros(1, 5, 5))
    assert not moving_joints(joints).any() and not action_frames(joints)[0].any()


def test_a_joint_that_comes_and_goes_makes_no_step() -> None:
    joints = standing()
    joints[0, 2, 3] = 0
    found = steps(joints)
    assert found.isnan().nonzero().tolist() == [[0, 1, 3], [0, 2, 3]]
    assert found.nan_to_num().sum() == 0 and not moving_joints(joints).any()


def test_frames_of_a_swing_are_those_of_the_action() -> None:
    joints = standing(8)
    joints[0, 5, 4, 0] += 6
    joints[0, 6, 4, 0] -= 6
    fast, known = action_frames(joints)
    assert fast.tolist() == [[False, False, False, False, True, True, True, True]]
    assert known.all()


def test_frames_without_joints_have_no_speed_and_no_box() -> None:
    joints = standing()
    joints[0, 3:5] = 0
    joints[0, 1, 0, 0] = 12
    known = action_frames(joints)[1].tolist()
    assert known == [[True, True, True, False, False, False]]  # the last frame has no neighbour with joints
    boxes = actor_boxes(joints)
    assert boxes.known.tolist() == [[True, True, True, False, False, True]]
    assert not ((boxes.low <= boxes.high).all(-1) & ~boxes.known).any()


def test_one_frame_has_no_motion() -> None:
    assert not moving_joints(standing(1)).any() and not action_frames(standing(1))[1].any()


def test_box_has_a_margin_of_a_tenth_of_its_longer_side() -> None:
    joints = standing()
    joints[0, 0, 2, 0] = 30
    joints[0, 0, 4] = torch.tensor([0.0, 0.0, 0.0])  # no place, and so not part of the box
    boxes = actor_boxes(joints)
    torch.testing.assert_close(boxes.low[0, 0], torch.tensor([7.0, 7.0]))
    torch.testing.assert_close(boxes.high[0, 0], torch.tensor([33.0, 43.0]))
