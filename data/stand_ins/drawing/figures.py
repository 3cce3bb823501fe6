"""Articulated figures: a body of 13 joints, the joints of other layouts, drawing, motions and classes.

Shapes: T frames, R joints of a layout. World units as in shapes.py. A body has height 1 and coordinates of its own: x
points to its left, y downwards, and the ground is at y = 0. Times (T,) are in [0, 1].

Classes of videos are of three kinds. Motion: the actor's joints tell the class. Appearance: a large thing in the scene
tells it. Both: the arm that the actor waves and the colour of the thing in that hand tell it.

Actions form pairs, and every video shows the two actions of a pair, one by the actor and one by a stranger. Pictures
without joints therefore tell the pair but not the action. Nor do pictures tell left from right, since a figure may face
us or face away.
"""

from typing import Literal, NamedTuple

import numpy as np

from data.stand_ins.drawing.shapes import Camera, Floats, Shape, cover, drift

SIDES = ("left", "right")
BODY = (
    "head",
    *(f"{side}_{name}" for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in SIDES),
)
BONES = (
    ("head", "left_shoulder"),
    ("head", "right_shoulder"),
    ("left_shoulder", "right_shoulder"),
    *((f"{side}_shoulder", f"{side}_elbow") for side in SIDES),
    *((f"{side}_elbow", f"{side}_wrist") for side in SIDES),
    *((f"{side}_shoulder", f"{side}_hip") for side in SIDES),
    ("left_hip", "right_hip"),
    *((f"{side}_hip", f"{side}_knee") for side in SIDES),
    *((f"{side}_knee", f"{side}_ankle") for side in SIDES),
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


def alone(*names: str) -> list[Floats]:
    """Weights of joints of the body."""
    return [joint(**{name: 1.0}) for name in names]


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
    cover(canvas[:, rows, columns], mask, paint)


# Joints of three layouts, derived from those of one body: Penn Action (13), COCO (17) and NTU RGB+D (25).
PENN_ACTION = layout(*alone(*BODY))

COCO = layout(
    joint(head=1.0),  # nose
    joint(head=1.15, left_shoulder=0.045, right_shoulder=-0.195),  # left eye
    joint(head=1.15, left_shoulder=-0.195, right_shoulder=0.045),  # right eye
    joint(head=1.0, left_shoulder=0.3, right_shoulder=-0.3),  # left ear
    joint(head=1.0, left_shoulder=-0.3, right_shoulder=0.3),  # right ear
    *alone(*BODY[1:]),
)

NTU = layout(
    joint(left_hip=0.5, right_hip=0.5),  # base of the spine
    joint(left_shoulder=0.25, right_shoulder=0.25, left_hip=0.25, right_hip=0.25),  # middle of the spine
    joint(head=0.35, left_shoulder=0.325, right_shoulder=0.325),  # neck
    *alone("head", "left_shoulder", "left_elbow", "left_wrist"),
    joint(left_wrist=1.25, left_elbow=-0.25),  # left hand
    *alone("right_shoulder", "right_elbow", "right_wrist"),
    joint(right_wrist=1.25, right_elbow=-0.25),  # right hand
    *alone("left_hip", "left_knee", "left_ankle"),
    joint(left_ankle=1.15, left_knee=-0.15),  # left foot
    *alone("right_hip", "right_knee", "right_ankle"),
    joint(right_ankle=1.15, right_knee=-0.15),  # right foot
    joint(left_shoulder=0.5, right_shoulder=0.5),  # spine at the shoulders
    joint(left_wrist=1.5, left_elbow=-0.5),  # tip of the left hand
    joint(left_wrist=1.2, left_elbow=-0.2, left_shoulder=-0.15, right_shoulder=0.15),  # left thumb
    joint(right_wrist=1.5, right_elbow=-0.5),  # tip of the right hand
    joint(right_wrist=1.2, right_elbow=-0.2, left_shoulder=0.15, right_shoulder=-0.15),  # right thumb
    further_bones=((6, 22), (10, 24)),  # thumbs are drawn
)


Motion = Literal[
    "march", "march_and_cheer", "rest", "rest_and_swing", "sit_down", "stand_up", "wave_left", "wave_right"
]

TREMOR = 0.06  # standard deviation of the angles of all limbs, in radians


def movement(rng: np.random.Generator, motion: Motion, times: Floats, ending: int) -> tuple[Floats, Floats]:
    """Body (T, 13, 2) of a random movement, and how far (T, 2) the last joint of the layout is from its place in it.

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
    return body_joints(angles), last


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


Kind = Literal["motion", "appearance", "both"]
RED, BLUE = 0.0, 0.62  # hues of the things that figures hold


class Action(NamedTuple):
    """What a figure does. The hue of the thing in its waving hand is one of two, or random if None."""

    name: str
    motion: Motion
    partner: str  # other action of the pair
    hue: float | None = None


class Landmark(NamedTuple):
    """Large thing in the scene that tells the class."""

    name: str
    shape: Shape
    hue: float


# fmt: off
ACTIONS = (
    Action("march",            "march",            "march_and_cheer"),  # these two differ in the last frames
    Action("march_and_cheer",  "march_and_cheer",  "march"),
    Action("rest",             "rest",             "rest_and_swing"),   # these two differ in the last joint
    Action("rest_and_swing",   "rest_and_swing",   "rest"),
    Action("sit_down",         "sit_down",         "stand_up"),         # these two differ in the order of frames
    Action("stand_up",         "stand_up",         "sit_down"),
    Action("wave_left_blue",   "wave_left",        "wave_left_red",     BLUE),
    Action("wave_left_red",    "wave_left",        "wave_left_blue",    RED),
    Action("wave_right_blue",  "wave_right",       "wave_right_red",    BLUE),
    Action("wave_right_red",   "wave_right",       "wave_right_blue",   RED),
)
LANDMARKS = (
    Landmark("near_green_ring",      "ring",     0.33),
    Landmark("near_violet_triangle", "triangle", 0.80),
    Landmark("near_yellow_cross",    "cross",    0.15),
)
# fmt: on
ACTION_OF = {action.name: action for action in ACTIONS}
LANDMARK_OF = {landmark.name: landmark for landmark in LANDMARKS}
CLASS_NAMES = tuple(sorted((*ACTION_OF, *LANDMARK_OF)))


def kind_of(name: str) -> Kind:
    if name in LANDMARK_OF:
        return "appearance"
    return "motion" if ACTION_OF[name].hue is None else "both"
