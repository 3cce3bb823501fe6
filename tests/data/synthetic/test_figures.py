from collections import Counter
from typing import get_args

import numpy as np
import pytest

from data.synthetic.figures import (
    ACTION_OF,
    ACTIONS,
    BODY,
    BONES,
    CLASS_NAMES,
    COCO,
    FOREARM,
    HEAD,
    LANDMARKS,
    NTU,
    PENN_ACTION,
    SHANK,
    THIGH,
    UPPER_ARM,
    Action,
    Angles,
    Layout,
    Motion,
    Movement,
    body_joints,
    draw_limb,
    joint,
    kind_of,
    layout,
    movement,
)
from data.synthetic.shapes import Camera, Floats

LENGTHS = {"elbow": UPPER_ARM, "wrist": FOREARM, "knee": THIGH, "ankle": SHANK}
LAYOUTS = {"penn": PENN_ACTION, "coco": COCO, "ntu": NTU}
# Joint on the other side of the body, by the published orders of joints.
OTHER_SIDE = {
    "penn": [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11],
    "coco": [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15],
    "ntu": [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22],
}
TIMES = np.linspace(0, 1, 24)
ENDING = 3
LEFT_WRIST, RIGHT_WRIST, LEFT_HIP, HEAD_JOINT = (
    BODY.index(name) for name in ("left_wrist", "right_wrist", "left_hip", "head")
)


def angles(seed: int = 0) -> Angles:
    rng = np.random.default_rng(seed)
    return Angles(*rng.uniform(-0.3, 1.2, (4, 6, 2)))


def test_a_body_stands_on_the_ground_and_has_height_1_when_upright() -> None:
    assert body_joints(angles())[..., 1].max(1) == pytest.approx(0)
    upright = body_joints(Angles(*np.zeros((4, 1, 2))))
    assert upright[0, 0, 1] - HEAD == pytest.approx(-1.0, abs=0.01)


def test_limbs_keep_their_lengths() -> None:
    body = body_joints(angles())
    for start, end in BONES:
        length = np.linalg.norm(body[:, BODY.index(start)] - body[:, BODY.index(end)], axis=-1)
        assert length == pytest.approx(LENGTHS.get(end.partition("_")[2], length[0]))


def test_left_joints_are_on_the_side_of_positive_x() -> None:
    body = body_joints(Angles(*np.full((4, 1, 2), 0.2)))[0]
    for name, (x, y) in zip(BODY, body, strict=True):
        side, _, part = name.partition("_")
        if part:
            assert (x > 0) == (side == "left")
            assert body[BODY.index(f"right_{part}")] == pytest.approx([-abs(x), y])


def test_bones_connect_all_joints() -> None:
    reached = {"head"}
    for _ in BODY:
        reached |= {end for bone in BONES if reached & set(bone) for end in bone}
    assert reached == set(BODY)
    assert len(set(BONES)) == len(BONES)


def test_joints_of_the_body_are_found_among_those_of_a_layout() -> None:
    made = layout(joint(head=1.2, left_hip=-0.2), *(joint(**{name: 1.0}) for name in reversed(BODY)))
    assert [made.number(name) for name in BODY] == list(range(13, 0, -1))
    assert made.bones == tuple((13 - BODY.index(start), 13 - BODY.index(end)) for start, end in BONES)
    body = body_joints(angles())
    joints = made.joints(body)
    assert joints.shape == (6, 14, 2)
    assert joints[:, 0] == pytest.approx(1.2 * body[:, 0] - 0.2 * body[:, BODY.index("left_hip")])


def distance(point: Floats, start: Floats, end: Floats) -> float:
    """Distance of a point to a line, by trying many places on it."""
    places = start + np.linspace(0, 1, 400)[:, None] * (end - start)
    return float(np.linalg.norm(places - point, axis=-1).min())


@pytest.mark.parametrize("end", [(0.5, 0.3), (-0.2, -0.4)], ids=["line", "point"])
def test_a_limb_covers_the_pixels_close_to_its_line(end: tuple[float, float]) -> None:
    camera = Camera(height=32, width=40, pixels_per_unit=14.0, center=np.zeros((2, 2)))
    start, ends = np.array([[-0.2, -0.4], [-0.1, -0.4]]), np.array([end, end])
    canvas = np.zeros((2, 32, 40, 3), np.float32)
    draw_limb(canvas, camera, start=start, end=ends, radius=0.2, paint=np.array([1.0, 0.5, 0.0]), opacity=0.8)
    for t, row, column in [(0, 10, 16), (0, 0, 0), (1, 17, 22), (1, 12, 20), (0, 20, 26), (1, 10, 18)]:
        point = np.array([camera.x[t, 0, column], camera.y[t, row, 0]])
        outside = (distance(point, start[t], ends[t]) - 0.2) * 14.0
        expected = 0.8 * np.clip(0.5 - outside, 0, 1)
        assert canvas[t, row, column] == pytest.approx(expected * np.array([1.0, 0.5, 0.0]), abs=0.02)
    assert 0 < (canvas[0, ..., 0] > 0).mean() < 0.4


