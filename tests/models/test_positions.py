"""Learnt position embeddings."""

import pytest
import torch
import torch.nn.functional as F

from models.positions import JointPositions, SeparatePositions
from models.tokens import Grid


def test_separate_positions_add_space_and_time_and_cls_has_no_time() -> None:
    grid = Grid(3, 2, 2)
    positions = SeparatePositions.Config().build(8, grid)
    torch.nn.init.normal_(positions.time)
    out = positions(grid)[0]
    torch.testing.assert_close(out[0], positions.space[0, 0])
    for t in range(3):
        for s in range(4):
            torch.testing.assert_close(out[1 + 4 * t + s], positions.space[0, 1 + s] + positions.time[0, t])


def test_positions_are_initialised_like_the_authors() -> None:
    torch.manual_seed(0)
    separate = SeparatePositions.Config().build(256, Grid(8, 14, 14))
    joint = JointPositions.Config().build(64, Grid(8, 14, 14))
    assert (separate.time == 0).all()
    for learnt in (separate.space, joint.space_time):
        assert learnt.std().item() == pytest.approx(0.02, rel=0.05)


def test_joint_positions_have_one_embedding_per_token() -> None:
    grid = Grid(3, 2, 2)
    positions = JointPositions.Config().build(8, grid)
    torch.testing.assert_close(positions(grid), positions.space_time)
    assert positions.space_time.shape == (1, 13, 8)


def test_positions_are_resized_like_the_authors() -> None:
    positions = SeparatePositions.Config(side=14).build(8, Grid(2, 21, 21))
    plane = positions.space[:, 1:].transpose(1, 2).unflatten(2, (14, 14))
    # The released code: F.interpolate(..., scale_factor=math.sqrt(npatch / 196), mode="bicubic")
    expected = F.interpolate(plane, scale_factor=(441 / 196) ** 0.5, mode="bicubic").flatten(2).transpose(1, 2)
    out = positions(Grid(2, 21, 21))
    torch.testing.assert_close(out[:, 1:442], expected)
    torch.testing.assert_close(out[:, 0], positions.space[:, 0])
    assert positions.space.shape == (1, 197, 8)


@pytest.mark.parametrize("side", range(2, 24))
def test_positions_resize_to_any_grid(side: int) -> None:
    for positions in (SeparatePositions.Config(side=14), JointPositions.Config(side=14)):
        grid = Grid(2, side, side + 1)
        assert positions.build(4, grid)(grid).shape == (1, 1 + grid.tokens, 4)


def test_joint_positions_resize_each_frame_by_itself() -> None:
    grid = Grid(2, 4, 4)
    joint, separate = JointPositions.Config(side=3).build(8, grid), SeparatePositions.Config(side=3).build(8, grid)
    joint.space_time.data[:, 1:] = separate.space.data[:, 1:].repeat(1, 2, 1)
    torch.testing.assert_close(joint(grid)[:, 1:], separate(grid)[:, 1:])


def test_a_clip_of_other_length_than_the_positions_is_refused() -> None:
    for config in (SeparatePositions.Config(), JointPositions.Config()):
        with pytest.raises(ValueError, match="learnt for 4 token frames, the clip has 8"):
            config.build(8, Grid(4, 2, 2))(Grid(8, 2, 2))


def test_positions_of_frames_that_are_not_square_are_resized_along_each_axis() -> None:
    positions = SeparatePositions.Config(side=14).build(8, Grid(2, 30, 52))
    plane = positions.space[:, 1:].transpose(1, 2).unflatten(2, (14, 14))
    expected = F.interpolate(plane, size=(30, 52), mode="bicubic").flatten(2).transpose(1, 2)  # (1, S, D)
    torch.testing.assert_close(positions(Grid(2, 30, 52))[:, 1:], expected.repeat(1, 2, 1))
