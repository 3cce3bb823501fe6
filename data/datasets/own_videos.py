"""Videos of one's own: a single list of them, a folder with one label a video, or files without labels.

A list may name videos with one label, with a verb and a noun, or folders of pictures. Three layouts of a folder are
read: `CLASS/VIDEO` files, of which a fifth is set aside for the test; `train/CLASS/VIDEO` and `val/CLASS/VIDEO` files;
or the lists `train.csv` and `val.csv` with a video and its class on each line.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self

from data.annotations import file_text
from data.config import DatasetConfig, Split
from data.datasets.folders import VIDEO_SUFFIXES, checked_name, folders_in, refuse_duplicates, videos_below
from data.datasets.video_lists import folder_class_names, list_lines, listed_videos
from data.datasets.videos import VideoList, VideoRecord
from data.errors import DataError, MissingAnnotationError, shortened
from interface.targets import ClassTarget, Targets

NO_LABEL = -1
PARTS, LISTS = ("train", "val"), ("train.csv", "val.csv")
TEST_SHARE = 5  # one of so many videos of a class is set aside for the test
LAYOUTS = "it holds CLASS/VIDEO files, or train/CLASS/VIDEO and val/CLASS/VIDEO, or the lists train.csv and val.csv"


@dataclass(frozen=True, kw_only=True)
class NamedVideos(DatasetConfig):
    """Videos that are named one by one and tested alone: there is no training split."""

    unit = "videos"

    predicted: Targets
    """Prediction targets of the videos."""

    @property
    def targets(self) -> Targets:
        return self.predicted

    def tiny(self) -> Self:
        return self


class ListFile:
    @dataclass(frozen=True, kw_only=True)
    class Config(NamedVideos):
        """List file, whose path takes the place of a folder. A line has one label of each kind that is predicted."""

        name: str = "list"
        class_names: tuple[str, ...] = ()
        """Names of the classes, all kinds of label one after the other; empty if they are unknown."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.predicted.classes:
                raise ValueError("data.dataset.predicted has no kind of label; a list file has one or more a video")

        def build(self, root: Path, split: Split) -> VideoList:
            """Videos of the list, for any split but that of training.

            Args:
                root: path of the list. Its paths are absolute, or relative to its folder, to the folder `val` in that
                    or the one above, or to the working directory.
            """
            path = Path(os.path.abspath(root.expanduser()))
            if split == "train":
                raise MissingAnnotationError(f"{path}: a list has no training split; give the data set's folder")
            names = self.predicted.by_kind(self.class_names) if self.class_names else {}
            bases = [path.parent, path.parent / "val", path.parent.parent, Path.cwd()]
            records = listed_videos(path, self, bases, names=names)
            return VideoList(records, self.class_names or folder_class_names(records, self.predicted))


class UnlabelledVideos:
    @dataclass(frozen=True, kw_only=True)
    class Config(NamedVideos):
        name: str = "videos"
        paths: tuple[str, ...]
        """Absolute paths of files, and of folders, which stand for all video files below them."""

        @classmethod
        def of(cls, paths: Iterable[Path], predicted: Targets) -> Self:
            absolute = (os.path.abspath(path.expanduser()) for path in paths)
            return cls(predicted=predicted, paths=tuple(absolute))

        def build(self, root: Path, split: Split) -> VideoList:
            """All videos, for any split but that of training. The root is not used."""
            if split == "train":
                raise MissingAnnotationError("videos without labels have no training split")
            kinds = len(self.predicted.classes)
            label = NO_LABEL if kinds == 1 else (NO_LABEL,) * kinds
            files = dict.fromkeys(file for path in self.paths for file in files_at(Path(path)))
            return VideoList(tuple(VideoRecord(file, label, file) for file in files), ())


def files_at(path: Path) -> list[str]:
    """The file of a path or, for a folder, the video files below it."""
    if not path.exists():
        raise DataError(f"{path}: there is no such video or folder")
    if not path.is_dir():
        return [checked_name(str(path))]
    return [str(path / file) for file in videos_below(path)] or no_videos(path)


