"""Stand-in for NTU RGB+D: one video and one text file of skeletons for each sample.

Every official protocol gives the same split: training subjects are recorded by cameras 2 and 3 in even setups, test
subjects by camera 1 in odd setups.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np

from data.stand_ins.drawing.base import Video
from data.stand_ins.drawing.encoding import encoded_avi
from data.stand_ins.drawing.figure_videos import FigureDrawing, Joints
from data.stand_ins.drawing.figures import NTU, Layout
from data.stand_ins.of_figures import NtuStandIn

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
