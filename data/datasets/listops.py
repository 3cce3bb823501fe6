"""ListOps of Long Range Arena: tab-separated expressions with their values, in the layout of the release.

The value of an expression is its class. Parentheses are dropped: they repeat what brackets say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from data.config import OfficialSizes, Split
from data.datasets.folders import needed_file
from data.datasets.token_lists import Ids, TokenDataset, TokenList, release_folders
from data.errors import DataError, reading, shortened
from data.labels import hashed
from data.stand_ins.of_sequences import ListOpsStandIn

TOKENS = (*"0123456789", "[MAX", "[MED", "[MIN", "[SM", "]")  # in order of their ids, from 1
# One byte for each operator, which no text contains.
LETTERS = {b"[MAX": b"\x01", b"[MED": b"\x02", b"[MIN": b"\x03", b"[SM": b"\x04"}
CODES = b"0123456789\x01\x02\x03\x04]"
IDS = np.zeros(256, np.int64)
IDS[np.frombuffer(CODES, np.uint8)] = np.arange(1, len(CODES) + 1)
PUBLISHED = ListOpsStandIn()
TINY = ListOpsStandIn(num_train=4000, num_val=512, length=(8, 128), max_depth=5, max_arguments=5)


class ListOps:
    """Reader of `basic_train.tsv`, `basic_val.tsv` and `basic_test.tsv`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        """Generated data set of the published size or, without `stand_in`, the files of a release."""

        unit = "expressions"
        official_sizes: ClassVar[OfficialSizes] = {"listops": {"train": 96_000, "val": 2_000, "test": 2_000}}
        num_ids: ClassVar[int] = 1 + len(TOKENS)
        num_classes: ClassVar[int] = 10

        name: str = "listops"
        vocabulary: int = 32
        stand_in: ListOpsStandIn | None = PUBLISHED

        def read(self, root: Path, split: Split) -> TokenList:
            remedy = "get listops-1000 of the release of Long Range Arena"
            return expressions(
                needed_file(root, [f"basic_{split}.tsv"], self.name, remedy, release_folders("listops-1000"))
            )

        def tiny(self) -> Self:
            return replace(self, stand_in=TINY)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.listops import ListOpsDrawing

            return ListOpsDrawing


def expressions(path: Path) -> TokenList:
    """Expressions of a file, each with a byte for each token."""
    codes, values, names = list[bytes](), list[int](), list[str]()
    with reading(path), path.open("rb") as lines:
        if next(lines, b"").split() != [b"Source", b"Target"]:
            raise DataError(f"{path}:1: the header is not 'Source', a tab and 'Target'; get the file again")
        for number, line in enumerate(lines, start=2):
            if line.strip():
                source, _, target = line.rstrip(b"\r\n").partition(b"\t")
                codes.append(checked_codes(source, f"{path}:{number}"))
                values.append(checked_value(target, f"{path}:{number}"))
                names.append(f"{path.name}:{number}")
    if not codes:
        raise DataError(f"{path}: the file has no expressions; get it again")
    return TokenList(
        ids=tuple(names),
        labels=values,
        class_names=tuple("0123456789"),
        fingerprint=hashed(f"{code.decode()} {value}" for code, value in zip(codes, values, strict=True)),
        tokens=partial(ids, codes),
        paths=(str(path),) * len(names),
    )


def ids(codes: Sequence[bytes], index: int) -> tuple[Ids, ...]:
    return (IDS[np.frombuffer(codes[index], np.uint8)],)


def checked_value(target: bytes, place: str) -> int:
    if len(target) != 1 or not target.isdigit():
        shown = shortened(target.decode(errors="replace"))
        raise DataError(f"{place}: the value is '{shown}'; it should be a digit after a tab: get the file again")
    return int(target)


def checked_codes(source: bytes, place: str) -> bytes:
    """A byte for each token of an expression."""
    codes = source
    for operator, letter in LETTERS.items():
        codes = codes.replace(operator, letter)
    codes = codes.translate(None, b"() ")
    if codes.translate(None, CODES):
        strange = (token for token in source.decode(errors="replace").split() if token not in (*TOKENS, "(", ")"))
        raise DataError(f"{place}: '{shortened(next(strange, ''))}' is no token; get the file again")
    return codes
