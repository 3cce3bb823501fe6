"""Single list file of videos in place of a data set, e.g. of a user's own videos.

A line is `path label` or, for a verb and a noun a video, `path verb noun`. With one label a video, it may also be
`folder frames label`, where a folder holds the pictures of a video. A first line `path,label` or the like is a header.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from data.config import DatasetConfig, Split
from data.datasets.annotations import file_text
from data.datasets.frame_lists import FrameList, data_lines, has_frame_numbers, without_header
from data.datasets.label_lists import LabelList, folder_class_names
from data.datasets.videos import VideoList, VideoRecord, check_inside, refuse_duplicates
from data.errors import DataError, MissingAnnotationError
from interface.targets import Targets

FOLDERS = (".", "val", "validation", "validate")  # beside the list


class ListFile:
    """Reader of a list file."""

    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        """List file, whose path takes the place of a folder.

        Args:
            predicted: prediction targets of the videos. A line has one label of each kind.
            class_names: names of the classes, all kinds of label one after the other; empty if they are unknown.
        """

        unit = "videos"

        name: str = "list"
        predicted: Targets
        class_names: tuple[str, ...] = ()

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.predicted.classes:
                raise ValueError("data.dataset.predicted has no kind of label; a list file has one or more a video")

        @property
        def targets(self) -> Targets:
            return self.predicted

        @property
        def layout(self) -> str:
            return f"path {' '.join(self.predicted.label_names)}"

        def tiny(self) -> Self:
            """The same: a list has no generated version."""
            return self

        def build(self, root: Path, split: Split) -> VideoList:
            """Videos of the list, for any split but that of training.

            Args:
                root: path of the list.

            Raises:
                DataError: if the list is unusable; `MissingAnnotationError` for the training split.
            """
            root = Path(os.path.abspath(root.expanduser()))
            if split == "train":
                raise MissingAnnotationError(f"{root}: a list has no training split; give the data set's folder")
            return ListFile(self, root).videos()

    def __init__(self, config: Config, path: Path) -> None:
        self.config = config
        self.path = path

    def videos(self) -> VideoList:
        """Videos of the list. Paths are absolute, or relative to its folder, the one above, or the working directory.

        The user may list any file by an absolute path.
        """
        lines = without_header(file_text(self.path).splitlines())
        if not any(data_lines(lines)):
            raise DataError(f"{self.path}: the file is empty; it should contain one '{self.config.layout}' per line")
        folder = self.path.parent
        bases = [*(folder / name for name in FOLDERS), folder.parent, Path.cwd()]
        videos = self.pictured(lines, bases) if self.names_pictures(lines) else self.listed(lines, bases)
        refuse_duplicates(self.path, (os.path.normpath(record.path) for record in videos.records))
        return videos

    def names_pictures(self, lines: list[str]) -> bool:
        return len(self.config.predicted.classes) == 1 and has_frame_numbers(lines)

    def listed(self, lines: list[str], bases: list[Path]) -> VideoList:
        """Videos of a list with a path and a label of each kind."""
        classes, known = self.config.predicted.classes, self.config.class_names
        names = self.config.predicted.by_kind(known) if known else {}
        found = LabelList(self.path, lines, self.config.name, classes, layout=self.config.layout, names=names)
        base = found.base(bases)
        records = found.records(base)
        self.check_inside(records, base)
        if known:
            return VideoList(records, known)
        if len(classes) == 1:
            (num_classes,) = classes.values()
            return VideoList(records, folder_class_names(records, num_classes))
        return VideoList(records, tuple(f"{kind} {number}" for kind in classes for number in range(classes[kind])))

    def pictured(self, lines: list[str], bases: list[Path]) -> VideoList:
        """Videos of a list of folders of pictures, which may also name video files."""
        (num_classes,) = self.config.predicted.classes.values()
        listed = FrameList(self.path, lines, self.config.name, num_classes)
        if (found := listed.located(bases)) is not None:
            records = listed.folder_records(found.paths)
        elif (found := listed.located(bases, files=True)) is not None:
            records = listed.file_records(found.paths)
        else:
            raise listed.unlocated(bases[0], (folder / f"{listed.paths[0]}.h5" for folder in bases))
        self.check_inside(records, found.base)
        return VideoList(records, self.config.class_names or folder_class_names(records, num_classes))

    def check_inside(self, records: tuple[VideoRecord, ...], base: Path) -> None:
        """Refuse relative paths that lead out of the folder to which they are relative."""
        relative = (record for record in records if not os.path.isabs(record.video_id))
        check_inside(relative, self.path, base)
