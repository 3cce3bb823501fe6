"""Stand-in for Penn Action: videos as folders of pictures, and a .mat file with joints, class and split for each."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from data.stand_ins.drawing.base import Video
from data.stand_ins.drawing.encoding import encoded_jpeg
from data.stand_ins.drawing.figure_videos import FigureDrawing
from data.stand_ins.drawing.figures import CLASS_NAMES, PENN_ACTION, Layout
from data.stand_ins.of_figures import PennActionStandIn

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
