"""Layouts of the stand-ins of figures: Penn Action, NTU RGB+D and FineGYM, each with the joints of the actor.

Penn Action: videos as folders of pictures, and a .mat file with joints, class and split for each.

NTU RGB+D: one video and one text file of skeletons for each sample. Every official protocol gives the same split:
training subjects are recorded by cameras 2 and 3 in even setups, test subjects by camera 1 in odd setups.

FineGYM: one video per sub-action, the official annotation files, and a pickle of 2D poses, which has the layout of
`gym_2d.pkl` of https://github.com/open-mmlab/mmaction2 with the joints of COCO.
"""

import io
import json
import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np

from data.stand_ins.drawing.base import Video
from data.stand_ins.drawing.encoding import encoded_avi, encoded_jpeg
from data.stand_ins.drawing.figure_videos import FigureDrawing, Joints
from data.stand_ins.drawing.figures import CLASS_NAMES, COCO, NTU, PENN_ACTION, Layout
from data.stand_ins.of_figures import FineGymStandIn, NtuStandIn, PennActionStandIn

MAT_TEXT = b"MATLAB 5.0 MAT-file"
MAT_TEXT_SIZE = 116  # bytes at the beginning of a .mat file, which scipy fills with the date


class PennActionDrawing(FigureDrawing[PennActionStandIn]):
    layout: ClassVar[Layout] = PENN_ACTION

    def video_ids(self, rng: np.random.Generator, labels: Sequence[tuple[str, int]]) -> list[str]:
        """Shuffled numbers: those of both splits are mixed, as in the real data set."""
        return [f"{number + 1:04d}" for number in rng.permutation(len(labels))]

    def path(self, video: Video) -> Path:
        return Path("frames", video.video_id)

    def files(self, part: Video) -> Iterator[tuple[Path, bytes]]:
        for index, frame in enumerate(self.drawn(part)):
            yield self.path(part) / f"{index + 1:06d}.jpg", encoded_jpeg(frame, 92)
        yield Path("labels", f"{part.video_id}.mat"), self.label_file(part)

    def label_file(self, video: Video) -> bytes:
        """Annotation of a video. Coordinates count from 1; a joint without a place is at (1, 1)."""
        from scipy.io import savemat  # only to generate

        joints = self.joints(video)
        visible, places = joints.visible[..., None], joints.places + 0.5
        lowest = np.where(visible, places, [self.settings.width, self.settings.height])
        highest = np.where(visible, places, 1.0)
        content = {
            "action": CLASS_NAMES[video.label],
            "pose": "front",
            "x": highest[..., 0],
            "y": highest[..., 1],
            "visibility": joints.visible.astype(np.float64),
            "train": 1.0 if video.split == "train" else -1.0,
            "bbox": np.concatenate([lowest.min(1), highest.max(1)], 1),  # (T, 4)
            "dimensions": np.array([[self.settings.height, self.settings.width, self.settings.frames]], np.float64),
            "nframes": float(self.settings.frames),
        }
        file = io.BytesIO()
        savemat(file, content, do_compression=True)
        return MAT_TEXT.ljust(MAT_TEXT_SIZE) + file.getvalue()[MAT_TEXT_SIZE:]


TRAIN_SUBJECTS = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
SUBJECTS, SETUPS = range(1, 41), range(1, 18)
COLOUR_WIDTH, COLOUR_HEIGHT = 1920, 1080  # size of the picture in which the sensor gives colour coordinates
DEPTH_WIDTH, DEPTH_HEIGHT = 512, 424
DISTANCE, FOCAL_LENGTH = 3.0, 1060.0  # of the figures in metres, of the colour camera in pixels
BODY_LINE = "{body} 0 1 1 0 0 0 0.0 0.0 2"  # number, clipped edges, hands, restriction, lean, tracking state
ABSENT_JOINT = " ".join(["0"] * 5 + ["NaN"] * 2 + ["0"] * 5)
FIRST_BODY = 72057594037900000  # ids of bodies have 17 digits


