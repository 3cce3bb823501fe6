"""Stand-ins for Kinetics-400 and 600: appearance mostly determines the label.

A class has one kind of object and of background. Colours vary within a class, objects of another class are visible,
the camera pans, and a large object passes in front. A single frame may therefore mislead where several frames do not.
The last two classes differ only in their motion.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.stand_ins.drawing.base import Video, VideoDrawing
from data.stand_ins.drawing.shapes import Camera, Floats, Pattern, Shape, Thing, color, drift, textured, to_uint8
from data.stand_ins.of_videos import KineticsStandIn

Motion = Literal["bounce", "roll", "circle", "sway", "rest"]


class Activity(NamedTuple):
    """Average appearance of a class. The hues of objects and background are in [0, 1]."""

    name: str
    shape: Shape
    pattern: Pattern
    hue: float
    ground: float
    motion: Motion


# fmt: off
ACTIVITIES: dict[str, tuple[Activity, ...]] = {  # in alphabetical order, like the labels
    "kinetics400": (
        Activity("bouncing balls",    "disc",     "plain",   0.0, 0.4, "bounce"),
        Activity("circling plates",   "disc",     "dots",    0.2, 0.0, "circle"),
        Activity("flying kites",      "triangle", "stripes", 0.4, 0.6, "sway"),
        Activity("laying tiles",      "square",   "checks",  0.6, 0.2, "rest"),
        Activity("parking carts",     "square",   "plain",   0.8, 0.8, "roll"),
        Activity("rolling hoops",     "ring",     "plain",   0.2, 0.4, "roll"),
        Activity("spinning windmill", "cross",    "plain",   0.4, 0.0, "circle"),
        Activity("stacking bricks",   "bar",      "plain",   0.0, 0.6, "bounce"),
        Activity("swinging lanterns", "hexagon",  "stripes", 0.6, 0.8, "sway"),
        Activity("winding lanterns",  "hexagon",  "stripes", 0.6, 0.8, "bounce"),
    ),
    "kinetics600": (
        Activity("arranging flags",   "triangle", "plain",   0.1, 0.3, "rest"),
        Activity("chopping wood",     "bar",      "stripes", 0.1, 0.7, "bounce"),
        Activity("dropping beads",    "disc",     "plain",   0.5, 0.1, "bounce"),
        Activity("folding napkins",   "square",   "dots",    0.3, 0.9, "rest"),
        Activity("juggling rings",    "ring",     "stripes", 0.7, 0.5, "circle"),
        Activity("pulling sleds",     "bar",      "checks",  0.5, 0.9, "roll"),
        Activity("rocking cradles",   "hexagon",  "plain",   0.9, 0.1, "sway"),
        Activity("rolling barrels",   "hexagon",  "dots",    0.7, 0.3, "roll"),
        Activity("turning valves",    "cross",    "checks",  0.3, 0.5, "circle"),
        Activity("waving valves",     "cross",    "checks",  0.3, 0.5, "sway"),
    ),
}
# fmt: on


class KineticsDrawing(VideoDrawing[KineticsStandIn]):
    @property
    def activities(self) -> tuple[Activity, ...]:
        return ACTIVITIES[self.settings.release]

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(activity.name for activity in self.activities)

    def parts(self) -> list[Video]:
        """Videos of both splits with balanced classes. Ids have the form of the real ids."""
        rng = np.random.default_rng([self.settings.seed, 0])
        letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"))
        videos = []
        for split, count in (("train", self.settings.num_train), ("val", self.settings.num_val)):
            for label in rng.permutation(np.arange(count) % self.settings.num_classes):
                start = int(rng.integers(290))
                video_id = "".join(rng.choice(letters, 11)) + f"_{start:06d}_{start + 10:06d}"
                videos.append(Video(split, video_id, int(label), (self.settings.seed, 1, len(videos))))
        return videos

    def path(self, video: Video) -> Path:
        return Path(video.split) / self.class_names[video.label] / f"{video.video_id}.mp4"

    def annotations(self) -> dict[str, str]:
        lines: dict[str, list[str]] = {"train": [], "val": []}
        for video in self.parts():
            lines[video.split].append(f"{self.path(video).as_posix()} {video.label}\n")
        return {f"{split}.csv": "".join(of_split) for split, of_split in lines.items()}

    def drawn(self, video: Video) -> NDArray[np.uint8]:
        rng = np.random.default_rng(video.seed)
        activity = self.activities[video.label]
        other = self.activities[(video.label + rng.integers(1, self.settings.num_classes)) % self.settings.num_classes]
        times = np.linspace(0, 1, int(rng.integers(*self.settings.frames, endpoint=True)), dtype=np.float32)
        camera = self.camera(drift(rng, times, self.settings.shake))
        canvas = self.ground(rng, camera, activity)
        actors = [activity] * self.settings.things + [other] * self.settings.strangers
        for index in rng.permutation(len(actors)):
            motion = actors[index].motion if index < self.settings.things else "rest"
            position = rng.uniform([-1.1, -0.8], [1.1, 0.8]) + displacement(rng, motion, times)
            angle = rng.uniform(0, 2 * np.pi) + drift(rng, times, 0.2)[:, 0]
            size = np.full_like(times, rng.uniform(0.18, 0.36))
            self.thing(rng, actors[index]).draw(
                canvas, camera, position=position.astype(np.float32), size=size, angle=angle.astype(np.float32)
            )
        for _ in range(self.settings.passers):
            self.pass_by(rng, canvas, camera, times)
        return to_uint8(canvas, rng, self.settings.noise)

    def ground(self, rng: np.random.Generator, camera: Camera, activity: Activity) -> Floats:
        """Canvas (T, h, w, 3) with a background of a random hue close to that of the class."""
        hue, value = activity.ground + rng.normal(0, self.settings.hue_spread), rng.uniform(0.25, 0.6)
        low = color(hue, rng.uniform(0.15, 0.5), value - 0.1)
        high = color(hue + rng.normal(0, self.settings.hue_spread), rng.uniform(0.15, 0.5), value + 0.15)
        return textured(rng, camera, low=low, high=high, waves=4, frequency=6.0)

    def thing(self, rng: np.random.Generator, activity: Activity) -> Thing:
        hues = activity.hue + rng.normal(0, self.settings.hue_spread, 2)
        return Thing(
            shape=activity.shape,
            pattern=activity.pattern,
            first=color(hues[0], rng.uniform(0.5, 1.0), rng.uniform(0.7, 1.0)),
            second=color(hues[1], rng.uniform(0.2, 0.6), rng.uniform(0.4, 0.9)),
        )

    def pass_by(self, rng: np.random.Generator, canvas: Floats, camera: Camera, times: Floats) -> None:
        """Draw a large grey disc that crosses the picture in front of all other objects."""
        grey = color(rng.uniform(), 0.1, rng.uniform(0.1, 0.7))
        passer = Thing(shape="disc", first=grey, second=grey, pattern="plain")
        x = rng.choice([-1, 1]) * (3.0 * (times + rng.uniform(-0.5, 0.5)) - 1.5)
        position = np.stack([x, np.full_like(x, rng.uniform(-0.6, 0.6))], -1).astype(np.float32)
        size = np.full_like(times, rng.uniform(0.4, 0.7))
        passer.draw(canvas, camera, position=position, size=size, angle=np.zeros_like(times))


def displacement(rng: np.random.Generator, motion: Motion, times: Floats) -> Floats:
    """Displacement (T, 2) of an object from its position."""
    phase = 2 * np.pi * (rng.uniform(1.5, 3.0) * times + rng.uniform())
    amplitude = rng.uniform(0.25, 0.45)
    zero = np.zeros_like(phase)
    match motion:
        case "bounce":
            offset = (zero, -2 * amplitude * np.abs(np.sin(phase / 2)) + amplitude)
        case "roll":
            offset = (rng.choice([-1, 1]) * rng.uniform(0.8, 1.4) * (times - 0.5), zero)
        case "circle":
            offset = (amplitude * np.cos(phase), amplitude * np.sin(phase))
        case "sway":
            offset = (amplitude * np.sin(phase), 0.15 * amplitude * np.cos(2 * phase))
        case "rest":
            offset = (zero, zero)
    return np.stack(offset, -1).astype(np.float32)
