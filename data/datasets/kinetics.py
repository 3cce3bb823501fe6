"""Kinetics-400/600: lists of videos or of folders of pictures, or the official CSV files with a tree of class folders.

A label is the index of the class in the alphabetical order of class names, as in every released list.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

from data.annotations import csv_rows, file_text
from data.config import OfficialSizes, Split
from data.datasets.folders import files_by_stem, first_file, folders_in, needed_file, refuse_absent, refuse_duplicates
from data.datasets.video_lists import folder_class_names, list_bases, list_names, listed_videos
from data.datasets.videos import VideoDataset, VideoList, VideoRecord
from data.errors import DataError, reading, shortened
from data.stand_ins.of_videos import KineticsStandIn
from interface.targets import ClassTarget

OFFICIAL_COLUMNS = ("label", "youtube_id", "time_start", "time_end")
OFFICIAL_NAMES = {"train": ("train.csv",), "val": ("val.csv", "validate.csv"), "test": ("test.csv",)}


class Kinetics:
    @dataclass(frozen=True, kw_only=True)
    class Config(VideoDataset):
        """Release of Kinetics. `test_split` is the split that the papers report on."""

        # Lists of 2017 and 2018 as CVDF distributes them (https://github.com/cvdfoundation/kinetics-dataset, counts in
        # https://docs.voxel51.com/dataset_zoo/datasets/kinetics_400.html). Later lists omit videos that were removed.
        official_sizes: ClassVar[OfficialSizes] = {
            "kinetics400": {"train": 246_534, "val": 19_906, "test": 39_805},
            "kinetics600": {"train": 427_549, "val": 29_793, "test": 72_924},
        }

        class_files: ClassVar[tuple[str, ...]] = ("classes.txt",)
        alphabetical: ClassVar[bool] = True

        name: str = "kinetics400"
        num_classes: int = 400
        test_split: Literal["val", "test"] = field(default="val", metadata={"omit_if": "val"})
        stand_in: KineticsStandIn | None = None

        @property
        def targets(self) -> ClassTarget:
            return ClassTarget(self.num_classes)

        def names_of_classes(self, root: Path | None) -> tuple[str, ...]:
            """Names in `classes.txt`, which may lie in the folder alone, of the item lists, or the published ones."""
            listed = None if root is None else Kinetics(self, root).classes_file()
            return listed or super().names_of_classes(root) or self.published_names()

        def published_names(self) -> tuple[str, ...]:
            """Names of Kinetics-400 in their order, as torchvision has them; empty for other classes."""
            if self.stand_in is not None or (self.name, self.num_classes) != ("kinetics400", 400):
                return ()
            from torchvision.models.video import R3D_18_Weights  # here: it is slow to import

            return tuple(R3D_18_Weights.KINETICS400_V1.meta["categories"])

        def official_size(self, split: Split) -> int | None:
            return super().official_size(self.test_split if split == "test" else split)

        def tiny(self) -> Self:
            videos = KineticsStandIn(release=self.name if self.name in KineticsStandIn.releases else "kinetics400")
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.kinetics import KineticsDrawing

            return KineticsDrawing

        def read(self, root: Path, split: Split) -> VideoList:
            return Kinetics(self, root).videos(self.test_split if split == "test" else split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config, self.root = config, root

    def videos(self, split: Split) -> VideoList:
        """Videos of a split, from an official file or a list."""
        remedy = f"put a list of 'path label' lines there as {split}.csv, or the official {split}.csv"
        names = [*list_names(self.config.name, split), *OFFICIAL_NAMES[split]]
        annotation = needed_file(self.root, names, self.config.name, remedy)
        if is_official(annotation):
            return self.official(annotation, split)
        rates, bases = first_file(self.root, [f"{split}_fps.txt"]), list_bases(self.root, annotation, split)
        records = listed_videos(annotation, self.config, bases, rates=rates)
        return VideoList(records, self.classes_file() or folder_class_names(records, self.config.targets))

    def official(self, annotation: Path, split: Split) -> VideoList:
        """Videos of an official CSV file, located in the tree of class folders."""
        class_names = self.classes_file() or self.official_class_names()
        labels = {name: label for label, name in enumerate(class_names)}
        files, records = self.class_folders(split), []
        for where, row in csv_rows(annotation, OFFICIAL_COLUMNS):
            name, video_id, start, end = (row[column] for column in OFFICIAL_COLUMNS)
            if name not in labels:
                raise DataError(
                    f"{where}: wrong label '{shortened(name)}'; it is none of the {len(labels)} classes of "
                    f"{self.config.name}"
                )
            with reading(annotation):
                stem = f"{video_id}_{int(float(start)):06d}_{int(float(end)):06d}"
            in_class = files.get(normalized_name(name), {})
            path = in_class.get(stem) or in_class.get(video_id) or files.get("", {}).get(stem)
            records.append(VideoRecord(path or f"{self.root / split / name / stem}.mp4", labels[name], stem))
        paths = [record.path for record in records]
        refuse_duplicates(annotation, paths)
        refuse_absent(self.config.name, annotation, paths, f"the expected folder is {self.root / split}/<class>/")
        return VideoList(tuple(records), class_names)

    def official_class_names(self) -> tuple[str, ...]:
        """Class names of the official files of all splits in alphabetical order."""
        paths = [first_file(self.root, OFFICIAL_NAMES[split]) for split in OFFICIAL_NAMES]
        found = [path for path in paths if path is not None and is_official(path)]
        names = {row["label"] for path in found for _, row in csv_rows(path, OFFICIAL_COLUMNS)}
        if len(names) != self.config.num_classes:
            raise DataError(
                f"{found[0]}: names {len(names)} classes where {self.config.name} has {self.config.num_classes}; "
                f"for a part of the data set put all class names into {found[0].parent / 'classes.txt'}, one a line"
            )
        return tuple(sorted(names))

    def classes_file(self) -> tuple[str, ...] | None:
        """Class names of `classes.txt`, or None without this file."""
        path = first_file(self.root, ["classes.txt"])
        if path is None:
            return None
        names = tuple(line.strip() for line in file_text(path).splitlines() if line.strip())
        if len(names) != self.config.num_classes:
            raise DataError(
                f"{path}: names {len(names)} classes where {self.config.name} has {self.config.num_classes}"
            )
        return names

    def class_folders(self, split: Split) -> dict[str, dict[str, str]]:
        """Video files by class folder and stem. Files outside of class folders have the key ''."""
        found: dict[str, dict[str, str]] = {}
        for base in (self.root / split, self.root / "videos" / split, self.root, self.root / "videos"):
            for folder in (base, *folders_in(base)):
                name = "" if folder == base else normalized_name(folder.name)
                found[name] = files_by_stem(folder) | found.get(name, {})
        return found


def is_official(annotation: Path) -> bool:
    return "youtube_id" in file_text(annotation).partition("\n")[0]


def normalized_name(name: str) -> str:
    """Class name in lower case without the characters that differ between folder names."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())
