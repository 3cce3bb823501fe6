"""ListOps of Long Range Arena: tab-separated expressions with their values, in the layout of the release.

The value of an expression is its class. Parentheses are dropped: they repeat what brackets say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np

from data.config import OfficialSizes, Split
from data.datasets.token_lists import Ids, TokenDataset, TokenList, hashed
from data.datasets.videos import check_root, first_file
from data.errors import DataError, DecodeError, MissingAnnotationError, shortened
from data.synthetic.listops import ListOpsStandIn, applied

TOKENS = (*"0123456789", "[MAX", "[MED", "[MIN", "[SM", "]")  # in order of their ids, from 1
# One byte for each operator, which no text contains.
LETTERS = {b"[MAX": b"\x01", b"[MED": b"\x02", b"[MIN": b"\x03", b"[SM": b"\x04"}
CODES = b"0123456789\x01\x02\x03\x04]"
OPENING = np.frombuffer(b"\x01\x02\x03\x04", np.uint8)
IDS = np.zeros(256, np.int64)
IDS[np.frombuffer(CODES, np.uint8)] = np.arange(1, len(CODES) + 1)
DIGITS = re.compile(rb"\d\d")  # tokens that are not separated
FOLDERS = ("", "listops-1000", "lra_release/listops-1000", "lra_release/lra_release/listops-1000")
PUBLISHED = ListOpsStandIn()
TINY = ListOpsStandIn(num_train=4000, num_val=512, length=(8, 128), max_depth=5, max_arguments=5)


class Row(NamedTuple):
    """Expression with a byte for each token, its value, and its line in the file."""

    codes: bytes
    value: int
    line: int


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

        @property
        def own_validation(self) -> bool:
            return True

        def read(self, root: Path, split: Split) -> "Expressions":
            check_root(root, self.name)
            path = first_file([root / folder for folder in FOLDERS], [f"basic_{split}.tsv"])
            if path is None:
                raise MissingAnnotationError(
                    f"{self.name}: no basic_{split}.tsv in {root}; get listops-1000 of the release of Long Range Arena"
                )
            return Expressions(path)

        def tiny(self) -> Self:
            return replace(self, stand_in=TINY)


class Expressions(TokenList):
    """Expressions of a file.

    Raises:
        DataError: for a line that is no expression with its value.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = list(rows_of(path))
        if not self.rows:
            raise DataError(f"{path}: the file has no expressions; get it again")
        self.names = tuple(f"{path.name}:{row.line}" for row in self.rows)

    @property
    def ids(self) -> tuple[str, ...]:
        return self.names

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple("0123456789")

    @property
    def fingerprint(self) -> str:
        return hashed(f"{row.codes.decode()} {row.value}" for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def label(self, index: int) -> int:
        return self.rows[index].value

    def tokens(self, index: int) -> tuple[Ids, ...]:
        return (IDS[np.frombuffer(self.rows[index].codes, np.uint8)],)

    def files(self) -> list[tuple[str, ...]]:
        return [(str(self.path),)] * len(self)

    def examine(self, index: int) -> None:
        row = self.rows[index]
        if (value := value_of(row.codes)) != row.value:
            raise DecodeError(f"{self.path}:{row.line}", f"its value is {value}, not {row.value}")


def rows_of(path: Path) -> Iterator[Row]:
    """Rows of a file.

    Raises:
        DataError: for a line that is no expression with its value.
    """
    try:
        with path.open("rb") as lines:
            if (header := next(lines, b"").split()) != [b"Source", b"Target"]:
                first = shortened(b" ".join(header).decode(errors="replace"))
                raise DataError(f"{path}:1: the header is '{first}'; it should be 'Source', a tab and 'Target'")
            for number, line in enumerate(lines, start=2):
                if line.strip():
                    yield row_of(line, number, f"{path}:{number}")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error


def row_of(line: bytes, number: int, place: str) -> Row:
    """Row of a line.

    Args:
        place: file and line, for messages.
    """
    source, _, target = line.rstrip(b"\r\n").partition(b"\t")
    if len(target) != 1 or not target.isdigit():
        shown = shortened(target.decode(errors="replace"))
        raise DataError(f"{place}: the value is '{shown}'; it should be a digit after a tab: get the file again")
    codes = source
    for operator, letter in LETTERS.items():
        codes = codes.replace(operator, letter)
    codes = codes.translate(None, b"() ")
    if (strange := codes.translate(None, CODES)) or len(source.split()) < len(codes) or DIGITS.search(source):
        token = next(
            (token for token in source.decode(errors="replace").split() if token not in (*TOKENS, "(", ")")), ""
        )
        shown = shortened(token or strange.decode(errors="replace"))
        raise DataError(f"{place}: '{shown}' is no token; they are {' '.join(TOKENS)}: get the file again")
    if (fault := fault_in(codes)) is not None:
        raise DataError(f"{place}: the expression does not parse, {fault}; get the file again")
    return Row(codes, int(target), number)


def fault_in(codes: bytes) -> str | None:
    """Reason why tokens are no expression; None if they are one."""
    array = np.frombuffer(codes, np.uint8)
    if not len(array):
        return "it has no tokens"
    opens, closes = np.isin(array, OPENING), array == ord("]")
    depth = np.cumsum(opens.astype(np.int64) - closes)
    if depth[-1] > 0:
        return f"{depth[-1]} of its brackets are not closed"
    if depth.min() < 0:
        return "it closes a bracket that is not open"
    if (depth[:-1] == 0).any():
        return "it has tokens after its last bracket"
    if (opens[:-1] & closes[1:]).any():
        return "an operator has no arguments"
    return None


def value_of(codes: bytes) -> int:
    """Value of an expression."""
    operators = {letter[0]: operator.decode() for operator, letter in LETTERS.items()}
    stack: list[tuple[str, list[int]]] = [("", [])]
    for code in codes:
        if code in operators:
            stack.append((operators[code], []))
        elif code == ord("]"):
            operator, values = stack.pop()
            stack[-1][1].append(applied(operator, values))
        else:
            stack[-1][1].append(code - ord("0"))
    return stack[0][1][0]