class NtuDrawing(FigureDrawing[NtuStandIn]):
    layout: ClassVar[Layout] = NTU

    def video_ids(self, rng: np.random.Generator, labels: Sequence[tuple[str, int]]) -> list[str]:
        test_subjects = [subject for subject in SUBJECTS if subject not in TRAIN_SUBJECTS]
        recordings = {
            "train": rng.permutation(list(product(SETUPS[1::2], (2, 3), TRAIN_SUBJECTS))),
            "val": rng.permutation(list(product(SETUPS[::2], (1,), test_subjects))),
        }
        used: Counter[tuple[str, int]] = Counter()
        names = []
        for split, label in labels:
            replication, index = divmod(used[split, label], len(recordings[split]))
            setup, camera, subject = recordings[split][index]
            names.append(f"S{setup:03d}C{camera:03d}P{subject:03d}R{replication + 1:03d}A{label + 1:03d}")
            used[split, label] += 1
        return names

    def path(self, video: Video) -> Path:
        return Path("nturgb+d_rgb", f"{video.video_id}_rgb.avi")

    def encoded(self, video: Video) -> bytes:
        return encoded_avi(self.drawn(video), rate=self.settings.rate)

    def files(self, part: Video) -> Iterator[tuple[Path, bytes]]:
        yield from super().files(part)
        yield Path("nturgb+d_skeletons", f"{part.video_id}.skeleton"), self.skeleton_file(part).encode()

    def skeleton_file(self, video: Video) -> str:
        """Bodies of every frame. There are none in a frame without joints."""
        joints, ghost = self.joints(video), self.ghost(video)
        lines = [str(self.settings.frames)]
        for index, visible in enumerate(joints.visible):
            bodies = [joints] if visible.any() else []
            bodies += [ghost] if ghost is not None else []
            lines.append(str(len(bodies)))
            for body in bodies:
                lines.append(BODY_LINE.format(body=FIRST_BODY + (body is ghost)))
                lines.append(str(visible.size))
                lines += self.joint_lines(body, index)
        return "\n".join(lines) + "\n"

    def ghost(self, video: Video) -> Joints | None:
        rng = np.random.default_rng([*video.seed, 3])
        if rng.uniform() >= self.settings.ghosts:
            return None
        size = np.array([self.settings.width, self.settings.height])
        still = rng.uniform(0.1, 0.9, 2) * size + rng.normal(0, 0.02, (len(self.layout.weights), 2)) * size
        places = np.broadcast_to(np.clip(still, 0, size), (self.settings.frames, *still.shape))
        return Joints(places, np.ones(places.shape[:2], bool))

    def joint_lines(self, joints: Joints, index: int) -> Iterator[str]:
        """Lines of the joints of a frame: camera space, depth picture, colour picture, orientation and state."""
        shares = joints.places[index] / [self.settings.width, self.settings.height]
        colours, depths = shares * [COLOUR_WIDTH, COLOUR_HEIGHT], shares * [DEPTH_WIDTH, DEPTH_HEIGHT]
        metres = (colours - [COLOUR_WIDTH / 2, COLOUR_HEIGHT / 2]) * [1, -1] * DISTANCE / FOCAL_LENGTH
        for metre, depth, colour, visible in zip(metres, depths, colours, joints.visible[index], strict=True):
            numbers = (*metre, DISTANCE, *depth, *colour)
            yield f"{' '.join(f'{number:.4f}' for number in numbers)} 0 0 0 0 2" if visible else ABSENT_JOINT


LISTS = {"train": "gym99_train_element_v1.0.txt", "val": "gym99_val_element.txt"}
LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"))
PICKLE_PROTOCOL = 4


class FineGymDrawing(FigureDrawing[FineGymStandIn]):
    layout: ClassVar[Layout] = COCO

    def video_ids(self, rng: np.random.Generator, labels: Sequence[tuple[str, int]]) -> list[str]:
        """Names in the form of the split lists: id at YouTube, event and sub-action with start and end in seconds."""
        seconds = -(-self.settings.frames // self.settings.rate)
        names = []
        for _ in labels:
            event, start = rng.integers(9000), rng.integers(1, 9)
            youtube_id = "".join(rng.choice(LETTERS, 11))
            span = f"E_{event:06d}_{event + start + seconds + 2:06d}_A_{start:04d}_{start + seconds:04d}"
            names.append(f"{youtube_id}_{span}")
        return names

    def annotations(self) -> dict[str, str | bytes]:
        videos = self.parts()
        events = dict(self.event(video.video_id) for video in videos)
        lists = {
            file: "".join(f"{video.video_id} {video.label}\n" for video in videos if video.split == split)
            for split, file in LISTS.items()
        }
        poses = {
            "split": {split: [video.video_id for video in videos if video.split == split] for split in LISTS},
            "annotations": [self.pose(video) for video in videos],
        }
        return {"annotation.json": json.dumps(events), **lists, "gym_2d.pkl": pickle.dumps(poses, PICKLE_PROTOCOL)}

    def event(self, video_id: str) -> tuple[str, dict[str, object]]:
        """Id at YouTube and event of a video. The time of a sub-action counts from the start of the event."""
        youtube_id, _, span = video_id.partition("_E_")
        event, _, action = span.partition("_A_")
        first = int(action.partition("_")[0])
        segments = {f"A_{action}": {"timestamps": [[first, first + self.settings.frames / self.settings.rate]]}}
        start, end = map(int, event.split("_"))
        return youtube_id, {f"E_{event}": {"event": 1, "timestamps": [[start, end]], "segments": segments}}

    def pose(self, video: Video) -> dict[str, object]:
        """Entry of a video in the pickle. The middle of the first pixel is at 0; a score of 0 means no joint."""
        joints = self.joints(video)
        rng = np.random.default_rng([*video.seed, 3])
        places = np.where(joints.visible[..., None], joints.places - 0.5, 0.0)
        scores = joints.visible * rng.uniform(0.5, 1.0, joints.visible.shape)
        return {
            "frame_dir": video.video_id,
            "label": video.label,
            "img_shape": (self.settings.height, self.settings.width),
            "original_shape": (self.settings.height, self.settings.width),
            "total_frames": self.settings.frames,
            "keypoint": places[None].astype(np.float32),  # (1, T, 17, 2)
            "keypoint_score": scores[None].astype(np.float32),  # (1, T, 17)
        }

    def path(self, video: Video) -> Path:
        return Path("subactions", f"{video.video_id}.mp4")
