"""Videos of one's own in a folder, with one label each.

Three layouts are read: `CLASS/VIDEO` files, of which a fifth is set aside for the test; `train/CLASS/VIDEO` and
`val/CLASS/VIDEO` files; or the lists `train.csv` and `val.csv` with a video and its class on each line.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from data.config import DatasetConfig, Split
from data.datasets.annotations import class_number, file_text
from data.datasets.frame_lists import data_lines, without_header
from data.datasets.video_files import folders_in, videos_below
from data.datasets.videos import VIDEO_SUFFIXES, VideoList, VideoRecord, base_with, check_inside, refuse_duplicates
from data.errors import DataError, shortened
from interface.targets import ClassTarget

PARTS = ("train", "val")
TEST_SHARE = 5  # one of so many videos of a class is set aside for the test
LAYOUTS = "it holds CLASS/VIDEO files, or train/CLASS/VIDEO and val/CLASS/VIDEO, or the lists train.csv and val.csv"
LINE = "path,class"


class Listed(NamedTuple):
    """Line of a list: its number, the path of a video, and its class as written."""

    number: int
    path: str
    label: str


class VideoFolder:
    """Reader of a folder of videos with one label each."""

    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        """Folder of videos.

        Args:
            class_names: names of the classes, in the order of their numbers. They are part of ids.
            folder: absolute path of the folder, which is not part of ids.
        """

        unit = "videos"

        class_names: tuple[str, ...]
        folder: str = field(default="", compare=False, metadata={"in_id": False})

        @classmethod
        def of(cls, folder: Path) -> Self:
            """Config of a folder, whose name becomes that of the data set. Classes are numbered by their names.

            Raises:
                DataError: if the folder is in none of the layouts.
            """
            root = Path(os.path.abspath(folder.expanduser()))
            name = "-".join(root.name.replace("/", " ").replace("=", " ").split()).lstrip(".") or "videos"
            return cls(name=name, class_names=class_names(root), folder=str(root))

        @property
        def targets(self) -> ClassTarget:
            return ClassTarget(len(self.class_names))

        @property
        def own_folder(self) -> Path:
            return Path(self.folder)

        def names_of_classes(self, root: Path | None) -> tuple[str, ...]:
            """Names of the classes, which need no file."""
            return self.class_names

        def tiny(self) -> Self:
            """The same: a folder of videos has no generated version."""
            return self

        def build(self, root: Path, split: Split) -> VideoList:
            """Videos of a split. "val" and "test" are the same.

            Raises:
                DataError: if the folder or a list is unusable, or has other classes than this config.
            """
            return VideoFolder(self, Path(os.path.abspath(root.expanduser()))).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = root

    def videos(self, split: Split) -> VideoList:
        """Videos of a split."""
        part = "train" if split == "train" else "val"
        if has_lists(self.root):
            records = self.listed(part)
        else:
            found = class_names(self.root)
            if found != self.config.class_names:
                raise DataError(
                    f"{self.root}: its classes are now {shortened(', '.join(found))}; name the folder again with --own"
                )
            records = tuple(self.stored(part))
        if not records:
            raise DataError(f"{self.root / part}: no videos ({' '.join(VIDEO_SUFFIXES)}); add videos of the classes")
        return VideoList(records, self.config.class_names)

    def stored(self, part: str) -> Iterator[VideoRecord]:
        """Videos of the class folders of a part."""
        divided = (self.root / "train").is_dir()
        base = self.root / part if divided else self.root
        present = {folder.name for folder in folders_in(base)}
        if unknown := sorted(present - set(self.config.class_names)):
            raise DataError(f"{base}: the class '{unknown[0]}' has no folder in {self.root / 'train'}; add its videos")
        for label, name in enumerate(self.config.class_names):
            files = videos_below(base / name) if name in present else []
            if not divided:
                files = of_part(base / name, files, part)
            elif part == "train" and not files:
                raise no_videos(base / name)
            for file in files:
                yield VideoRecord(str(base / name / file), label, f"{name}/{file}")

    def listed(self, part: str) -> tuple[VideoRecord, ...]:
        """Videos of the list of a part."""
        annotation = self.root / f"{part}.csv"
        names = self.config.class_names
        numbers = {name: label for label, name in enumerate(names)}
        lines = list(lines_of(annotation))
        for line in lines:
            if line.label not in numbers and class_number(line.label, len(names)) is None:
                raise DataError(
                    f"{annotation}:{line.number}: wrong class '{shortened(line.label)}'; the classes of "
                    f"{self.root / 'train.csv'} are {shortened(', '.join(names))}"
                )
        base = base_with([self.root, Path.cwd()], [line.path for line in lines])
        if base is None:
            raise DataError(
                f"{annotation}: none of its {len(lines)} videos exists, e.g. {shortened(lines[0].path)}; paths are "
                f"absolute or relative to {self.root}"
            )
        for number, path, _ in lines:
            if "," in path and not os.path.exists(os.path.join(base, path)):
                raise DataError(f"{annotation}:{number}: there is no file '{shortened(path)}'; a line is '{LINE}'")
        records = tuple(
            VideoRecord(os.path.join(base, path), numbers.get(label, class_number(label, len(names)) or 0), path)
            for _, path, label in lines
        )
        check_inside((record for record in records if not os.path.isabs(record.video_id)), annotation, base)
        refuse_duplicates(annotation, (os.path.normpath(record.path) for record in records))
        if part == "val":
            trained = self.root / "train.csv"
            others = [line.path for line in lines_of(trained)]
            folder = base_with([self.root, Path.cwd()], others) or base
            paths = {os.path.normpath(os.path.join(folder, path)) for path in others}
            for line, record in zip(lines, records, strict=True):
                if os.path.normpath(record.path) in paths:
                    raise DataError(
                        f"{annotation}:{line.number}: '{shortened(line.path)}' is also in {trained}: a test needs "
                        f"other videos than the training; remove it from one of the lists"
                    )
        return records


def class_names(root: Path) -> tuple[str, ...]:
    """Names of the classes of a folder: of its class folders or of its lists, in alphabetical order.

    Lists may have numbers in place of names. `classes.txt`, one name a line, then gives the names.

    Raises:
        DataError: if the folder is in none of the layouts.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise DataError(f"{root} {what}; name the folder of your videos: {LAYOUTS}")
    if has_lists(root):
        names = listed_names(root)
        if len(names) < 2:
            named = shortened(", ".join(names))
            raise DataError(f"{root}: its lists have one class, '{named}', and two or more are needed")
        return names
    divided = [part for part in PARTS if (root / part).is_dir()]
    if len(divided) == 1:
        raise DataError(f"{root}: there is {divided[0]}, but not {PARTS[PARTS[0] in divided]}; {LAYOUTS}")
    names = tuple(folder.name for folder in folders_in(root / "train" if divided else root))
    if len(names) < 2:
        count = "one class folder" if names else "no class folder"
        raise DataError(f"{root}: it has {count}, and two or more are needed; {LAYOUTS}")
    return names


