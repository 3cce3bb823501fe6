"""Claims: conclusions that a paper draws from a table, as comparisons of quantities, which are computed from its cells.

A comparison has one signed margin over cells, which is above 0 if it holds. It is evaluated alike on printed values, on
values measured here, and on arrays (R,) of resampled values.
"""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.spec.metrics import Computed, Derived

Number = float | NDArray[np.float64]
Read = Callable[["CellValue"], Number]  # value of a cell; `same` also compares texts


class Ours(float):
    """Bound that the paper does not print."""


@dataclass(frozen=True)
class CellValue:
    """Cell of a table.

    `counted`: metric in place of that of its column: computed from the run of the cell, without a printed value, or
    derived from columns of its row.
    """

    row: str
    column: str
    counted: Computed | Derived | None = None

    @property
    def name(self) -> str:
        """Key of the column, or name of the metric in its place."""
        return self.counted.name if self.counted else self.column

    def __str__(self) -> str:
        return f"{self.row}.{self.name}"


@dataclass(frozen=True)
class Quantity:
    """Number computed from cells. Its text names them as row.column.

    `operation`: "-", "/" or the name of a function; empty for a cell.
    """

    text: str
    cells: tuple[CellValue, ...]
    of: Callable[[Read], Number]
    operation: str = ""

    def __sub__(self, other: "Quantity") -> "Quantity":
        return self._with("-", other, lambda read: self.of(read) - other.of(read))

    def __truediv__(self, other: "Quantity") -> "Quantity":
        return self._with("/", other, lambda read: self.of(read) / other.of(read))

    def _with(self, sign: str, other: "Quantity", of: Callable[[Read], Number]) -> "Quantity":
        texts = (f"({part.text})" if part.operation in ("-", "/") else part.text for part in (self, other))
        return Quantity(f" {sign} ".join(texts), _cells(self, other), of, sign)


def _cells(*parts: Quantity) -> tuple[CellValue, ...]:
    return tuple(dict.fromkeys(cell for part in parts for cell in part.cells))


def cell(name: str, counted: Computed | Derived | None = None) -> Quantity:
    """Cell `row.column`, or another metric of its run or its row."""
    row, _, column = name.partition(".")
    value = CellValue(row, column, counted)
    return Quantity(str(value), (value,), lambda read: read(value))


def _function(name: str, of: Callable[[NDArray[np.float64]], Number], parts: tuple[Quantity, ...]) -> Quantity:
    """Function of an array (parts, ...) over its first axis."""
    cells = _cells(*parts)
    names = {one.name for one in cells}
    if len(names) == 1 and [str(one) for one in cells] == [part.text for part in parts]:
        text = f"{name}({', '.join(one.row for one in cells)}).{names.pop()}"
    else:
        text = f"{name}({', '.join(part.text for part in parts)})"

    def value(read: Read) -> Number:
        return of(np.stack(np.broadcast_arrays(*(np.asarray(part.of(read), float) for part in parts))))

    return Quantity(text, cells, value, name)


def largest(*parts: Quantity) -> Quantity:
    return _function("max", lambda values: values.max(0), parts)


def smallest(*parts: Quantity) -> Quantity:
    return _function("min", lambda values: values.min(0), parts)


def mean(*parts: Quantity) -> Quantity:
    return _function("mean", lambda values: values.mean(0), parts)


def harmonic_mean(*parts: Quantity) -> Quantity:
    return _function("harmonic mean", lambda values: len(values) / (1 / values).sum(0), parts)


def percent_difference(left: Quantity, right: Quantity) -> Quantity:
    """Left value minus right value, in percent of the right value."""
    return _function("percent difference", lambda values: 100 * (values[0] / values[1] - 1), (left, right))


class Margins(NamedTuple):
    """Evaluation of a comparison.

    `shown`: numbers that are shown: the value or, for a trend, its steps.
    `margin`: above 0 if the comparison holds.
    `guards`: numbers of which none may be below 0: distances of a stated size to its ends, or the steps of a trend.
    `direction`: what the sampling error of printed values must not reach; None if the paper states no direction.
    """

    shown: tuple[Number, ...]
    margin: Number
    guards: tuple[Number, ...] = ()
    direction: Number | None = None


@dataclass(frozen=True)
class Comparison:
    """Statement on the values of some quantities.

    `of`: margins for these values.
    `holds_at_zero`: whether a margin of 0 holds.
    `is_equality`: whether it states that something is small, so that an undetected difference does not support it (two
        one-sided tests).
    `states_size`: whether it says how large a difference is, beyond its sign.
    `is_trend`: whether its guards are steps. A printed one may be reversed within the sampling error.
    `has_bound`: whether the paper states a bound. If not, the value is shown and not judged.
    """

    text: str
    quantities: tuple[Quantity, ...]
    of: Callable[..., Margins]
    holds_at_zero: bool = False
    is_equality: bool = False
    states_size: bool = False
    is_trend: bool = False
    has_bound: bool = True

    @property
    def cells(self) -> tuple[CellValue, ...]:
        return _cells(*self.quantities)

    @property
    def is_signed(self) -> bool:
        """Whether its numbers are shown with a sign."""
        return len(self.quantities) > 1 or any(part.operation not in ("", "/") for part in self.quantities)

    def on(self, read: Read) -> Margins:
        return self.of(*(quantity.of(read) for quantity in self.quantities))

    def __str__(self) -> str:
        return self.text


def _bound(number: float) -> str:
    return f"{number:g} (ours)" if isinstance(number, Ours) else f"{number:g}"


