"""Generated videos of articulated figures with the joints of one of them, the actor.

The actor performs an action and a stranger that of its partner; other strangers walk by. All figures are drawn from the
same distribution, so that only the joints tell which one is the actor. Classes: figures.py. Left and right of
the body matter: clips must not be mirrored, not even with left and right joints swapped.

Shapes: T frames, R joints of the layout, h and w pixels.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.stand_ins.drawing.base import Video, VideoDrawing
from data.stand_ins.drawing.figures import (
    ACTION_OF,
    ACTIONS,
    BLUE,
    CLASS_NAMES,
    HEAD,
    LANDMARK_OF,
    RED,
    Action,
    Layout,
    draw_limb,
    movement,
)
from data.stand_ins.drawing.shapes import SHAPES, Camera, Floats, Thing, color, draw_still, drift, dull_ground, to_uint8
from data.stand_ins.of_figures import FigureStandIn

F = TypeVar("F", bound=FigureStandIn)
LIMB_RADIUS, HELD_RADIUS = 0.03, 0.12  # in world units
REACH = (0.9, 0.9)  # of things that do not move


class Figure(NamedTuple):
    """Figure in world units, with the thing that it holds."""

    joints: Floats  # (T, R, 2)
    size: float  # height of the body
    hand: int | None = None  # joint at which it holds a thing of this hue
    hue: float = 0.0


class Scene(NamedTuple):
    """Places of everything that moves in a video."""

    camera: Camera
    actor: Figure
    partner: Figure
    passers: list[Figure]


class Joints(NamedTuple):
    """Annotated joints. The middle of the first pixel has the place (0.5, 0.5)."""

    places: Floats  # (T, R, 2), x and y in pixels; 0 where not visible
    visible: NDArray[np.bool_]  # (T, R)


class FigureDrawing(VideoDrawing[F]):
    layout: ClassVar[Layout]

    @abstractmethod
    def video_ids(self, rng: np.random.Generator, labels: Sequence[tuple[str, int]]) -> list[str]:
        """Id of each of the videos with these splits and labels."""

    def parts(self) -> list[Video]:
        rng = np.random.default_rng([self.settings.seed, 0])
        labels = [
            (split, int(label))
            for split, count in (("train", self.settings.num_train), ("val", self.settings.num_val))
            for label in rng.permutation(np.arange(count) % self.settings.num_classes)
        ]
        ids = self.video_ids(rng, labels)
        return [
            Video(split, video_id, label, (self.settings.seed, 1, index))
            for index, ((split, label), video_id) in enumerate(zip(labels, ids, strict=True))
        ]

    def scene(self, video: Video) -> Scene:
        rng = np.random.default_rng([*video.seed, 0])
        times = np.linspace(0, 1, self.settings.frames)
        name = CLASS_NAMES[video.label]
        action = ACTION_OF.get(name) or ACTIONS[rng.integers(len(ACTIONS))]
        side = rng.choice([-1, 1])
        hue = rng.choice([RED, BLUE]) if action.hue is None else action.hue
        return Scene(
            camera=self.camera(drift(rng, times, self.settings.shake)),
            actor=self.figure(rng, times, action, side, hue),
            partner=self.figure(rng, times, ACTION_OF[action.partner], -side, RED + BLUE - hue),
            passers=[self.passer(rng, times) for _ in range(self.settings.passers)],
        )

    def figure(self, rng: np.random.Generator, times: Floats, action: Action, side: int, hue: float) -> Figure:
        """Figure in the left (-1) or the right (1) half of the picture that performs an action."""
        hand = action.motion.removeprefix("wave_") if action.hue is not None else rng.choice(["left", "right"])
        place = np.array([side * rng.uniform(0.48, 0.62), rng.uniform(0.68, 0.85)]) + drift(rng, times, 0.03)  # (T, 2)
        size = rng.uniform(1.25, 1.5)
        joints = self.world_joints(rng, times, action, size) + place[:, None]
        return Figure(joints, size, self.layout.number(f"{hand}_wrist"), hue)

    def passer(self, rng: np.random.Generator, times: Floats) -> Figure:
        x = rng.choice([-1, 1]) * (2.4 * (times - 0.5) + rng.uniform(-0.6, 0.6))
        size = rng.uniform(0.8, 1.1)
        joints = self.world_joints(rng, times, ACTION_OF["march"], size)
        return Figure(joints + np.stack([x, np.full_like(x, rng.uniform(0.4, 0.7))], -1)[:, None], size)

    def world_joints(self, rng: np.random.Generator, times: Floats, action: Action, size: float) -> Floats:
        """Joints (T, R, 2) of a moving body, in world units from its place on the ground. It faces us or faces away."""
        body, last = movement(rng, action.motion, times, self.settings.ending)
        joints = self.layout.joints(body)
        joints[:, -1] += last
        return size * joints * [rng.choice([-1, 1]), 1]

    def joints(self, video: Video) -> Joints:
        """Annotated joints of the actor."""
        scene, rng = self.scene(video), np.random.default_rng([*video.seed, 1])
        places = pixels(scene.camera, scene.actor.joints)
        places += rng.normal(0, self.settings.jitter, places.shape)
        visible = np.logical_and.reduce((places >= 0) & (places <= scene.camera.size), axis=-1)  # (T, R)
        for number in np.flatnonzero(rng.uniform(size=places.shape[1]) < self.settings.gaps):
            start, length = rng.integers(self.settings.frames), rng.integers(1, max(2, self.settings.frames // 3))
            visible[start : start + length, number] = False
        if rng.uniform() < self.settings.gaps:
            visible[rng.integers(self.settings.frames)] = False
        return Joints(np.where(visible[..., None], places, 0.0), visible)

    def drawn(self, video: Video) -> NDArray[np.uint8]:
        scene, rng = self.scene(video), np.random.default_rng([*video.seed, 2])
        canvas = dull_ground(
            rng, scene.camera, values=(0.25, 0.55), saturation=0.25, below=0.12, above=0.12, hue_spread=None
        )
        for _ in range(self.settings.clutter):
            draw_still(rng, canvas, scene.camera, dull_thing(rng), size=rng.uniform(0.08, 0.22), reach=REACH)
        landmark = LANDMARK_OF.get(CLASS_NAMES[video.label])
        thing = dull_thing(rng)
        if landmark is not None:
            first, second = (vivid(rng, landmark.hue) for _ in range(2))
            thing = Thing(shape=landmark.shape, first=first, second=second, pattern="plain")
        draw_still(rng, canvas, scene.camera, thing, size=rng.uniform(0.35, 0.45), reach=REACH)
        for passer in scene.passers:
            self.draw_figure(rng, canvas, scene.camera, passer)
        figures = scene.actor, scene.partner
        for index in rng.permutation(2):
            self.draw_figure(rng, canvas, scene.camera, figures[index])
        return to_uint8(canvas, rng, self.settings.noise)

    def draw_figure(self, rng: np.random.Generator, canvas: Floats, camera: Camera, figure: Figure) -> None:
        """Draw a figure. Its limbs let some of the background through."""
        paint = color(rng.uniform(), rng.uniform(0.0, 0.3), rng.choice([rng.uniform(0.0, 0.2), rng.uniform(0.7, 1.0)]))
        for start, end in self.layout.bones:
            draw_limb(
                canvas,
                camera,
                start=figure.joints[:, start],
                end=figure.joints[:, end],
                radius=LIMB_RADIUS,
                paint=paint,
                opacity=rng.uniform(0.5, 1.0),
            )
        head = figure.joints[:, self.layout.number("head")]
        draw_limb(canvas, camera, start=head, end=head, radius=HEAD * figure.size, paint=paint)
        if figure.hand is not None:
            hand = figure.joints[:, figure.hand]
            draw_limb(canvas, camera, start=hand, end=hand, radius=HELD_RADIUS, paint=vivid(rng, figure.hue))


def pixels(camera: Camera, places: Floats) -> Floats:
    """Places (T, R, 2) of the world in pixels. The middle of the first pixel has the place (0.5, 0.5)."""
    return (places - camera.corner[:, None]) * camera.pixels_per_unit + 0.5


def vivid(rng: np.random.Generator, hue: float) -> Floats:
    return color(hue + rng.normal(0, 0.012), rng.uniform(0.8, 1.0), rng.uniform(0.8, 1.0))


def dull_thing(rng: np.random.Generator) -> Thing:
    """Thing of any shape in a colour that no class has."""
    first, second = (color(rng.uniform(), rng.uniform(0.0, 0.25), rng.uniform(0.15, 0.85)) for _ in range(2))
    return Thing(shape=SHAPES[rng.integers(len(SHAPES))], first=first, second=second, pattern="plain")
