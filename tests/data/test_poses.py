import numpy as np
import pytest
import torch

from data.datasets.finegym import FineGym
from data.datasets.ntu import Ntu
from data.datasets.penn_action import PennAction
from data.datasets.pose_videos import PoseDatasetConfig, Poses, masked, moved
from data.transforms.tracked_frames import Geometry

NAN = float("nan")


def poses(frames: int = 3, people: int = 1) -> Poses:
    """Joint j of person p in frame f is at (f, 10 p + j)."""
    frame, person, joint = np.indices((frames, people, 4))
    return Poses(np.stack([frame, 10 * person + joint], -1).astype(np.float32), 20, 40)


def test_joints_are_those_of_the_frames_in_their_order() -> None:
    joints = poses(frames=5, people=2).joints(np.array([3, 0, 3]), 20, 40)
    assert joints.shape == (3, 8, 3) and joints.dtype == torch.float32
    assert joints[:, 0, 0].tolist() == [3, 0, 3]
    assert joints[1, :, 1].tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    assert (joints[..., 2] == 1).all()


def test_joints_are_scaled_to_resized_pictures() -> None:
    joints = poses().joints(np.array([2]), height=10, width=80)
    assert joints[0, 3].tolist() == [4.0, 1.5, 1.0]


def test_joints_without_a_place_are_zeros() -> None:
    given = poses()
    given.places[0, 0, 1] = [5, NAN]
    given.places[0, 0, 2] = [np.inf, 5]
    joints = given.joints(np.array([0]), 20, 40)
    assert joints[0, 1].tolist() == joints[0, 2].tolist() == [0, 0, 0]
    assert joints[0, 3].tolist() == [0, 3, 1]
    assert given.valid[0, 0].tolist() == [True, False, False, True]


def test_people_are_the_first_ones_and_missing_ones_have_no_place() -> None:
    assert poses(people=3).with_people(2).places.tolist() == poses(people=2).places.tolist()
    padded = poses(people=1).with_people(3)
    assert padded.places.shape == (3, 3, 4, 2)
    assert padded.valid.sum((0, 2)).tolist() == [12, 0, 0]
    assert not Poses(np.empty((3, 0, 4, 2)), 20, 40).with_people(1).valid.any()


def test_joints_outside_of_the_clip_have_no_place() -> None:
    places = torch.tensor([[[-0.1, 5.0], [0.0, 0.0], [32.0, 32.0], [5.0, 32.1]]])
    joints = moved(masked(places, torch.ones(1, 4, dtype=torch.bool)), Geometry(), torch.arange(4), 32)
    assert joints[0, :, 2].tolist() == [0, 1, 1, 0]
    assert joints[0, 0].tolist() == joints[0, 3].tolist() == [0, 0, 0]


def test_a_mirrored_clip_has_left_and_right_joints_swapped() -> None:
    joints = poses().joints(np.array([2]), 20, 40)
    other = torch.tensor([0, 2, 1, 3])
    flipped = moved(joints, Geometry().mirrored(40), other, 40)
    assert flipped[0, :, 0].tolist() == [38.0] * 4
    assert flipped[0, :, 1].tolist() == [0.0, 2.0, 1.0, 3.0]
    assert torch.equal(moved(flipped, Geometry().mirrored(40), other, 40), joints)


@pytest.mark.parametrize(
    ("config", "places"),
    [
        (PennAction.Config(), {"head": 0, "left shoulder": 1, "right shoulder": 2, "right ankle": 12}),
        (FineGym.Config(), {"nose": 0, "left ear": 3, "left shoulder": 5, "right ankle": 16}),
        (
            Ntu.Config(people=1),
            {"left shoulder": 4, "right shoulder": 8, "left hip": 12, "right foot": 19, "right thumb": 24},
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_joints_are_in_the_published_order_and_mirrored_by_their_names(
    config: PoseDatasetConfig, places: dict[str, int]
) -> None:
    assert {name: config.joints.index(name) for name in places} == places
    assert config.num_joints == len(config.joints) == len(config.mirrored)
    swap = {"left": "right", "right": "left"}
    for name, other in zip(config.joints, config.mirrored, strict=True):
        side, _, rest = name.partition(" ")
        assert config.joints[other] == (f"{swap[side]} {rest}" if side in swap else name)
