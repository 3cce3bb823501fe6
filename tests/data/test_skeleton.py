import pytest

from data.datasets import finegym, ntu, penn_action
from data.skeleton import Skeleton, both_sides, limbs

SKELETONS = {"penn": penn_action.SKELETON, "kinect": ntu.SKELETON, "coco": finegym.SKELETON}
SIZES = {"penn": 13, "kinect": 25, "coco": 17}


@pytest.mark.parametrize("name", SKELETONS)
def test_the_other_side_of_the_other_side_is_the_joint_itself(name: str) -> None:
    mirrored = SKELETONS[name].mirrored
    assert len(mirrored) == SIZES[name]
    assert [mirrored[other] for other in mirrored] == list(range(SIZES[name]))


@pytest.mark.parametrize("name", SKELETONS)
def test_left_and_right_joints_are_of_the_same_name(name: str) -> None:
    joints, mirrored = SKELETONS[name].joints, SKELETONS[name].mirrored
    left = [index for index, joint in enumerate(joints) if joint.startswith("left")]
    assert all(joints[index].replace("left", "right") == joints[mirrored[index]] for index in left)
    assert 2 * len(left) == sum(joint.startswith(("left", "right")) for joint in joints)


@pytest.mark.parametrize("name", SKELETONS)
def test_bones_connect_all_joints_alike_on_both_sides(name: str) -> None:
    skeleton = SKELETONS[name]
    reached = {0}
    for _ in skeleton.joints:
        reached |= {b for a, b in skeleton.bones if a in reached} | {a for a, b in skeleton.bones if b in reached}
    assert reached == set(range(SIZES[name]))
    bones = {frozenset(bone) for bone in skeleton.bones}
    assert {frozenset(skeleton.mirrored[joint] for joint in bone) for bone in bones} == bones
    assert len(bones) == len(skeleton.bones)


def test_joints_are_in_the_published_order() -> None:
    penn, kinect, coco = (SKELETONS[name].joints for name in ("penn", "kinect", "coco"))
    assert penn[:3] == ("head", "left shoulder", "right shoulder") and penn[-1] == "right ankle"
    assert [kinect.index(name) for name in ("left shoulder", "right shoulder", "left hip", "right foot")] == [
        4,
        8,
        12,
        19,
    ]
    assert [kinect.index(name) for name in ("top of the spine", "left hand tip", "right thumb")] == [20, 21, 24]
    assert [coco.index(name) for name in ("nose", "left ear", "left shoulder", "right ankle")] == [0, 3, 5, 16]


def test_sides_and_limbs_name_left_before_right() -> None:
    assert both_sides("hip", "knee") == ("left hip", "right hip", "left knee", "right knee")
    assert limbs("hip", "knee") == (("left hip", "left knee"), ("right hip", "right knee"))
    assert Skeleton(("head", *both_sides("hip")), ()).mirrored == (0, 2, 1)
