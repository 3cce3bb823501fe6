"""Expressions over cells of a table, for claims.

They are evaluated on printed values, on measured values, and on arrays of resampled values.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.spec.metrics import Computed, Derived

Number = float | NDArray[np.float64]
Read = Callable[["CellValue"], Number]  # value of a cell


class Expression(ABC):
    """Number computed from cells of a table. Its text names them as row.column."""

    @property
    @abstractmethod
    def cells(self) -> tuple["CellValue", ...]:
        """Cells of the expression."""

    @abstractmethod
    def of(self, read: Read) -> Number:
        """Value for the values of the cells."""

    def __sub__(self, other: "Expression") -> "Combined":
        return Combined("-", (self, other))

    def __truediv__(self, other: "Expression") -> "Combined":
        return Combined("/", (self, other))


@dataclass(frozen=True)
class CellValue(Expression):
    """Value of a cell.

    `counted`: metric in place of that of its column: computed from the run of the cell, without a printed value, or
    derived from columns of its row.
    """

    row: str
    column: str
    counted: Computed | Derived | None = None

    @property
    def cells(self) -> tuple["CellValue", ...]:
        return (self,)

    def of(self, read: Read) -> Number:
        return read(self)

    @property
    def name(self) -> str:
        """Key of the column, or name of the metric in its place."""
        return self.counted.name if self.counted else self.column

    def __str__(self) -> str:
        return f"{self.row}.{self.name}"


class Operation(NamedTuple):
    """Function of an array (parts, ...) over its first axis. `infix`: whether its name stands between its parts."""

    of: Callable[[NDArray[np.float64]], Number]
    infix: bool = False


OPERATIONS: dict[str, Operation] = {
    "-": Operation(lambda parts: parts[0] - parts[1], infix=True),
    "/": Operation(lambda parts: parts[0] / parts[1], infix=True),
    "percent difference": Operation(lambda parts: 100 * (parts[0] / parts[1] - 1)),
    "mean": Operation(lambda parts: parts.mean(0)),
    "harmonic mean": Operation(lambda parts: len(parts) / (1 / parts).sum(0)),
    "max": Operation(lambda parts: parts.max(0)),
    "min": Operation(lambda parts: parts.min(0)),
}


@dataclass(frozen=True)
class Combined(Expression):
    """Operation on expressions, by its key in `OPERATIONS`."""

    operation: str
    parts: tuple[Expression, ...]

    @property
    def cells(self) -> tuple[CellValue, ...]:
        return tuple(dict.fromkeys(cell for part in self.parts for cell in part.cells))

    def of(self, read: Read) -> Number:
        parts = np.broadcast_arrays(*(np.asarray(part.of(read), float) for part in self.parts))
        value = OPERATIONS[self.operation].of(np.stack(parts))
        return float(value) if np.ndim(value) == 0 else value

    def __str__(self) -> str:
        if not OPERATIONS[self.operation].infix:
            cells = [part for part in self.parts if isinstance(part, CellValue)]
            names = {cell.name for cell in cells}
            if len(names) == 1 and len(cells) == len(self.parts):
                return f"{self.operation}({', '.join(cell.row for cell in cells)}).{names.pop()}"
            return f"{self.operation}({', '.join(map(str, self.parts))})"
        return f" {self.operation} ".join(
            f"({part})" if isinstance(part, Combined) and OPERATIONS[part.operation].infix else str(part)
            for part in self.parts
        )


def cell(name: str, counted: Computed | Derived | None = None) -> CellValue:
    """Cell `row.column`, or another metric of its run or its row."""
    row, _, column = name.partition(".")
    return CellValue(row, column, counted)


def largest(*parts: Expression) -> Combined:
    return Combined("max", parts)


def smallest(*parts: Expression) -> Combined:
    return Combined("min", parts)


def mean(*parts: Expression) -> Combined:
    return Combined("mean", parts)


def harmonic_mean(*parts: Expression) -> Combined:
    return Combined("harmonic mean", parts)


def percent_difference(left: Expression, right: Expression) -> Combined:
    """Left value minus right value, in percent of the right value."""
    return Combined("percent difference", (left, right))
