"""Articulated figures: a body of 13 joints, the joints of other layouts, and drawing.

Shapes: T frames, R joints of a layout. World units as in shapes.py. A body has height 1 and
coordinates of its own: x points to its left, y downwards, and the ground is at y = 0.
"""

from typing import NamedTuple

import numpy as np

from data.synthetic.shapes import Camera, Floats

BODY = (
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
BONES = (
    ("head", "left_shoulder"),
    ("head", "right_shoulder"),
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_hip", "right_hip"),
    ("left_hip", "left_knee"),
    ("right_hip", "right_knee"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
)
# Lengths as shares of the height of the body.
HEAD, NECK, TORSO = 0.07, 0.08, 0.30  # radius of the head; from its lower end to the shoulders; from there to the hips
HALF_SHOULDERS, HALF_HIPS = 0.11, 0.07
UPPER_ARM, FOREARM, THIGH, SHANK = 0.17, 0.16, 0.24, 0.24
OUTWARDS = np.array([1.0, -1.0])  # direction along x from the middle of the body to its left and to its right


class Angles(NamedTuple):
    """Angles of the limbs, each (T, 2) for left and right. 0 hangs down; positive angles point outwards."""

    upper_arms: Floats
    forearms: Floats
    thighs: Floats
    shanks: Floats


def body_joints(angles: Angles) -> Floats:
    """Joints (T, 13, 2) of a body that stands on the ground with at least one foot."""
    legs = THIGH * np.cos(angles.thighs) + SHANK * np.cos(angles.shanks)  # (T, 2)
    hips_y = -legs.max(1, keepdims=True) * np.ones(2)  # (T, 2)
    shoulders_y = hips_y - TORSO
    shoulders = np.stack([np.broadcast_to(HALF_SHOULDERS * OUTWARDS, shoulders_y.shape), shoulders_y], -1)  # (T, 2, 2)
    hips = np.stack([np.broadcast_to(HALF_HIPS * OUTWARDS, hips_y.shape), hips_y], -1)
    elbows = limb_end(shoulders, angles.upper_arms, UPPER_ARM)
    wrists = limb_end(elbows, angles.forearms, FOREARM)
    knees = limb_end(hips, angles.thighs, THIGH)
    ankles = limb_end(knees, angles.shanks, SHANK)
    head = shoulders.mean(1, keepdims=True) - np.array([0.0, NECK + HEAD])  # (T, 1, 2)
    return np.concatenate([head, shoulders, elbows, wrists, hips, knees, ankles], 1)  # (T, 13, 2)


def limb_end(start: Floats, angle: Floats, length: float) -> Floats:
    """Ends (T, 2, 2) of a left and a right limb that start at (T, 2, 2) with angles (T, 2)."""
    return start + length * np.stack([np.sin(angle) * OUTWARDS, np.cos(angle)], -1)


class Layout(NamedTuple):
    """Joints of a data set. Each is a weighted sum of the joints of the body."""

    weights: Floats  # (R, 13)
    places: tuple[int, ...]  # numbers of the 13 joints of the body
    bones: tuple[tuple[int, int], ...]  # that are drawn, as pairs of joints of this layout

    def joints(self, body: Floats) -> Floats:
        """Joints (T, R, 2) of a body (T, 13, 2)."""
        return self.weights @ body

    def number(self, name: str) -> int:
        return self.places[BODY.index(name)]


def joint(**weights: float) -> Floats:
    """Weights (13,) of a joint. They sum to 1."""
    return np.array([weights.get(name, 0.0) for name in BODY])


def layout(*rows: Floats, further_bones: tuple[tuple[int, int], ...] = ()) -> Layout:
    """Layout of joints with these weights. The joints of the body are among them."""
    weights = np.stack(rows)
    places = tuple(int((weights == alone).all(1).argmax()) for alone in np.eye(len(BODY)))
    bones = ((places[BODY.index(start)], places[BODY.index(end)]) for start, end in BONES)
    return Layout(weights, places, (*bones, *further_bones))


def draw_limb(
    canvas: Floats, camera: Camera, *, start: Floats, end: Floats, radius: float, paint: Floats, opacity: float = 1.0
) -> None:
    """Draw a line with round ends from start (T, 2) to end (T, 2) in a colour (3,)."""
    start, end = start.astype(np.float32), end.astype(np.float32)
    windows = camera.window(start, radius), camera.window(end, radius)
    rows, columns = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(*windows, strict=True))
    x = camera.x[:, :, columns] - start[:, :1, None]  # (T, 1, w)
    y = camera.y[:, rows] - start[:, 1:, None]  # (T, h, 1)
    dx, dy = (end - start).T[:, :, None, None]
    share = np.clip((x * dx + y * dy) / (dx * dx + dy * dy + np.float32(1e-9)), 0.0, 1.0)  # (T, h, w)
    x, y = x - share * dx, y - share * dy
    distance = np.sqrt(x * x + y * y) - np.float32(radius)
    mask = np.float32(opacity) * np.clip(0.5 - distance * np.float32(camera.pixels_per_unit), 0.0, 1.0)
    part = canvas[:, rows, columns]
    covered = mask > 0
    part[covered] += mask[covered][:, None] * (paint - part[covered])
