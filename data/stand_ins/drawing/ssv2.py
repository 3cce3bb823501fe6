"""Stand-in for Something-Something V2: only the motion of two warm-coloured objects determines the label.

Five coordinates describe the two objects: x and y of their midpoint, the angle of the line between them, their gap and
their size. In every video, one coordinate moves, forwards or backwards, and the others are constant: ten classes. All
else is random. A constant coordinate has the distribution of a moving one at a random time. Single frames therefore
have the same distribution in all ten classes.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.stand_ins.drawing.base import Video, VideoDrawing
from data.stand_ins.drawing.shapes import SHAPES, Floats, Thing, color, draw_still, drift, dull_ground, to_uint8
from data.stand_ins.of_videos import SSV2_FOLDER, SSv2StandIn, without_brackets

# For each coordinate: the template of its increase, and the template of the same frames played backwards.
TEMPLATES = (
    ("Moving [somethings] from left to right", "Moving [somethings] from right to left"),
    ("Moving [somethings] down", "Moving [somethings] up"),
    ("Turning [somethings] clockwise", "Turning [somethings] counterclockwise"),
    (
        "Moving [something] and [something] away from each other",
        "Moving [something] and [something] closer to each other",
    ),
    ("Moving [somethings] towards the camera", "Moving [somethings] away from the camera"),
)
PATTERNS = ("plain", "stripes", "checks", "dots")
REACH = (1.3, 1.0)  # of objects that do not move


class Pose(NamedTuple):
    """Coordinates in every frame, each (T,) in [0, 1], in the order of the templates."""

    x: Floats
    y: Floats
    turn: Floats
    gap: Floats
    size: Floats


class SSv2Drawing(VideoDrawing[SSv2StandIn]):
    @property
    def class_names(self) -> tuple[str, ...]:
        """Templates without brackets in alphabetical order, as in the official labels file."""
        return tuple(sorted(without_brackets(template) for pair in TEMPLATES for template in pair))

    def parts(self) -> list[Video]:
        """Videos of both splits with balanced classes. Ids are shuffled, so that they are independent of the class."""
        rng = np.random.default_rng([self.settings.seed, 0])
        ids = rng.permutation(self.settings.num_train + self.settings.num_val) + 1
        videos = []
        for split, count in (("train", self.settings.num_train), ("validation", self.settings.num_val)):
            for label in rng.permutation(np.arange(count) % self.settings.num_classes):
                video_id = int(ids[len(videos)])
                videos.append(Video(split, str(video_id), int(label), (self.settings.seed, 1, video_id)))
        return videos

    def path(self, video: Video) -> Path:
        return Path(SSV2_FOLDER, f"{video.video_id}.mp4")

    def annotations(self) -> dict[str, str]:
        templates = {without_brackets(template): template for pair in TEMPLATES for template in pair}
        labels = {name: str(label) for label, name in enumerate(self.class_names)}
        entries: dict[str, list[dict[str, object]]] = {"train": [], "validation": []}
        for video in self.parts():
            name = self.class_names[video.label]
            entry = {"id": video.video_id, "label": name.lower(), "template": templates[name]}
            entries[video.split].append({**entry, "placeholders": ["something"] * templates[name].count("[")})
        files: dict[str, object] = {"labels": labels, **entries}
        return {f"something-something-v2-{part}.json": json.dumps(content, indent=1) for part, content in files.items()}

    def drawn(self, video: Video) -> NDArray[np.uint8]:
        """Frames (T, h, w, 3) of one video. The second template of a pair is the first one played backwards."""
        scene, motion = np.random.default_rng(video.seed).spawn(2)
        times = np.linspace(0, 1, int(scene.integers(*self.settings.frames, endpoint=True)), dtype=np.float32)
        names = [[without_brackets(template) for template in pair] for pair in TEMPLATES]
        name = self.class_names[video.label]
        moving = next(index for index, pair in enumerate(names) if name in pair)
        frames = self.footage(scene, times, self.pose(motion, times, moving))
        return frames[::-1] if name == names[moving][1] else frames

    def footage(self, rng: np.random.Generator, times: Floats, pose: Pose) -> NDArray[np.uint8]:
        """Frames of a random scene with two objects. Only their poses depend on the class."""
        camera = self.camera(drift(rng, times, self.settings.shake))
        canvas = dull_ground(rng, camera, values=(0.15, 0.45), saturation=0.3, below=0.1, above=0.15, hue_spread=0.1)
        for _ in range(self.settings.distractors):
            draw_still(rng, canvas, camera, cool_thing(rng), size=radius(rng.uniform()), reach=REACH)
        turn, gap = np.pi * (1.2 * pose.turn - 0.6), 0.12 + 0.68 * pose.gap
        midpoint = self.settings.roam * np.stack([2 * pose.x - 1, 2 * pose.y - 1], -1)  # (T, 2)
        offset = gap[:, None] * np.stack([np.cos(turn), np.sin(turn)], -1)
        for side in rng.permutation([-1, 1]):  # either object may be in front of the other
            angle = rng.uniform(0, 2 * np.pi) + drift(rng, times, 0.2)[:, 0]
            position = (midpoint + side * offset).astype(np.float32)
            warm_thing(rng).draw(canvas, camera, position=position, size=radius(pose.size), angle=angle)
        for _ in range(self.settings.occluders):
            dull = color(rng.uniform(), 0.2, rng.uniform(0.1, 0.5))
            occluder = Thing(shape="bar", first=dull, second=dull, pattern="plain")
            draw_still(rng, canvas, camera, occluder, size=0.25, reach=REACH)
        return to_uint8(canvas, rng, self.settings.noise)

    def pose(self, rng: np.random.Generator, times: Floats, moving: int) -> Pose:
        """Poses with one moving coordinate and constant others."""
        paths = [increasing_path(rng, times, self.settings.reach) for _ in TEMPLATES]
        return Pose(*(path if k == moving else np.full_like(path, rng.choice(path)) for k, path in enumerate(paths)))


def increasing_path(rng: np.random.Generator, times: Floats, reach: tuple[float, float]) -> Floats:
    """Increasing path (T,) in [0, 1] with random start, varying speed, and possibly a near stop."""
    length = rng.uniform(*reach)
    speed = np.exp(rng.normal(0, 0.5) * np.sin(np.pi * (times - 0.5)) + rng.normal(0, 0.4) * np.cos(2 * np.pi * times))
    progress = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]))])
    return (rng.uniform(0, 1 - length) + length * progress / progress[-1]).astype(np.float32)


def radius(size: Floats | float) -> Floats:
    """Radius in world units of a size in [0, 1]."""
    return np.asarray(0.14 * 3.0**size, np.float32)


def warm_thing(rng: np.random.Generator) -> Thing:
    """Object in the colours of skin, wood and rust, like the hands in every video of the real data set."""
    return random_thing(rng, rng.uniform(-0.05, 0.13, 2))


def cool_thing(rng: np.random.Generator) -> Thing:
    return random_thing(rng, rng.uniform(0.25, 0.8, 2))


def random_thing(rng: np.random.Generator, hues: Floats) -> Thing:
    return Thing(
        shape=SHAPES[rng.integers(len(SHAPES))],
        first=color(hues[0], rng.uniform(0.6, 1.0), rng.uniform(0.8, 1.0)),
        second=color(hues[1], rng.uniform(0.6, 1.0), rng.uniform(0.5, 1.0)),
        pattern=PATTERNS[rng.integers(len(PATTERNS))],
    )
