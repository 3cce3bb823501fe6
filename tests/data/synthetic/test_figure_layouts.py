import numpy as np
import pytest

from data.synthetic.figure_layouts import COCO, NTU, PENN_ACTION
from data.synthetic.figures import BODY, Angles, Layout, body_joints

LAYOUTS = {"penn": PENN_ACTION, "coco": COCO, "ntu": NTU}
# Joint on the other side of the body, by the published orders of joints.
OTHER_SIDE = {
    "penn": [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11],
    "coco": [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15],
    "ntu": [0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22],
}


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
