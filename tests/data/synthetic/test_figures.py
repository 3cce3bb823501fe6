import numpy as np
import pytest

from data.synthetic.figures import (
    BODY,
    BONES,
    FOREARM,
    HEAD,
    SHANK,
    THIGH,
    UPPER_ARM,
    Angles,
    body_joints,
    draw_limb,
    joint,
    layout,
)
from data.synthetic.shapes import Camera, Floats

LENGTHS = {"elbow": UPPER_ARM, "wrist": FOREARM, "knee": THIGH, "ankle": SHANK}


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
