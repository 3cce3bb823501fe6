"""Pairs of papers of the ACL Anthology Network: whether one cites the other, from the bytes of both texts.

The files are those of the release of Long Range Arena (https://arxiv.org/abs/2011.04006). Lines are read when they are
needed: the files are larger than the memory of most machines.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from data.config import OfficialSizes, Split
from data.datasets.token_lists import Ids, TokenDataset, TokenList, byte_ids, hashed
from data.datasets.videos import check_root, first_file
from data.errors import DataError, DecodeError, MissingAnnotationError, shortened
from data.synthetic.aan import AanStandIn

FOLDERS = ("", "tsv_data", "lra_release/tsv_data", "lra_release/lra_release/tsv_data")
LABELS = {b"0": 0, b"1": 1, b"0.0": 0, b"1.0": 1}
NUM_BYTES = 256
FIELDS = 5  # label, two ids, two texts


class Pair(NamedTuple):
    """Place of a line in its file, and its label."""

    start: int
    label: int


class Aan:
    """Reader of `new_aan_pairs.train.tsv`, `new_aan_pairs.eval.tsv` and `new_aan_pairs.test.tsv`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        """Config of the only release."""

        unit = "pairs"
        official_sizes: ClassVar[OfficialSizes] = {"aan": {"train": 147_086, "val": 18_090, "test": 17_437}}
        num_ids: ClassVar[int] = 1 + NUM_BYTES
        num_classes: ClassVar[int] = 2
        is_pair: ClassVar[bool] = True

        name: str = "aan"
        stand_in: AanStandIn | None = None

        @property
        def own_validation(self) -> bool:
            return True

        def read(self, root: Path, split: Split) -> "Pairs":
            check_root(root, self.name)
            file = f"new_aan_pairs.{'eval' if split == 'val' else split}.tsv"
            path = first_file([root / folder for folder in FOLDERS], [file])
            if path is None:
                raise MissingAnnotationError(
                    f"{self.name}: no {file} in {root}; get tsv_data of the release of Long Range Arena"
                )
            return Pairs(path)

        def tiny(self) -> Self:
            return replace(self, stand_in=AanStandIn(topic_share=0.7))


class Pairs(TokenList):
    """Pairs of a file, whose lines have a label, two ids and two texts, separated by tabs.

    Raises:
        DataError: for a line of another layout.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pairs: list[Pair] = []
        names: list[str] = []
        start = 0
        try:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    label, one, other = self.checked(line, number)
                    self.pairs.append(Pair(start, label))
                    names.append(f"{path.name}:{number}: {one} {other}")
                    start += len(line)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error
        if not self.pairs:
            raise DataError(f"{path}: the file is empty; get it again")
        self.names, self.num_bytes = tuple(names), start

    def checked(self, line: bytes, number: int) -> tuple[int, str, str]:
        """Label and ids of a line.

        Raises:
            DataError: for another layout.
        """
        fields = line.split(b"\t", FIELDS - 1)
        if len(fields) < FIELDS or b"\t" in fields[-1]:
            count = len(line.split(b"\t"))
            cut = "" if line.endswith(b"\n") else "; the file ends in this line"
            raise DataError(
                f"{self.path}:{number}: {count} fields; a line has a label, two ids and two texts, separated by "
                f"tabs{cut}: get the file again"
            )
        if fields[0] not in LABELS:
            shown = shortened(fields[0].decode(errors="replace"))
            raise DataError(
                f"{self.path}:{number}: the label is '{shown}'; it should be 0.0 or 1.0: get the file again"
            )
        one, other = (shortened(field.decode(errors="replace")) for field in fields[1:3])
        return LABELS[fields[0]], one, other

    @property
    def ids(self) -> tuple[str, ...]:
        return self.names

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("unrelated", "citing")

    @property
    def fingerprint(self) -> str:
        lines = (f"{name} {pair.label}" for name, pair in zip(self.names, self.pairs, strict=True))
        return hashed([*lines, str(self.num_bytes)])

    def __len__(self) -> int:
        return len(self.pairs)

    def label(self, index: int) -> int:
        return self.pairs[index].label

    def tokens(self, index: int) -> tuple[Ids, ...]:
        try:
            with self.path.open("rb") as file:
                file.seek(self.pairs[index].start)
                fields = file.readline().rstrip(b"\r\n").split(b"\t")
        except OSError as error:
            raise DecodeError(self.names[index], error.strerror or str(error)) from None
        if len(fields) != FIELDS:
            raise DecodeError(self.names[index], "the file has changed since it was opened")
        if not all(fields[3:]):
            raise DecodeError(self.names[index], "one of its texts is empty")
        return tuple(byte_ids(text) for text in fields[3:])

    def files(self) -> list[tuple[str, ...]]:
        return [(str(self.path),)] * len(self)
