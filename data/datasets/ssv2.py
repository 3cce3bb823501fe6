"""Something-Something V2: the official JSON files with the `.webm` or `.mp4` videos.

The brackets of a template are removed before the look-up of its label, as in the authors' release.
"""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from data.config import DatasetConfig, Split
from data.datasets.videos import VideoList, VideoRecord, check_root, file_text, first_file, video_files
from data.errors import DataError, MissingAnnotationError
from data.synthetic.ssv2 import SSv2StandIn
from data.targets import ClassTarget

ANNOTATION_FOLDERS = (".", "labels", "annotations")
VIDEO_FOLDERS = ("20bn-something-something-v2", "videos", ".")
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

        name: str = "ssv2"
        num_classes: int = 174
        stand_in: SSv2StandIn | None = None

        @property
        def targets(self) -> ClassTarget:
            """One class per video."""
            return ClassTarget(self.num_classes)

        @property
        def published_test_items(self) -> int:
            """Number of videos in the validation split, which the papers report on."""
            return 24_777

        def tiny(self) -> Self:
            """Generated videos of ten classes."""
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
        """Videos of a split."""
        check_root(self.root, self.config.name)
        annotation = self.annotation("train" if split == "train" else "validation")
        labels_path = self.annotation("labels")
        class_names = self.class_names(labels_path)
        labels = {name: label for label, name in enumerate(class_names)}
        entries = parsed(annotation)
        if not isinstance(entries, list) or not entries:
            raise DataError(f"{annotation}: should be a list of entries with 'id' and 'template'")
        files = self.files()
        records = []
        for number, entry in enumerate(entries, start=1):
            if not isinstance(entry, dict) or not {"id", "template"} <= entry.keys():
                raise DataError(f"{annotation}: entry {number}: too few fields; an entry has 'id' and 'template'")
            video_id, template = str(entry["id"]), str(entry["template"]).replace("[", "").replace("]", "")
            if template not in labels:
                raise DataError(
                    f"{annotation}: entry {number} (id {video_id}): wrong label '{template}'; "
                    f"it is none of the {len(labels)} templates of {labels_path.name}"
                )
            records.append(VideoRecord(files.get(video_id) or self.expected(video_id), labels[template], video_id))
        if not any(record.video_id in files for record in records):
            raise DataError(
                f"{self.config.name}: none of the {len(records)} videos of {annotation} exists, "
                f"e.g. {records[0].path}; the expected folder is {self.root / VIDEO_FOLDERS[0]}"
            )
        return VideoList(tuple(records), class_names)

    def annotation(self, part: str) -> Path:
        """Annotation file of a split, or the file of the labels."""
        path = first_file((self.root / folder for folder in ANNOTATION_FOLDERS), FILE_NAMES[part])
        if path is None:
            raise MissingAnnotationError(
                f"{self.config.name}: no {FILE_NAMES[part][0]} in {self.root}; "
                f"put the official JSON files there or into its folder 'labels'"
            )
        return path

    def class_names(self, path: Path) -> tuple[str, ...]:
        """Templates in the order of their labels.

        Raises:
            DataError: if the file does not map one template to each label from 0 on.
        """
        table = parsed(path)
        if not isinstance(table, dict):
            raise DataError(f"{path}: should map templates to labels")
        try:
            by_label = {int(label): template for template, label in table.items()}
        except (TypeError, ValueError):
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
        """Expected path of a missing video."""
        return str(self.root / VIDEO_FOLDERS[0] / f"{video_id}.webm")


def parsed(path: Path) -> object:
    """Content of a JSON file.

    Raises:
        DataError: if the file is not JSON.
    """
    try:
        return json.loads(file_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON ({error.msg}); download the file again") from None
