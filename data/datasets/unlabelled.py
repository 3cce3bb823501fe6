"""Video files without labels, e.g. to predict their classes."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from data.config import DatasetConfig, Split
from data.datasets.video_files import checked_name, videos_below
from data.datasets.videos import VIDEO_SUFFIXES, VideoList, VideoRecord
from data.errors import DataError, MissingAnnotationError
from interface.targets import Targets

NO_LABEL = -1


class UnlabelledVideos:
    """Reader of video files that are named one by one."""

    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        """Video files.

        Args:
            predicted: prediction targets. Labels of the videos are unknown.
            paths: absolute paths of files, and of folders, which stand for all video files below them.
        """

        unit = "videos"

        name: str = "videos"
        predicted: Targets
        paths: tuple[str, ...]

        @property
        def targets(self) -> Targets:
            return self.predicted

        def tiny(self) -> Self:
            """The same: files of the user have no generated version."""
            return self

        def build(self, root: Path, split: Split) -> VideoList:
            """All videos, for any split but that of training. The root is not used.

            Raises:
                DataError: for a path that does not exist, or a folder without videos; `MissingAnnotationError` for the
                    training split.
            """
            if split == "train":
                raise MissingAnnotationError("videos without labels have no training split")
            kinds = len(self.predicted.classes)
            label = NO_LABEL if kinds == 1 else (NO_LABEL,) * kinds
            files = dict.fromkeys(file for path in self.paths for file in files_at(path))
            return VideoList(tuple(VideoRecord(file, label, file) for file in files), ())


def files_at(path: str) -> list[str]:
    """The file of a path or, for a folder, the video files below it.

    Raises:
        DataError: if there are none, or for a name that is not text.
    """
    if not os.path.exists(path):
        raise DataError(f"{path}: there is no such video or folder")
    if not os.path.isdir(path):
        return [checked_name(path)]
    files = [os.path.join(path, file) for file in videos_below(Path(path))]
    if not files:
        raise DataError(f"{path}: no videos in this folder; their names end in {' '.join(VIDEO_SUFFIXES)}")
    return files
