"""Stand-in for FineGYM: one video per sub-action, the official annotation files, and a pickle of 2D poses.

The pickle has the layout of `gym_2d.pkl` of https://github.com/open-mmlab/mmaction2 with the joints of COCO.
"""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from data.stand_ins.drawing.base import Video
from data.stand_ins.drawing.figure_videos import FigureDrawing
from data.stand_ins.drawing.figures import COCO, Layout
from data.stand_ins.of_figures import FineGymStandIn

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