class VideoFolder:
    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        unit = "videos"

        class_names: tuple[str, ...]
        """Names of the classes, in the order of their numbers. They are part of ids."""
        folder: str = field(default="", compare=False, metadata={"in_id": False})
        """Absolute path of the folder, which is not part of ids."""

        @classmethod
        def of(cls, folder: Path) -> Self:
            """Config of a folder, whose name becomes that of the data set. Classes are numbered by their names."""
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
            return self.class_names

        def tiny(self) -> Self:
            return self

        def build(self, root: Path, split: Split) -> VideoList:
            """Videos of a split. "val" and "test" are the same."""
            root = Path(os.path.abspath(root.expanduser()))
            part = "train" if split == "train" else "val"
            records = listed(self, root, part) if has_both(root, *LISTS) else tuple(stored(self, root, part))
            if not records:
                no_videos(root / part)
            return VideoList(records, self.class_names)


def stored(config: VideoFolder.Config, root: Path, part: str) -> Iterator[VideoRecord]:
    """Videos of the class folders of a part."""
    found = class_names(root)
    if found != config.class_names:
        raise DataError(f"{root}: its classes are now {shortened(', '.join(found))}; name the folder again with --own")
    divided = (root / "train").is_dir()
    base = root / part if divided else root
    if unknown := sorted({folder.name for folder in folders_in(base)} - set(found)):
        raise DataError(f"{base}: the class '{unknown[0]}' has no folder in {root / 'train'}; add its videos")
    for label, name in enumerate(found):
        files = videos_below(base / name) if (base / name).is_dir() else []
        if not files and (part == "train" or not divided):
            no_videos(base / name)
        for file in files if divided else of_part(base / name, files, part):
            yield VideoRecord(str(base / name / file), label, f"{name}/{file}")


def of_part(folder: Path, files: list[str], part: str) -> list[str]:
    """Training or test videos of a class. The hash of a name decides, so that the split is the same everywhere."""
    if len(files) == 1:
        raise DataError(f"{folder}: one video; a class needs two or more, of which one is set aside for the test")
    by_hash = sorted(files, key=lambda file: hashlib.sha256(f"{folder.name}/{file}".encode()).digest())
    tested = set(by_hash[: max(1, len(files) // TEST_SHARE)])
    return [file for file in files if (file in tested) == (part == "val")]


def listed(config: VideoFolder.Config, root: Path, part: str) -> tuple[VideoRecord, ...]:
    """Videos of the list of a part. A test needs other videos than the training."""
    names, bases = {"class": config.class_names}, [root, Path.cwd()]
    records = listed_videos(root / f"{part}.csv", config, bases, names=names)
    if part == "train":
        return records
    others = listed_videos(root / "train.csv", config, bases, names=names)
    trained = {os.path.normpath(record.path) for record in others}
    again = next((record.video_id for record in records if os.path.normpath(record.path) in trained), None)
    if again is not None:
        raise DataError(
            f"{root / part}.csv: '{shortened(again)}' is also in {root / 'train.csv'}; remove it from one of the lists"
        )
    return records


def class_names(root: Path) -> tuple[str, ...]:
    """Names of the classes of a folder: of its class folders or of its lists, in alphabetical order.

    Lists may have numbers in place of names. `classes.txt`, one name a line, then gives the names.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise DataError(f"{root} {what}; name the folder of your videos: {LAYOUTS}")
    if has_both(root, *LISTS):
        names = listed_names(root)
    else:
        base = root / "train" if has_both(root, *PARTS) else root
        names = tuple(checked_name(folder.name) for folder in folders_in(base))
    if len(names) < 2:
        found = f"one class, '{shortened(names[0])}'," if names else "no class"
        raise DataError(f"{root}: it has {found} and two or more are needed; {LAYOUTS}")
    return names


def has_both(root: Path, one: str, other: str) -> bool:
    present = [name for name in (one, other) if (root / name).exists()]
    if len(present) == 1:
        raise DataError(f"{root}: there is {present[0]}, but not {other if present == [one] else one}; {LAYOUTS}")
    return bool(present)


def listed_names(root: Path) -> tuple[str, ...]:
    trained, tested = ({line.labels[0] for line in list_lines(root / name)} for name in LISTS)
    labels = trained | tested
    if not all(label.isascii() and label.isdigit() for label in labels):
        return tuple(sorted(trained))
    named = root / "classes.txt"
    if named.is_file():
        names = tuple(line.strip() for line in file_text(named).splitlines() if line.strip())
        refuse_duplicates(named, names, "class")
        return names
    return tuple(f"class {number}" for number in range(max(map(int, labels)) + 1))


def no_videos(folder: Path) -> NoReturn:
    raise DataError(f"{folder}: no videos ({' '.join(VIDEO_SUFFIXES)}); add some, or remove the folder")
