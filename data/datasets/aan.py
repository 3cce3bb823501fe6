"""Pairs of papers of the ACL Anthology Network: whether one cites the other, from the bytes of both texts.

The files are those of the release of Long Range Arena (https://arxiv.org/abs/2011.04006). Lines are read when they are
needed: the files are larger than the memory of most machines.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

from data.config import OfficialSizes, Split
from data.datasets.folders import needed_file
from data.datasets.token_lists import NUM_BYTES, Ids, TokenDataset, TokenList, byte_ids, release_folders
from data.errors import DataError, decoding, reading, shortened
from data.labels import hashed
from data.stand_ins.of_sequences import AanStandIn

LABELS = {b"0": 0, b"1": 1, b"0.0": 0, b"1.0": 1}
FIELDS = 5  # label, two ids, two texts


class Aan:
    """Reader of `new_aan_pairs.train.tsv`, `new_aan_pairs.eval.tsv` and `new_aan_pairs.test.tsv`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        unit = "pairs"
        official_sizes: ClassVar[OfficialSizes] = {"aan": {"train": 147_086, "val": 18_090, "test": 17_437}}
        num_ids: ClassVar[int] = 1 + NUM_BYTES
        num_classes: ClassVar[int] = 2
        is_pair: ClassVar[bool] = True

        name: str = "aan"
        stand_in: AanStandIn | None = None

        def read(self, root: Path, split: Split) -> TokenList:
            file = f"new_aan_pairs.{'eval' if split == 'val' else split}.tsv"
            remedy = "get tsv_data of the release of Long Range Arena"
            return pairs(needed_file(root, [file], self.name, remedy, release_folders("tsv_data")))

        def tiny(self) -> Self:
            return replace(self, stand_in=AanStandIn(topic_share=0.7))

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.sequences import AanDrawing

            return AanDrawing


def pairs(path: Path) -> TokenList:
    """Pairs of a file, whose lines have a label, two ids and two texts, separated by tabs."""
    starts, labels, names = [0], list[int](), list[str]()
    with reading(path), path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            fields = line.split(b"\t")
            if len(fields) != FIELDS or fields[0] not in LABELS:
                shown = shortened(b" ".join(fields[:3]).decode(errors="replace"))
                cut = "" if line.endswith(b"\n") else "; the file ends in this line"
                raise DataError(
                    f"{path}:{number}: {len(fields)} fields from '{shown}'; a line has a label (0.0 or 1.0), two ids "
                    f"and two texts, separated by tabs{cut}: get the file again"
                )
            one, other = (shortened(field.decode(errors="replace")) for field in fields[1:3])
            names.append(f"{path.name}:{number}: {one} {other}")
            labels.append(LABELS[fields[0]])
            starts.append(starts[-1] + len(line))
    if not labels:
        raise DataError(f"{path}: the file is empty; get it again")
    *starts, num_bytes = starts
    lines = (f"{name} {label}" for name, label in zip(names, labels, strict=True))
    return TokenList(
        ids=tuple(names),
        labels=labels,
        class_names=("unrelated", "citing"),
        fingerprint=hashed([*lines, str(num_bytes)]),
        tokens=partial(texts, path, starts, names),
        paths=(str(path),) * len(names),
    )


def texts(path: Path, starts: Sequence[int], names: Sequence[str], index: int) -> tuple[Ids, ...]:
    """Ids of the two texts of a line."""
    with decoding(names[index]), path.open("rb") as file:
        file.seek(starts[index])
        fields = file.readline().rstrip(b"\r\n").split(b"\t")
    return tuple(byte_ids(text) for text in fields[3:])
