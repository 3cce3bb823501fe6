"""Something-Something V2: the official JSON files with the `.webm` or `.mp4` videos, or lists of videos or pictures.

The brackets of a template are removed before the look-up of its label, as in the authors' release. The test split is
the validation split, as in the papers.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from data.annotations import json_content
from data.config import OfficialSizes, Split
from data.datasets.folders import files_by_stem, first_file, needed_file, refuse_absent, refuse_duplicates
from data.datasets.video_lists import list_bases, list_names, listed_videos
from data.datasets.videos import VideoDataset, VideoList, VideoRecord
from data.errors import DataError, reading, shortened
from data.stand_ins.of_videos import SSV2_FOLDER, SSv2StandIn, without_brackets
from interface.targets import ClassTarget

FILE_NAMES = {
    "train": ("something-something-v2-train.json", "train.json"),
    "val": ("something-something-v2-validation.json", "validation.json"),
    "labels": ("something-something-v2-labels.json", "labels.json"),
}


class SSv2:
    @dataclass(frozen=True, kw_only=True)
    class Config(VideoDataset):
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
            labels = None if root is None else first_file(root, FILE_NAMES["labels"])
            return () if labels is None else class_names(labels, self)

        def tiny(self) -> Self:
            videos = SSv2StandIn()
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.ssv2 import SSv2Drawing

            return SSv2Drawing

        def read(self, root: Path, split: Split) -> VideoList:
            """Videos of a split, from the official files, or from a list if there are none, or no videos."""
            part: Split = "train" if split == "train" else "val"
            files = {**files_by_stem(root), **files_by_stem(root / "videos"), **files_by_stem(root / SSV2_FOLDER)}
            listed = first_file(root, list_names("sthv2", part))
            if listed is not None and not (files and first_file(root, FILE_NAMES[part])):
                return from_list(self, root, listed, files, part)
            remedy = f"put the official JSON files there, or a list {list_names('', part)[1]} of folders of frames"
            annotation, labels = (needed_file(root, FILE_NAMES[key], self.name, remedy) for key in (part, "labels"))
            return from_official(self, root, annotation, labels, files)


def from_list(config: SSv2.Config, root: Path, annotation: Path, files: dict[str, str], split: Split) -> VideoList:
    """Videos of a list, with the official class names if there are any."""
    bases = [root / SSV2_FOLDER, root / f"{SSV2_FOLDER}-frames", *list_bases(root, annotation, split)]
    records = listed_videos(annotation, config, bases, files=files, expected="{}.webm")
    return VideoList(records, config.names_of_classes(root) or config.targets.numbered_names)


def from_official(
    config: SSv2.Config, root: Path, annotation: Path, labels_path: Path, files: dict[str, str]
) -> VideoList:
    names = class_names(labels_path, config)
    labels = {name: label for label, name in enumerate(names)}
    entries, records = json_content(annotation), []
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{annotation}: should be a list of entries with 'id' and 'template'")
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or not {"id", "template"} <= entry.keys():
            raise DataError(f"{annotation}: entry {number}: too few fields; an entry has 'id' and 'template'")
        video_id, template = str(entry["id"]), without_brackets(str(entry["template"]))
        if template not in labels:
            raise DataError(
                f"{annotation}: entry {number} (id {shortened(video_id)}): wrong label '{shortened(template)}'; it is "
                f"none of the {len(labels)} templates of {labels_path.name}"
            )
        path = files.get(video_id) or str(root / SSV2_FOLDER / f"{video_id}.webm")
        records.append(VideoRecord(path, labels[template], video_id))
    refuse_duplicates(annotation, (record.video_id for record in records))
    remedy = f"the expected folder is {root / SSV2_FOLDER}"
    refuse_absent(config.name, annotation, [record.path for record in records], remedy)
    return VideoList(tuple(records), names)


def class_names(path: Path, config: SSv2.Config) -> tuple[str, ...]:
    """Templates in the order of their labels."""
    with reading(path):
        table = json_content(path)
        by_label = {int(label): template for template, label in table.items()} if isinstance(table, dict) else {}
    if sorted(by_label) != list(range(config.num_classes)):
        raise DataError(
            f"{path}: maps {len(by_label)} templates to labels; {config.name} has labels 0 to {config.num_classes - 1}"
        )
    return tuple(without_brackets(by_label[label]) for label in range(config.num_classes))
