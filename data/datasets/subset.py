"""Parts of data sets of videos: all videos of some classes, of which a share is trained on.

The lists of classes are those of https://github.com/IBM/action-recognition-pytorch at commit 67cc96f, which call half
of SSv2 and of Kinetics-400 Mini-SSv2 and Mini-Kinetics. Others bear the same names. A label is the place of the name of
its class in the sorted list: numbers differ between copies of the lists.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self

from data.config import OfficialSizes, Split
from data.datasets.videos import VideoDataset, VideoList
from data.errors import DataError, shortened
from data.labels import Label
from interface.ranges import ShareAboveZero
from interface.targets import ClassTarget, Targets

FOLDER = Path(__file__).resolve().parent.parent / "classes"


class Published(NamedTuple):
    """Top-1 accuracies of ResNet-50: 8 frames of 224 pixels, weights of ImageNet, so many epochs."""

    frame_wise: float
    """Without a temporal module: the mean over frames."""
    temporal: float
    """With one, TAM."""
    epochs: int


class Subset:
    @dataclass(frozen=True, kw_only=True)
    class Config(VideoDataset):
        """Part of a data set, whose name it has. All of its test videos are kept."""

        # Counted in the official lists, except for the training videos of Mini-Kinetics, which AR-Net states.
        official_sizes: ClassVar[OfficialSizes] = {
            "mini-ssv2": {"train": 81_663, "val": 11_799, "test": 11_799},
            "mini-kinetics": {"train": 121_215, "val": 9_947, "test": 9_947},
        }

        # From the file benchmark_mini.md there. More frames are better.
        published: ClassVar[Mapping[int, Published]] = {
            81_663: Published(33.94, 65.44, epochs=75),
            121_215: Published(72.14, 74.07, epochs=100),
        }

        whole: VideoDataset
        classes: Literal["mini-kinetics", "mini-ssv2"] | None = None
        """List of the names of the classes; None for all classes."""
        train_share: ShareAboveZero = 1.0
        """Share of the training videos, by a hash of their ids: the same ones on every machine."""

        @classmethod
        def of(cls, whole: VideoDataset, train_share: float = 1.0) -> Self:
            """The part that has a published name, if there is one, and a share of its training videos."""
            return cls(name=whole.name, whole=whole, classes=NAMES.get(whole.name), train_share=train_share)

        @property
        def names(self) -> tuple[str, ...]:
            return () if self.classes is None else class_list(self.classes)

        @property
        def targets(self) -> Targets:
            return ClassTarget(len(self.names)) if self.names else self.whole.targets

        def names_of_classes(self, root: Path | None) -> tuple[str, ...]:
            return self.names or self.whole.names_of_classes(root)

        def categories(self, root: Path) -> Mapping[str, tuple[str, ...]]:
            return {} if self.names else self.whole.categories(root)

        def official_size(self, split: Split) -> int | None:
            sizes = self.official_sizes
            size = self.whole.official_size(split) if self.classes is None else sizes[self.classes][split]
            return round(size * self.train_share) if size and split == "train" else size

        def exact_size(self, split: Split) -> int | None:
            estimated = split == "train" and (self.train_share < 1 or self.classes == "mini-kinetics")
            return None if estimated else self.official_size(split)

        def tiny(self) -> Self:
            return replace(self, whole=self.whole.tiny(), classes=None)

        def read(self, root: Path, split: Split) -> VideoList:
            """Videos of the part. Their classes are selected by name."""
            videos = self.whole.read(root, split)
            records, names = videos.records, self.names or videos.class_names
            if self.names:
                if absent := [name for name in names if name not in videos.class_names]:
                    files = " and ".join(self.whole.class_files) or "a list with their names"
                    raise DataError(
                        f"{root}: {len(absent)} of the {len(names)} classes of {self.classes} are not among the names "
                        f"of its classes, e.g. '{shortened(absent[0])}'; they are selected by name: put {files} there, "
                        f"or the official annotation files"
                    )
                places: dict[Label, int] = {videos.class_names.index(name): n for n, name in enumerate(names)}
                chosen = (record for record in records if record.label in places)
                records = tuple(record._replace(label=places[record.label]) for record in chosen)
            if split == "train":
                records = tuple(record for record in records if place_of(record.video_id) < self.train_share)
            return replace(videos, records=records, class_names=names)


NAMES: Mapping[str, Literal["mini-kinetics", "mini-ssv2"]] = {"kinetics400": "mini-kinetics", "ssv2": "mini-ssv2"}


@cache
def class_list(name: str) -> tuple[str, ...]:
    return tuple((FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines())


def place_of(video_id: str) -> float:
    """Number from 0 to 1 that depends on the id alone."""
    return int.from_bytes(hashlib.sha256(video_id.encode()).digest()[:6]) / 2**48