def _side(value: Quantity, bound: float, inclusive: bool, sign: int, symbol: str) -> Comparison:
    """Value on one side of a bound. A bound on the other side of 0 states no direction: "at most 1 point above"."""

    def of(number: Number) -> Margins:
        return Margins((number,), sign * (number - bound), direction=sign * number if sign * bound >= 0 else None)

    sized = value.operation == "-" and bound != 0
    return Comparison(f"{value.text} {symbol} {_bound(bound)}", (value,), of, inclusive, states_size=sized)


def above(value: Quantity, bound: float = 0.0, *, inclusive: bool = False) -> Comparison:
    return _side(value, bound, inclusive, 1, "≥" if inclusive else ">")


def below(value: Quantity, bound: float = 0.0, *, inclusive: bool = False) -> Comparison:
    return _side(value, bound, inclusive, -1, "≤" if inclusive else "<")


def about(value: Quantity, stated: float, half: float) -> Comparison:
    """Value of a stated size other than 0: at most `half`, half of the last digit of the statement, away from it.

    Resampled values support it if they have the stated sign and their interval contains the stated size.
    """
    sign, slack = math.copysign(1.0, stated), half + 1e-9

    def of(number: Number) -> Margins:
        towards = sign * number
        return Margins((number,), towards, (number - stated + slack, stated + slack - number), direction=towards)

    return Comparison(f"{value.text} ≈ {stated:g} ± {_bound(half)}", (value,), of, states_size=True)


def within(value: Quantity, bound: float) -> Comparison:
    """Value between -bound and bound."""

    def of(number: Number) -> Margins:
        margin = bound - abs(number)
        return Margins((number,), margin, direction=margin)

    text = f"abs({value.text}) ≤ {_bound(bound)}"
    return Comparison(text, (value,), of, holds_at_zero=True, is_equality=True)


def differs(value: Quantity) -> Comparison:
    """Value other than 0, in either direction."""

    def of(number: Number) -> Margins:
        margin = np.sign(np.mean(number)) * number
        return Margins((number,), margin, direction=margin)

    return Comparison(f"{value.text} ≠ 0", (value,), of)


def unbounded(value: Quantity) -> Comparison:
    """Value of a conclusion such as "competitive", whose bound the paper does not state."""
    return Comparison(value.text, (value,), lambda number: Margins((number,), 0.0), has_bound=False)


def same(left: Quantity, right: Quantity) -> Comparison:
    """Two cells with the same text."""
    text = f"{left.text} = {right.text}"
    return Comparison(text, (left, right), lambda one, other: Margins((), 1.0 if one == other else -1.0))


def rising(sequence: Iterable[Quantity], *, sign: int = 1) -> Comparison:
    """Values that increase along a sequence: the last exceeds the first, and no step decreases."""
    quantities = tuple(sequence)

    def of(*numbers: Number) -> Margins:
        steps = tuple(after - before for before, after in itertools.pairwise(numbers))
        total = sign * (numbers[-1] - numbers[0])
        return Margins(steps, total, tuple(sign * step for step in steps), direction=total)

    name = "rising" if sign > 0 else "falling"
    return Comparison(f"{name}({', '.join(part.text for part in quantities)})", quantities, of, is_trend=True)


def falling(sequence: Iterable[Quantity]) -> Comparison:
    return rising(sequence, sign=-1)


def best(row: str, column: str, rows: Iterable[str]) -> Comparison:
    """The row has the highest value of a column among some rows. Ties are allowed."""
    others = (cell(f"{other}.{column}") for other in rows if other != row)
    return above(cell(f"{row}.{column}") - largest(*others), inclusive=True)


def worst(row: str, column: str, rows: Iterable[str]) -> Comparison:
    """The row has the lowest value of a column among some rows. Ties are allowed."""
    others = (cell(f"{other}.{column}") for other in rows if other != row)
    return below(cell(f"{row}.{column}") - smallest(*others), inclusive=True)


def ranked(row: str, column: str, rows: Iterable[str], place: int) -> Comparison:
    """The row has a place below the first one among some rows of a column: its margin is that to its nearest neighbour."""
    value = cell(f"{row}.{column}")
    others = tuple(cell(f"{other}.{column}") for other in rows if other != row)

    def of(number: Number, *numbers: Number) -> Margins:
        ordered = np.sort(np.stack(np.broadcast_arrays(*numbers)), axis=0)[::-1]
        margin = np.minimum(ordered[place - 2] - number, number - ordered[place - 1])
        return Margins((margin,), margin, direction=margin)

    return Comparison(f"place({value.text}) = {place}", (value, *others), of, holds_at_zero=True)


@dataclass(frozen=True)
class Claim:
    """Conclusion of a paper.

    `key`: short name, unique within the paper.
    `place`: section, caption or abstract that states it.
    `text`: paraphrase of the conclusion.
    `comparisons`: comparisons that must all hold.
    `real_data`: whether only models on real data can support or refute it.
    """

    key: str
    place: str
    text: str
    comparisons: tuple[Comparison, ...]
    real_data: bool = False

    @property
    def cells(self) -> tuple[CellValue, ...]:
        """Cells of all comparisons, each once."""
        return tuple(dict.fromkeys(cell for comparison in self.comparisons for cell in comparison.cells))


def claim(
    key: str, place: str, text: str, comparisons: Comparison | Iterable[Comparison], *, real_data: bool = False
) -> Claim:
    several = (comparisons,) if isinstance(comparisons, Comparison) else tuple(comparisons)
    return Claim(key, place, text, several, real_data)