@pytest.fixture(params=LAYOUTS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_numbers_of_joints_are_those_of_the_data_sets() -> None:
    assert {name: len(layout.weights) for name, layout in LAYOUTS.items()} == {"penn": 13, "coco": 17, "ntu": 25}


def test_a_joint_moves_with_the_body(name: str) -> None:
    weights = LAYOUTS[name].weights
    assert weights.sum(1) == pytest.approx(1)
    assert len(np.unique(weights, axis=0)) == len(weights)


def test_a_mirrored_body_has_left_and_right_joints_swapped(name: str) -> None:
    layout = LAYOUTS[name]
    body = body_joints(Angles(*np.random.default_rng(0).uniform(-0.3, 1.2, (4, 5, 2))))
    mirrored = body[:, OTHER_SIDE["penn"]] * [-1, 1]
    assert layout.joints(mirrored) == pytest.approx(layout.joints(body)[:, OTHER_SIDE[name]] * [-1, 1])


def test_the_last_joint_is_the_right_ankle_or_thumb_and_is_drawn(name: str) -> None:
    layout = LAYOUTS[name]
    last = len(layout.weights) - 1
    assert (layout.number("right_ankle") == last) == (name != "ntu")
    assert sum(last in bone for bone in layout.bones) == 1


def body_places(layout: Layout) -> list[int]:
    return [layout.number(joint) for joint in BODY]


def test_joints_of_the_body_have_the_published_numbers() -> None:
    assert body_places(PENN_ACTION) == list(range(13))
    assert body_places(COCO) == [0, *range(5, 17)]
    assert body_places(NTU) == [3, 4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18]


def moved(motion: Motion, seed: int = 0) -> Movement:
    return movement(np.random.default_rng(seed), motion, TIMES, ENDING)


@pytest.mark.parametrize("motion", get_args(Motion))
def test_movements_vary_and_depend_only_on_the_seed(motion: Motion) -> None:
    one = moved(motion)
    assert one.body.shape == (24, 13, 2)
    assert one.last.shape == (24, 2)
    assert (one.body == moved(motion).body).all()
    assert (one.body != moved(motion, seed=1).body).any()
    assert np.isfinite(one.body).all()


def test_marching_and_cheering_differ_in_the_last_frames_only() -> None:
    one, other = moved("march"), moved("march_and_cheer")
    differs = (one.body != other.body).any((1, 2))
    assert differs.tolist() == [False] * 21 + [True] * 3
    head = other.body[-ENDING:, HEAD_JOINT, 1]
    assert (other.body[-ENDING:, LEFT_WRIST, 1] < head).all() and (other.body[-ENDING:, RIGHT_WRIST, 1] < head).all()
    assert (other.body[:-ENDING, [LEFT_WRIST, RIGHT_WRIST], 1] > other.body[:-ENDING, [HEAD_JOINT], 1]).all()


def test_resting_with_and_without_swing_differ_in_the_last_joint_only() -> None:
    one, other = moved("rest"), moved("rest_and_swing")
    assert (one.body == other.body).all()
    assert not one.last.any()
    assert np.ptp(other.last[:, 0]) > 0.2 and (other.last < 0).all()  # it swings, and stays lifted


def test_the_hips_go_down_when_sitting_down_and_up_when_standing_up() -> None:
    for seed in range(20):
        down, up = (moved(motion, seed).body[:, LEFT_HIP, 1] for motion in ("sit_down", "stand_up"))
        assert down[-1] - down[0] > 0.1 < up[0] - up[-1]


def test_single_frames_of_sitting_down_and_standing_up_have_the_same_distribution() -> None:
    heights = {
        motion: np.sort(np.concatenate([moved(motion, seed).body[:, LEFT_HIP, 1] for seed in range(150)]))
        for motion in ("sit_down", "stand_up")
    }
    assert np.abs(heights["sit_down"] - heights["stand_up"]).max() < 0.03


@pytest.mark.parametrize(("motion", "up", "down"), [("wave_left", 5, 6), ("wave_right", 6, 5)])
def test_one_hand_is_up_when_waving(motion: Motion, up: int, down: int) -> None:
    body = moved(motion).body
    assert (BODY[up].split("_")[0], BODY[down].split("_")[1]) == (motion.removeprefix("wave_"), "wrist")
    assert (body[:, up, 1] < body[:, HEAD_JOINT, 1]).all()
    assert (body[:, down, 1] > body[:, HEAD_JOINT, 1]).all()
    assert np.ptp(body[:, up, 0]) > 0.05


def test_classes_are_of_three_kinds_in_alphabetical_order() -> None:
    assert list(CLASS_NAMES) == sorted(set(CLASS_NAMES))
    assert Counter(map(kind_of, CLASS_NAMES)) == {"motion": 6, "appearance": 3, "both": 4}
    assert len(CLASS_NAMES) == len(ACTIONS) + len(LANDMARKS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_actions_form_pairs_that_differ_in_motion_or_in_colour_only(action: Action) -> None:
    partner = ACTION_OF[action.partner]
    assert ACTION_OF[partner.partner] == action
    assert (partner.motion == action.motion) == (partner.hue != action.hue) == (kind_of(action.name) == "both")
