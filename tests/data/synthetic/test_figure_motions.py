from typing import get_args

import numpy as np
import pytest

from data.synthetic.figure_motions import Motion, Movement, movement
from data.synthetic.figures import BODY

TIMES = np.linspace(0, 1, 24)
ENDING = 3
LEFT_WRIST, RIGHT_WRIST, LEFT_HIP, HEAD = (
    BODY.index(name) for name in ("left_wrist", "right_wrist", "left_hip", "head")
)


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
    head = other.body[-ENDING:, HEAD, 1]
    assert (other.body[-ENDING:, LEFT_WRIST, 1] < head).all() and (other.body[-ENDING:, RIGHT_WRIST, 1] < head).all()
    assert (other.body[:-ENDING, [LEFT_WRIST, RIGHT_WRIST], 1] > other.body[:-ENDING, [HEAD], 1]).all()


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
    assert (body[:, up, 1] < body[:, HEAD, 1]).all()
    assert (body[:, down, 1] > body[:, HEAD, 1]).all()
    assert np.ptp(body[:, up, 0]) > 0.05
