"""Kinetics-400/600: `path label` lists, the official CSV files with a tree of class folders, or lists of frame folders.

A label is the index of the class in the alphabetical order of class names, as in every released list.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, Self

from data.config import DatasetConfig, OfficialSizes, Split
from data.datasets.annotations import csv_fields, file_text
from data.datasets.frame_lists import FrameList, data_lines, has_frame_numbers
from data.datasets.label_lists import LabelList, folder_class_names
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
from data.synthetic.kinetics import ACTIVITIES, KineticsStandIn
from interface.targets import ClassTarget

SPLIT_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "validation", "validate"),
    "test": ("test", "testing"),
}
ANNOTATION_FOLDERS = (".", "annotations", "labels", "annotation", "trainValTest")
VIDEO_FOLDERS = (".", "videos", "data")
FRAME_FOLDERS = ("frames", "rawframes")
OFFICIAL_COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")


class Kinetics:
    """Reader of one release of Kinetics in a root folder."""

    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        """Release of Kinetics. `test_split` is the split that the papers report on."""

        unit = "videos"
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
            """Names in `classes.txt`, which may lie in the folder alone, or those of the item lists."""
            listed = None if root is None else Kinetics(self, root).classes_file()
            return listed or super().names_of_classes(root)

        def official_size(self, split: Split) -> int | None:
            return super().official_size(self.test_split if split == "test" else split)

        def tiny(self) -> Self:
            videos = KineticsStandIn(release=self.name if self.name in ACTIVITIES else "kinetics400")
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        def build(self, root: Path, split: Split) -> VideoList:
            """Videos of a split.

            Raises:
                DataError: if the root or the annotations are unusable; `MissingAnnotationError` without annotations.
            """
            return Kinetics(self, root).videos(self.test_split if split == "test" else split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = Path(os.path.abspath(root.expanduser()))

    def videos(self, split: Split) -> VideoList:
        """Videos of a split, from an annotation file in one of the three formats."""
        annotation = self.annotation(split)
        lines = file_text(annotation).splitlines()
        if not any(data_lines(lines)):
            raise DataError(f"{annotation}: the file is empty; it should contain one 'path label' per line")
        if "youtube_id" in lines[0]:
            return self.from_official(annotation, split, lines)
        if has_frame_numbers(lines):
            return self.from_frame_list(annotation, split, lines)
        return self.from_list(annotation, split, lines)

    def annotation(self, split: Split) -> Path:
        """Annotation file of a split."""
        check_root(self.root, self.config.name)
        path = self.find_annotation(split)
        if path is None:
            raise MissingAnnotationError(
                f"{self.config.name}: no annotations of the {split} split in {self.root}; put a list of 'path label' "
                f"lines there as {split}.csv, one of 'folder frames label' lines as {split}.txt, or the official "
                f"{split}.csv beside {split}/<class>/<video>"
            )
        return path

    def find_annotation(self, split: Split) -> Path | None:
        """Annotation file of a split under one of its usual names, or None."""
        digits = self.config.name.removeprefix("kinetics")
        releases = (self.config.name, f"kinetics-{digits}", f"kinetics_{digits}", f"k{digits}")
        stems = [stem for name in SPLIT_NAMES[split] for stem in (name, f"{name}_list", f"{name}_list_videos")]
        stems += [f"{release}_{stem}" for release in releases for stem in stems]
        names = [stem + suffix for stem in stems for suffix in (".csv", ".txt", ".list")]
        return first_file((self.root / folder for folder in ANNOTATION_FOLDERS), names)

    # `path label` lists

    def from_list(self, annotation: Path, split: Split, lines: list[str]) -> VideoList:
        """Videos of a list of `path label` or `path,label` lines."""
        classes, official = self.config.targets.classes, self.config.official_size(split)
        listed = LabelList(annotation, lines, self.config.name, classes, official=official)
        base = listed.base(self.base_folders(annotation, split))
        records = listed.records(base)
        self.check_records(records, annotation, base)
        return VideoList(records, self.class_names(records))

    def check_records(self, records: tuple[VideoRecord, ...], annotation: Path, base: Path) -> None:
        """Refuse listed videos outside of the data folder, and those that are listed twice."""
        # The user may list any file by an absolute path.
        check_inside((record for record in records if not os.path.isabs(record.video_id)), annotation, base, self.root)
        refuse_duplicates(annotation, (os.path.normpath(record.path) for record in records))

    def base_folders(self, annotation: Path, split: Split) -> list[Path]:
        """Candidates for the folder to which the listed paths are relative."""
        folder = annotation.parent
        bases = [self.root / name for name in VIDEO_FOLDERS]
        bases += [base / name for base in bases[:2] for name in SPLIT_NAMES[split]]
        return [*bases, folder, folder.parent, Path.cwd()]

    def class_names(self, records: tuple[VideoRecord, ...]) -> tuple[str, ...]:
        """Class names of `classes.txt`, else of the class folders of the listed paths, else numbers."""
        return self.classes_file() or folder_class_names(records, self.config.num_classes)

    # Lists of folders of pictures

    def from_frame_list(self, annotation: Path, split: Split, lines: list[str]) -> VideoList:
        """Videos of a list of `folder frames label` lines, which may also name video files."""
        listed = FrameList(annotation, lines, self.config.name, self.config.num_classes)
        bases = self.base_folders(annotation, split)
        folders = [self.root / name for name in FRAME_FOLDERS]
        bases += folders + [folder / name for folder in folders for name in SPLIT_NAMES[split]]
        if (found := listed.located(bases)) is not None:
            records = listed.folder_records(found.paths, self.frame_rates_file(split))
        elif (found := listed.located(bases, files=True)) is not None:
            records = listed.file_records(found.paths)
        else:
            archives = [self.root / "seq_h5" / name for name in SPLIT_NAMES[split]]
            raise listed.unlocated(bases[0], (folder / f"{listed.paths[0]}.h5" for folder in bases + archives))
        self.check_records(records, annotation, found.base)
        return VideoList(records, self.class_names(records))

    def frame_rates_file(self, split: Split) -> Path | None:
        """File with the frame rates of the videos whose frames were extracted, or None."""
        names = [f"{name}_fps.txt" for name in SPLIT_NAMES[split]]
        return first_file((self.root / folder for folder in ANNOTATION_FOLDERS), names)

    # The official CSV

    def from_official(self, annotation: Path, split: Split, lines: list[str]) -> VideoList:
        """Videos of an official CSV file, located in the tree of class folders."""
        class_names = self.official_class_names(annotation, lines)
        labels = {name: label for label, name in enumerate(class_names)}
        files = self.class_folders(split)
        records = []
        for number, row in official_rows(annotation, lines):
            name, video_id, start, end = row["label"], row["youtube_id"], row["time_start"], row["time_end"]
            if name not in labels:
                raise DataError(
                    f"{annotation}:{number}: wrong label '{shortened(name)}'; it is none of the {len(labels)} classes "
                    f"of {self.config.name}"
                )
            try:
                stem = f"{video_id}_{int(float(start)):06d}_{int(float(end)):06d}"
            except (ValueError, OverflowError):  # OverflowError: infinity
                times = f"'{shortened(start)}' and '{shortened(end)}'"
                raise DataError(f"{annotation}:{number}: {times} should be seconds") from None
            in_class = files.get(normalized_name(name), {})
            path = in_class.get(stem) or in_class.get(video_id) or files.get("", {}).get(stem)
            expected = self.root / split / name / f"{stem}.mp4"
            records.append(VideoRecord(str(path or expected), labels[name], stem))
        refuse_duplicates(annotation, (record.path for record in records))
        if not any(record.path and os.path.exists(record.path) for record in records):
            raise DataError(
                f"{self.config.name}: none of the {len(records)} videos of {annotation} exists, "
                f"e.g. {shortened(records[0].path)}; the expected folder is {self.root / split}/<class>/"
            )
        check_inside(records, annotation, self.root)
        return VideoList(tuple(records), class_names)

    def official_class_names(self, annotation: Path, lines: list[str]) -> tuple[str, ...]:
        """Class names of `classes.txt`, else of the annotation files of all splits in alphabetical order."""
        listed = self.classes_file()
        if listed is not None:
            return listed
        names = {row["label"] for _, row in official_rows(annotation, lines)}
        other_splits: tuple[Split, ...] = ("train", "val")
        for split in other_splits:
            other = self.find_annotation(split)
            if other is not None and other != annotation:
                names |= {row["label"] for _, row in official_rows(other, file_text(other).splitlines())}
        if len(names) != self.config.num_classes:
            raise DataError(
                f"{annotation}: names {len(names)} classes where {self.config.name} has {self.config.num_classes}; "
                f"for a part of the data set put all class names into {annotation.parent / 'classes.txt'}, one a line"
            )
        return tuple(sorted(names))

    def classes_file(self) -> tuple[str, ...] | None:
        """Class names of `classes.txt`, or None without this file."""
        path = first_file((self.root / folder for folder in ANNOTATION_FOLDERS), ["classes.txt"])
        if path is None:
            return None
        names = tuple(line.strip() for line in file_text(path).splitlines() if line.strip())
        if len(names) != self.config.num_classes:
            raise DataError(
                f"{path}: names {len(names)} classes where {self.config.name} has {self.config.num_classes}"
            )
        return names

    def class_folders(self, split: Split) -> dict[str, dict[str, Path]]:
        """Video files by class folder and stem. Files outside of class folders have the key ''."""
        bases = [self.root / folder / name for folder in VIDEO_FOLDERS for name in SPLIT_NAMES[split]]
        bases += [self.root / folder for folder in VIDEO_FOLDERS]
        found: dict[str, dict[str, Path]] = {}
        for base in bases:
            if not base.is_dir():
                continue
            found.setdefault("", {}).update({file.stem: file for file in video_files(base)})
            for entry in os.scandir(base):
                if entry.is_dir():
                    files = {file.stem: file for file in video_files(Path(entry.path))}
                    for stem, file in files.items():
                        found.setdefault(normalized_name(entry.name), {}).setdefault(stem, file)
        return found


def official_rows(annotation: Path, lines: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields of each row of an official CSV file.

    Raises:
        DataError: for a header without a column, or a row without a field.
    """
    rows = csv_fields(annotation, lines)
    header = [name.strip() for name in next(rows)[1]]
    absent = [name for name in OFFICIAL_COLUMNS[:4] if name not in header]
    if absent:
        raise DataError(
            f"{annotation}:1: no column {', '.join(absent)}; the official header is {','.join(OFFICIAL_COLUMNS)}"
        )
    needed = 1 + max(header.index(name) for name in OFFICIAL_COLUMNS[:4])
    for number, fields in rows:
        if len(fields) < needed:
            columns = shortened(",".join(header))
            raise DataError(f"{annotation}:{number}: {len(fields)} fields where {columns} are expected")
        yield number, dict(zip(header, fields, strict=False))


def normalized_name(name: str) -> str:
    """Class name in lower case without the characters that differ between folder names."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())
