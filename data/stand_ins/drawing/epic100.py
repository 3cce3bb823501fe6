"""Stand-in for EPIC-Kitchens-100: hands perform an action (the verb) with an object (the noun).

A verb determines the motion of the hands, a noun the appearance of the object. All pairs of verb and noun occur. The
camera is worn on the head and always moves. Verbs are invariant to mirroring, since the recipe flips clips. A video
has one segment of each verb and of each noun, paired at random, with idle frames between segments.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.stand_ins.drawing.base import Video, VideoDrawing
from data.stand_ins.drawing.shapes import Floats, Pattern, Shape, Thing, color, drift, dull_ground, to_uint8
from data.stand_ins.of_videos import Epic100StandIn

VERBS = ("take", "put", "wash", "open", "close", "cut", "mix", "pour")
Verb = Literal["take", "put", "wash", "open", "close", "cut", "mix", "pour"]


class Noun(NamedTuple):
    """Average appearance of an object. The hue is in [0, 1]."""

    name: str
    shape: Shape
    pattern: Pattern
    hue: float


# fmt: off
NOUNS = (
    Noun("plate",  "disc",     "plain",   0.62),
    Noun("knife",  "bar",      "plain",   0.50),
    Noun("pan",    "ring",     "plain",   0.80),
    Noun("carrot", "triangle", "stripes", 0.08),
    Noun("box",    "square",   "checks",  0.15),
    Noun("cloth",  "square",   "stripes", 0.92),
    Noun("onion",  "hexagon",  "dots",    0.30),
    Noun("tap",    "cross",    "plain",   0.42),
)
# fmt: on

CATEGORIES = {
    "plate": "crockery",
    "knife": "cutlery",
    "pan": "cookware",
    "carrot": "vegetables",
    "box": "storage",
    "cloth": "cleaning equipment and material",
    "onion": "vegetables",
    "tap": "appliances",
}
PARTICIPANTS = 10
OLD_VIDEOS = 12  # per participant; further videos are numbered from 101, like the extension of 2020
COLUMNS = (
    *("narration_id", "participant_id", "video_id", "narration_timestamp", "start_timestamp", "stop_timestamp"),
    *("start_frame", "stop_frame", "narration", "verb", "verb_class", "noun", "noun_class"),
    *("all_nouns", "all_noun_classes"),
)


class Action(NamedTuple):
    """One segment of a video: frames `start` to `stop` - 1."""

    start: int
    stop: int
    verb: int
    noun: int


class Hands(NamedTuple):
    """Pose of the held object: position (T, 2), gap between its two halves (T,), size (T,) and angle `turn` (T,)."""

    position: Floats
    gap: Floats
    size: Floats
    turn: Floats


class Epic100Drawing(VideoDrawing[Epic100StandIn]):
    def parts(self) -> list[Video]:
        """Videos of both splits. The last number of a seed is the number of segments."""
        videos: list[Video] = []
        for split, count in (("train", self.settings.num_train), ("validation", self.settings.num_val)):
            for first in range(0, count, len(VERBS)):
                index = len(videos)
                number, kitchen = index // PARTICIPANTS + 1, index % PARTICIPANTS + 1
                name = f"{number:02d}" if number <= OLD_VIDEOS else str(100 + number - OLD_VIDEOS)
                seed = (self.settings.seed, index, min(len(VERBS), count - first))
                videos.append(Video(split, f"P{kitchen:02d}_{name}", 0, seed))
        return videos

    def path(self, video: Video) -> Path:
        return Path(video.video_id.partition("_")[0]) / "videos" / f"{video.video_id}.MP4"

    def actions(self, video: Video) -> list[Action]:
        rng = np.random.default_rng([*video.seed, 0])
        verbs, nouns = rng.permutation(self.settings.num_verbs), rng.permutation(self.settings.num_nouns)
        actions, frame = [], 0
        for verb, noun in list(zip(verbs, nouns, strict=True))[: video.seed[-1]]:
            start = frame + int(rng.integers(*self.settings.idle, endpoint=True))
            frame = start + int(rng.integers(*self.settings.frames, endpoint=True))
            actions.append(Action(start, frame, int(verb), int(noun)))
        return actions

    def annotations(self) -> dict[str, str]:
        rows: dict[str, list[tuple[object, ...]]] = {"train": [], "validation": []}
        for video in self.parts():
            for number, action in enumerate(self.actions(video)):
                rows[video.split].append(self.annotation(video, number, action))
        files = {f"EPIC_100_{split}.csv": csv_text(COLUMNS, of_split) for split, of_split in rows.items()}
        categories = CATEGORIES if self.settings.has_categories else {}
        for kind, names in (("verb", VERBS), ("noun", [noun.name for noun in NOUNS])):
            header = ("id", "key", "instances", "category")
            classes = [(n, name, f"['{name}']", categories.get(name, kind)) for n, name in enumerate(names)]
            files[f"EPIC_100_{kind}_classes.csv"] = csv_text(header, classes)
        return files

    def annotation(self, video: Video, number: int, action: Action) -> tuple[object, ...]:
        start, stop = action.start / self.settings.rate, action.stop / self.settings.rate
        frame_rate = 50 if len(video.video_id.partition("_")[2]) == 3 else 60  # of the published frames
        verb, noun = VERBS[action.verb], NOUNS[action.noun].name
        ids = f"{video.video_id}_{number}", video.video_id.partition("_")[0], video.video_id
        times = timestamp(start), timestamp(start), timestamp(stop)
        frames = round(start * frame_rate), round(stop * frame_rate)
        words = f"{verb} {noun}", verb, action.verb, noun, action.noun, f"['{noun}']", f"[{action.noun}]"
        return (*ids, *times, *frames, *words)

    def drawn(self, video: Video) -> NDArray[np.uint8]:
        rng = np.random.default_rng([*video.seed, 1])
        actions = self.actions(video)
        num_frames = actions[-1].stop + self.settings.idle[1]
        cycles = np.arange(num_frames) / (3 * self.settings.rate)  # of about three seconds
        path = drift(rng, cycles, self.settings.shake)
        camera = self.camera(path)
        canvas = dull_ground(rng, camera, values=(0.2, 0.5), saturation=0.25, below=0.1, above=0.12, hue_spread=0.1)
        skin = color(rng.uniform(0.02, 0.09), rng.uniform(0.3, 0.6), rng.uniform(0.45, 0.95))
        for action in actions:
            self.draw_action(rng, canvas[action.start : action.stop], path[action.start : action.stop], action, skin)
        return to_uint8(canvas, rng, self.settings.noise)

    def draw_action(self, rng: np.random.Generator, canvas: Floats, path: Floats, action: Action, skin: Floats) -> None:
        camera = self.camera(path)
        others = rng.permutation(np.delete(np.arange(self.settings.num_nouns), action.noun))[: self.settings.strangers]
        middle = path.mean(0)  # the action is at the centre of the view
        for other, side in zip(others, rng.permutation([-1, 1, -1, 1]), strict=False):
            position = middle + np.array([side * rng.uniform(0.7, 1.2), rng.uniform(-0.8, 0.5)])
            still = np.broadcast_to(position.astype(np.float32), (len(canvas), 2))
            size = np.full(len(canvas), rng.uniform(0.2, 0.3), np.float32)
            turn = np.full(len(canvas), rng.uniform(0, 2 * np.pi), np.float32)
            self.thing(rng, NOUNS[other]).draw(canvas, camera, position=still, size=size, angle=turn)
        hands = hand_poses(rng, VERBS[action.verb], np.arange(len(canvas), dtype=np.float32) / self.settings.rate)
        thing = self.thing(rng, NOUNS[action.noun])
        angle = rng.uniform(0, 2 * np.pi) + hands.turn
        forearm = Thing(shape="bar", first=skin, second=skin, pattern="plain")
        positions = {side: middle + hands.position for side in (-1, 1)}
        for side, position in positions.items():
            position[:, 0] += side * hands.gap / 2
            arm_position = position + np.array([side * 0.3, 0.55])
            arm_size = np.full_like(hands.size, 0.32)
            arm_angle = np.pi / 2 - side * 0.4 + 0.5 * hands.turn
            forearm.draw(canvas, camera, position=arm_position.astype(np.float32), size=arm_size, angle=arm_angle)
        for position in positions.values():
            thing.draw(canvas, camera, position=position.astype(np.float32), size=hands.size, angle=angle)

    def thing(self, rng: np.random.Generator, noun: Noun) -> Thing:
        hues = noun.hue + rng.normal(0, self.settings.hue_spread, 2)
        return Thing(
            shape=noun.shape,
            pattern=noun.pattern,
            first=color(hues[0], rng.uniform(0.6, 1.0), rng.uniform(0.7, 1.0)),
            second=color(hues[1] + 0.08, rng.uniform(0.2, 0.5), rng.uniform(0.4, 0.9)),
        )


def hand_poses(rng: np.random.Generator, verb: Verb, seconds: Floats) -> Hands:
    """Poses of the held object over the segment of a verb. Their distribution is invariant to mirroring."""
    progress = seconds / seconds[-1]
    eased = progress * progress * (3 - 2 * progress)  # starts and stops smoothly
    phase = 2 * np.pi * (rng.uniform(1.0, 1.6) * seconds + rng.uniform())
    amplitude, mirror = rng.uniform(0.35, 0.5), rng.choice([-1.0, 1.0])
    x, y = (np.full_like(seconds, rng.uniform(-0.25, 0.25)) for _ in range(2))
    gap, turn = np.zeros_like(seconds), np.zeros_like(seconds)
    size = np.full_like(seconds, rng.uniform(0.32, 0.42))
    match verb:
        case "take" | "put":  # towards the body, or away from it
            eased = eased if verb == "take" else 1 - eased
            y, size = y - 0.55 + 1.1 * eased, size * (0.75 + 0.5 * eased)
            x = x + mirror * 0.25 * eased
        case "wash":
            x = x + amplitude * np.sin(phase)
        case "open" | "close":
            gap = rng.uniform(1.1, 1.5) * (eased if verb == "open" else 1 - eased)
        case "cut":
            y = y + amplitude * np.sin(phase)
        case "mix":
            x, y = x + amplitude * np.cos(mirror * phase), y + amplitude * np.sin(mirror * phase)
        case "pour":
            turn = mirror * rng.uniform(0.8, 1.1) * np.pi * eased
    return Hands(np.stack([x, y], -1).astype(np.float32), *(part.astype(np.float32) for part in (gap, size, turn)))


def timestamp(seconds: float) -> str:
    """Timestamp in the format of the annotations, `HH:MM:SS.cc`."""
    minutes, hundredths = divmod(round(100 * seconds), 6000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{hundredths // 100:02d}.{hundredths % 100:02d}"


def csv_text(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()
