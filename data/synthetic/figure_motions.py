"""Motions of articulated figures. T: frames; times (T,) are in [0, 1]."""

from typing import Literal, NamedTuple

import numpy as np

from data.synthetic.figures import Angles, body_joints
from data.synthetic.shapes import Floats, drift

Motion = Literal[
    "march", "march_and_cheer", "rest", "rest_and_swing", "sit_down", "stand_up", "wave_left", "wave_right"
]

TREMOR = 0.06  # standard deviation of the angles of all limbs, in radians


class Movement(NamedTuple):
    """Body in every frame, and how far the last joint of the layout is from its place, both in units of the body."""

    body: Floats  # (T, 13, 2)
    last: Floats  # (T, 2)


def movement(rng: np.random.Generator, motion: Motion, times: Floats, ending: int) -> Movement:
    """Random movement of a kind.

    Args:
        ending: number of last frames in which `march_and_cheer` differs from `march`.
    """
    phase = 2 * np.pi * (rng.uniform(1.5, 2.5) * times + rng.uniform())
    angles = standing(rng, times)
    last = np.zeros((len(times), 2))
    match motion:
        case "march" | "march_and_cheer":
            steps = np.maximum(np.sin(phase)[:, None] * [1.0, -1.0], 0.0)  # (T, 2)
            angles.thighs[:] += 0.7 * steps
            angles.shanks[:] -= 0.3 * steps
            if motion == "march_and_cheer":
                raise_arms(angles, slice(-ending, None), [True, True])
        case "rest" | "rest_and_swing":
            angles.upper_arms[:] += 0.6  # hands on the hips
            angles.forearms[:] -= 1.0
            if motion == "rest_and_swing":
                last = np.stack([np.full_like(times, -0.5), np.full_like(times, -0.3)], -1)
                last *= (0.75 - 0.25 * np.cos(phase))[:, None]
        case "sit_down" | "stand_up":
            depth = eased(rng, times)
            depth = (depth if motion == "sit_down" else depth[::-1])[:, None]
            angles.thighs[:] += 1.1 * depth
            angles.shanks[:] -= 0.9 * depth
        case "wave_left" | "wave_right":
            raise_arms(angles, slice(None), [motion == "wave_left", motion == "wave_right"])
            angles.forearms[:] += 0.35 * np.sin(phase)[:, None] * [motion == "wave_left", motion == "wave_right"]
    return Movement(body_joints(angles), last)


def standing(rng: np.random.Generator, times: Floats) -> Angles:
    """Angles of a body that stands, with arms that hang and small random movements."""
    means = (rng.uniform(0.15, 0.35), rng.uniform(0.0, 0.25), rng.uniform(0.05, 0.2), rng.uniform(0.0, 0.1))
    return Angles(*(mean + drift(rng, times, TREMOR).astype(np.float64) for mean in means))


def raise_arms(angles: Angles, frames: slice, raised: list[bool]) -> None:
    """Raise the left arm, the right one, or both, in some frames."""
    angles.upper_arms[frames, raised] += 2.3
    angles.forearms[frames, raised] += 2.8


def eased(rng: np.random.Generator, times: Floats) -> Floats:
    """Path (T,) from nearly 0 to nearly 1 with random start, end and speed."""
    progress = times ** np.exp(rng.uniform(-0.4, 0.4))
    start, end = rng.uniform(0.0, 0.15), rng.uniform(0.85, 1.0)
    return start + (end - start) * progress * progress * (3 - 2 * progress)
