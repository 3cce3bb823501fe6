"""Fingerprint of the data of a run: ids, labels and file sizes.

Equal ids and labels are the same data. File sizes show another copy of them, e.g. at another resolution.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from data.config import DataConfig, Split
from data.errors import AbsentVideosError, MissingAnnotationError
from data.labels import ItemList, hashed


@dataclass(frozen=True, kw_only=True)
class SplitFingerprint:
    items: int
    annotations: str
    """Hash of ids and labels."""
    files: str | None = None
    """Hash of ids and file sizes; None for items that are not stored in files."""
    missing: int = 0
    num_bytes: int = 0

    @classmethod
    def of(cls, items: ItemList, files: Sequence[tuple[str, ...]] | None) -> Self:
        if files is None:
            return cls(items=len(items), annotations=items.fingerprint)
        from data.file_sizes import sizes_of  # here: a report reads no data

        paths = {path for of_item in files for path in of_item}
        sizes = dict(zip(paths, sizes_of(paths), strict=True))
        lines = (f"{name}\t{[sizes[path] for path in of_item]}" for name, of_item in zip(items.ids, files, strict=True))
        return cls(
            items=len(items),
            annotations=items.fingerprint,
            files=hashed(lines),
            missing=sum(size is None for size in sizes.values()),
            num_bytes=sum(size or 0 for size in sizes.values()),
        )

    def changes(self, earlier: "SplitFingerprint", unit: str, *, in_files: bool) -> str | None:
        """Differences from an earlier fingerprint in words; None if there are none."""
        if self.annotations != earlier.annotations:
            return f"ids or labels of the {unit} differ (now {self.items}, earlier {earlier.items})"
        if in_files and self.files != earlier.files:
            return (
                f"file sizes of the {unit} differ (now {self.num_bytes:,} bytes and {self.missing} missing, "
                f"earlier {earlier.num_bytes:,} and {earlier.missing})"
            )
        return None


@dataclass(frozen=True, kw_only=True)
class DataFingerprint:
    name: str
    train: SplitFingerprint | None
    """None if it has no annotations or no videos, or is not used."""
    test: SplitFingerprint
    copy: str | None = None
    """What the copy of the test videos is, in words."""

    @classmethod
    def of(cls, data: DataConfig, list_of: Callable[[Split], ItemList]) -> Self:
        def fingerprint_of(split: Split) -> SplitFingerprint:
            items = list_of(split)
            return SplitFingerprint.of(items, data.files(items))

        try:
            train = fingerprint_of("train")
        except (MissingAnnotationError, AbsentVideosError):
            train = None  # a test does not need it
        copy = data.copy_text(list_of("test")) or None
        return cls(name=data.dataset.name, train=train, test=fingerprint_of("test"), copy=copy)

    @property
    def annotations(self) -> str:
        """Hash of the ids and labels of both splits."""
        train = "no training split" if self.train is None else self.train.annotations
        return hashed([f"{self.test.annotations} {train}"])

    def changes(self, earlier: "DataFingerprint", unit: str, *, in_files: bool = True) -> str | None:
        """Differences from an earlier fingerprint in words; None if there are none. Unknown parts are not compared.

        `in_files`: whether another copy of the same items differs.
        """
        if self.train is not None and earlier.train is not None:
            changes = self.train.changes(earlier.train, f"training {unit}", in_files=in_files)
            if changes is not None:
                return changes
        return self.test.changes(earlier.test, f"test {unit}", in_files=in_files)

    def as_json(self) -> dict[str, object]:
        """Record in files. `fingerprint` is all that results had before the other fields."""
        record = {"name": self.name, "fingerprint": self.annotations, **asdict(self)}
        return {name: value for name, value in record.items() if value is not None}


def fingerprint_in(data: DataConfig, root: Path) -> DataFingerprint:
    return DataFingerprint.of(data, lambda split: data.dataset.build(root, split))
