"""What a data set knows of its items without reading them: ids, labels and names of classes."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

Label = int | tuple[int, ...]  # one number, or one per kind of label


class ItemList(Protocol):
    """Items of one split, in the order of its annotation file."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the items in the annotation file, the same on every machine."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, concatenated over the kinds of label."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of ids and labels, independent of the folder of the data set."""
        ...

    def __len__(self) -> int: ...

    def label(self, index: int) -> Label: ...


def hashed(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:16]