def has_lists(root: Path) -> bool:
    """Whether a folder has the lists.

    Raises:
        DataError: if it has one of them only.
    """
    present = [f"{part}.csv" for part in PARTS if (root / f"{part}.csv").is_file()]
    if len(present) == 1:
        absent = "val.csv" if present == ["train.csv"] else "train.csv"
        raise DataError(f"{root}: there is {present[0]}, but not {absent}; put the other videos into {absent}")
    return bool(present)


def listed_names(root: Path) -> tuple[str, ...]:
    """Names of the classes of the lists."""
    labels = {line.label for part in PARTS for line in lines_of(root / f"{part}.csv")}
    if not all(label.isascii() and label.isdigit() for label in labels):
        return tuple(sorted({line.label for line in lines_of(root / "train.csv")}))
    named = root / "classes.txt"
    if named.is_file():
        names = tuple(line.strip() for line in file_text(named).splitlines() if line.strip())
        refuse_duplicates(named, names, "class")
        return names
    largest = max(map(int, labels))
    if largest >= 10 * len(labels):
        raise DataError(f"{root}: the lists have {len(labels)} classes and the number {largest}; number them from 0")
    return tuple(f"class {number}" for number in range(largest + 1))


def lines_of(annotation: Path) -> Iterator[Listed]:
    """Lines of a list. The class follows the last comma or, in a line without commas, the last space.

    Raises:
        DataError: for a line of another layout, and a list without lines.
    """
    found = 0
    for number, line in data_lines(without_header(file_text(annotation).splitlines())):
        path, _, label = (part.strip().strip("\"'") for part in line.rpartition("," if "," in line else " "))
        if not path or not label:
            raise DataError(f"{annotation}:{number}: too few fields in '{shortened(line)}'; a line is '{LINE}'")
        found += 1
        yield Listed(number, path, label)
    if not found:
        raise DataError(f"{annotation}: the file is empty; it should contain one '{LINE}' per line")


def of_part(folder: Path, files: list[str], part: str) -> list[str]:
    """Training or test videos of a class. The hash of a name decides, so that the split is the same everywhere.

    Raises:
        DataError: for a class with less than two videos.
    """
    if not files:
        raise no_videos(folder)
    if len(files) == 1:
        raise DataError(f"{folder}: one video; a class needs two or more, of which one is set aside for the test")
    by_hash = sorted(files, key=lambda file: hashlib.sha256(f"{folder.name}/{file}".encode()).digest())
    tested = set(by_hash[: max(1, len(files) // TEST_SHARE)])
    return [file for file in files if (file in tested) == (part == "val")]


def no_videos(folder: Path) -> DataError:
    """Error for a class folder without videos."""
    return DataError(f"{folder}: no videos ({' '.join(VIDEO_SUFFIXES)}); add some, or remove the folder")
