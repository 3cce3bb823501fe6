"""Something-Something V2: the official JSON files with the `.webm` or `.mp4` videos, or lists of videos or pictures.

The brackets of a template are removed before the look-up of its label, as in the authors' release.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from data.config import DatasetConfig, OfficialSizes, Split
from data.datasets.annotations import file_text, json_content
from data.datasets.frame_lists import FrameList, data_lines
from data.datasets.label_lists import LabelList
from data.datasets.videos import (
    VideoList,
    VideoRecord,
    check_inside,
    check_root,
    first_file,
    refuse_duplicates,
    video_files,
)
from data.errors import DataError, MissingAnnotationError, shortened
from data.synthetic.ssv2 import SSv2StandIn
from interface.targets import ClassTarget

ANNOTATION_FOLDERS = (".", "labels", "annotations")
VIDEO_FOLDERS = ("20bn-something-something-v2", "videos", ".")
FRAME_FOLDERS = ("20bn-something-something-v2-frames", "frames", "rawframes")
LIST_NAMES = {"train": "train_videofolder.txt", "validation": "val_videofolder.txt"}
LABEL_LIST_NAMES = {"train": ("train.csv",), "validation": ("val.csv", "validation.csv")}
FILE_NAMES = {
    "train": ("something-something-v2-train.json", "train.json"),
    "validation": ("something-something-v2-validation.json", "validation.json"),
    "labels": ("something-something-v2-labels.json", "labels.json"),
}


class SSv2:
    """Reads Something-Something V2 below a root."""

    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        """Release of the data set."""

        unit = "videos"
        official_sizes: ClassVar[OfficialSizes] = {"ssv2": {"train": 168_913, "val": 24_777, "test": 24_777}}

        class_files: ClassVar[tuple[str, ...]] = FILE_NAMES["labels"][:1]

        name: str = "ssv2"
        num_classes: int = 174
        stand_in: SSv2StandIn | None = None

        @property
        def targets(self) -> ClassTarget:
            return ClassTarget(self.num_classes)

        def names_of_classes(self, root: Path | None) -> tuple[str, ...]:
            """Names in the official file of labels, which may lie in the folder alone."""
            if root is None:
                return ()
            reader = SSv2(self, root)
            labels = first_file(reader.annotation_folders, FILE_NAMES["labels"])
            return () if labels is None else reader.class_names(labels)

        def tiny(self) -> Self:
            videos = SSv2StandIn()
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        def build(self, root: Path, split: Split) -> VideoList:
            """Videos of a split. The test split is the validation split, as in the papers.

            Raises:
                DataError: if the root or the annotations are unusable; `MissingAnnotationError` without annotations.
            """
            return SSv2(self, root).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = Path(os.path.abspath(root.expanduser()))

    def videos(self, split: Split) -> VideoList:
        """Videos of a split, from the official files, or from a list if there are none, or no videos."""
        check_root(self.root, self.config.name)
        part = "train" if split == "train" else "validation"
        files = self.files()
        official = first_file(self.annotation_folders, FILE_NAMES[part])
        listed = first_file(self.annotation_folders, [LIST_NAMES[part]])
        if listed is not None and not (files and official):
            return self.from_frame_list(listed, files)
        labelled = first_file(self.annotation_folders, LABEL_LIST_NAMES[part])
        if labelled is not None and official is None:
            return self.from_label_list(labelled, split)
        return self.from_official(self.annotation(part), files)

    def from_label_list(self, annotation: Path, split: Split) -> VideoList:
        """Videos of a list of `path label` lines, as in https://github.com/KHU-VLL/CAST."""
        classes, official = self.config.targets.classes, self.config.official_size(split)
        lines = self.list_lines(annotation, "path label")
        listed = LabelList(annotation, lines, self.config.name, classes, official=official)
        records = listed.records(listed.base([self.root / folder for folder in VIDEO_FOLDERS]))
        return self.of_list(annotation, records)

    def from_frame_list(self, annotation: Path, files: dict[str, str]) -> VideoList:
        """Videos of a list of `folder frames label` lines, which may also name the videos."""
        lines = self.list_lines(annotation, "folder frames label")
        listed = FrameList(annotation, lines, self.config.name, self.config.num_classes)
        bases = [self.root / folder for folder in (*FRAME_FOLDERS, *VIDEO_FOLDERS)]
        if (found := listed.located(bases)) is not None:
            records = listed.folder_records(found.paths)
        elif any(path in files for path in listed.paths):
            records = listed.file_records([files.get(path) or self.expected(path) for path in listed.paths])
        else:
            archives = (self.root / "seq_h5" / f"{listed.paths[0]}.h5", self.root / "Something-Something-v2-frames.h5")
            raise listed.unlocated(bases[0], archives)
        return self.of_list(annotation, records)

    def list_lines(self, annotation: Path, layout: str) -> list[str]:
        """Lines of a list, of which one or more name a video."""
        lines = file_text(annotation).splitlines()
        if not any(data_lines(lines)):
            raise DataError(f"{annotation}: the file is empty; it should contain one '{layout}' per line")
        return lines

    def of_list(self, annotation: Path, records: tuple[VideoRecord, ...]) -> VideoList:
        """Videos of a list, with the official class names if there are any. The user may list absolute paths."""
        refuse_duplicates(annotation, (os.path.normpath(record.video_id) for record in records))
        check_inside((record for record in records if not os.path.isabs(record.video_id)), annotation, self.root)
        labels = first_file(self.annotation_folders, FILE_NAMES["labels"])
        numbers = tuple(f"class {label}" for label in range(self.config.num_classes))
        return VideoList(records, numbers if labels is None else self.class_names(labels))

    def from_official(self, annotation: Path, files: dict[str, str]) -> VideoList:
        """Videos of an official JSON file."""
        labels_path = self.annotation("labels")
        class_names = self.class_names(labels_path)
        labels = {name: label for label, name in enumerate(class_names)}
        entries = json_content(annotation)
        if not isinstance(entries, list) or not entries:
            raise DataError(f"{annotation}: should be a list of entries with 'id' and 'template'")
        records = []
        for number, entry in enumerate(entries, start=1):
            if not isinstance(entry, dict) or not {"id", "template"} <= entry.keys():
                raise DataError(f"{annotation}: entry {number}: too few fields; an entry has 'id' and 'template'")
            video_id, template = str(entry["id"]), str(entry["template"]).replace("[", "").replace("]", "")
            if template not in labels:
                raise DataError(
                    f"{annotation}: entry {number} (id {shortened(video_id)}): wrong label '{shortened(template)}'; "
                    f"it is none of the {len(labels)} templates of {labels_path.name}"
                )
            records.append(VideoRecord(files.get(video_id) or self.expected(video_id), labels[template], video_id))
        refuse_duplicates(annotation, (record.video_id for record in records))
        if not any(record.video_id in files for record in records):
            raise DataError(
                f"{self.config.name}: none of the {len(records)} videos of {annotation} exists, "
                f"e.g. {shortened(records[0].path)}; the expected folder is {self.root / VIDEO_FOLDERS[0]}"
            )
        check_inside(records, annotation, self.root)
        return VideoList(tuple(records), class_names)

    def annotation(self, part: str) -> Path:
        """Official annotation file of a split, or the file of the labels."""
        path = first_file(self.annotation_folders, FILE_NAMES[part])
        if path is None:
            other = f", or a list {LIST_NAMES[part]} of folders of frames" if part in LIST_NAMES else ""
            raise MissingAnnotationError(
                f"{self.config.name}: no {FILE_NAMES[part][0]} in {self.root}; "
                f"put the official JSON files there or into its folder 'labels'{other}"
            )
        return path

    @property
    def annotation_folders(self) -> list[Path]:
        return [self.root / folder for folder in ANNOTATION_FOLDERS]

    def class_names(self, path: Path) -> tuple[str, ...]:
        """Templates in the order of their labels.

        Raises:
            DataError: if the file does not map one template to each label from 0 on.
        """
        table = json_content(path)
        if not isinstance(table, dict):
            raise DataError(f"{path}: should map templates to labels")
        try:
            by_label = {int(label): template for template, label in table.items()}
        except (TypeError, ValueError, OverflowError):
            raise DataError(f"{path}: a label is not a number; the file maps each template to its number") from None
        if sorted(by_label) != list(range(self.config.num_classes)):
            raise DataError(
                f"{path}: names {len(table)} classes; {self.config.name} has labels 0 to {self.config.num_classes - 1}"
            )
        return tuple(by_label[label].replace("[", "").replace("]", "") for label in range(self.config.num_classes))

    def files(self) -> dict[str, str]:
        """Paths of the video files by video id."""
        found: dict[str, str] = {}
        for folder in VIDEO_FOLDERS:
            if (self.root / folder).is_dir():
                for file in video_files(self.root / folder):
                    found.setdefault(file.stem, str(file))
        return found

    def expected(self, video_id: str) -> str:
        return str(self.root / VIDEO_FOLDERS[0] / f"{video_id}.webm")
