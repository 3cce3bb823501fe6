"""Comparisons of claims, and their decision rules for printed values and for resampled values.

A printed value has a noise limit: the half-width of the 95 % interval that the sampling of test items gives it.
Resampled values are arrays (R,): one value per resample of the test items.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.spec.expressions import CellValue, Expression, Number, largest, smallest

Printed = Literal["supported", "not supported", "noise", "not printed"]
Samples = NDArray[np.float64]  # (R,)


class PValues(NamedTuple):
    """Two-sided p-values with which a comparison can be called supported, and not supported."""

    support: float
    refute: float


class Comparison(ABC):
    """Statement on the values of some expressions."""

    @property
    @abstractmethod
    def values(self) -> tuple[Expression, ...]:
        """Expressions whose values are compared."""

    def margins(self, values: list[float]) -> tuple[float, ...]:
        """Numbers that are shown for the comparison. By default, the value itself."""
        return tuple(values)

    def statistic(self, values: list[Samples]) -> Samples:
        return values[0]

    @abstractmethod
    def in_print(self, values: list[float], limits: list[float]) -> Printed:
        """Verdict on printed values with their noise limits. "noise": it holds, but its margin is within the limit."""

    @abstractmethod
    def p_values(self, values: list[Samples]) -> PValues:
        """P-values from resampled values, or from arrays of all values that an exact measurement allows."""


@dataclass(frozen=True)
class OfOneValue(Comparison):
    """Statement on the value of one expression."""

    value: Expression

    @property
    def values(self) -> tuple[Expression, ...]:
        return (self.value,)


@dataclass(frozen=True)
class Bounded(OfOneValue):
    """Value on one side of a bound.

    A printed margin is noise if the value itself is within the limit. This does not apply to a bound on the other side
    of 0, e.g. "A is at most 1 point above B": it states no direction.
    """

    sign: ClassVar[int]
    symbols: ClassVar[tuple[str, str]]  # exclusive, inclusive

    bound: float = 0.0
    inclusive: bool = False

    def holds(self, value: Number) -> Number:
        """Whether the value is on the stated side, as 0 or 1."""
        excess = self.sign * (np.asarray(value) - self.bound)
        return (excess >= 0 if self.inclusive else excess > 0).astype(float)

    def in_print(self, values: list[float], limits: list[float]) -> Printed:
        """Verdict on the printed value."""
        if not self.holds(values[0]):
            return "not supported"
        is_noise = self.sign * self.bound >= 0 and self.sign * values[0] <= limits[0]
        return "noise" if is_noise else "supported"

    def p_values(self, values: list[Samples]) -> PValues:
        share = float(np.mean(self.holds(values[0])))
        return PValues(min(1.0, 2 * (1 - share)), min(1.0, 2 * share))

    def __str__(self) -> str:
        return f"{self.value} {self.symbols[self.inclusive]} {self.bound:g}"


@dataclass(frozen=True)
class Above(Bounded):
    """Value above a bound."""

    sign = 1
    symbols = (">", "≥")


@dataclass(frozen=True)
class Below(Bounded):
    """Value below a bound."""

    sign = -1
    symbols = ("<", "≤")


@dataclass(frozen=True)
class About(OfOneValue):
    """Value of a stated size other than 0: at most `half`, half of the last digit of the statement, away from it.

    Resampled values support it if they have the stated sign and their interval contains the stated size.
    """

    stated: float
    half: float

    def in_print(self, values: list[float], limits: list[float]) -> Printed:
        """Verdict on the printed value."""
        if abs(values[0] - self.stated) > self.half + 1e-9:
            return "not supported"
        return "noise" if abs(values[0]) <= limits[0] else "supported"

    def p_values(self, values: list[Samples]) -> PValues:
        value, low, high = values[0], self.stated - self.half, self.stated + self.half
        refute = _p(value <= high, value >= low)
        opposite = math.copysign(1.0, self.stated) * value <= 0
        return PValues(1.0 if refute <= 0.05 else _p(opposite), refute)

    def __str__(self) -> str:
        return f"{self.value} ≈ {self.stated:g} ± {self.half:g}"


@dataclass(frozen=True)
class Within(OfOneValue):
    """Value between -bound and bound. An undetected difference alone does not support it (two one-sided tests)."""

    bound: float

    def in_print(self, values: list[float], limits: list[float]) -> Printed:
        """Verdict on the printed value. It is noise if its interval crosses the bound."""
        if abs(values[0]) > self.bound:
            return "not supported"
        return "noise" if abs(values[0]) + limits[0] > self.bound else "supported"

    def p_values(self, values: list[Samples]) -> PValues:
        """P-values of the two one-sided tests (90 % interval within the bounds), and of a value outside."""
        value = values[0]
        support = max(float(np.mean(value > self.bound)), float(np.mean(value < -self.bound)))
        return PValues(support, _p(value <= self.bound, value >= -self.bound))

    def __str__(self) -> str:
        return f"abs({self.value}) ≤ {self.bound:g}"


@dataclass(frozen=True)
class Ranked(Comparison):
    """Place of a value among others, the highest value having place 1."""

    value: Expression
    others: tuple[Expression, ...]
    place: int

    @property
    def values(self) -> tuple[Expression, ...]:
        return (self.value, *self.others)

    def margins(self, values: list[float]) -> tuple[float, ...]:
        return (float(1 + sum(other > values[0] for other in values[1:])),)

    def statistic(self, values: list[Samples]) -> Samples:
        return 1.0 + np.sum([other > values[0] for other in values[1:]], axis=0)

    def in_print(self, values: list[float], limits: list[float]) -> Printed:
        """Verdict on printed values. They are noise if one of the others is within the limit of the value."""
        if self.margins(values) != (self.place,):
            return "not supported"
        pairs = zip(values[1:], limits[1:], strict=True)
        near = (abs(values[0] - other) <= math.hypot(limits[0], limit) for other, limit in pairs)
        return "noise" if any(near) else "supported"

    def p_values(self, values: list[Samples]) -> PValues:
        has_place = self.statistic(values) == self.place
        return PValues(_p(~has_place), _p(has_place))

    def __str__(self) -> str:
        return f"place({self.value}) = {self.place}"


@dataclass(frozen=True)
class Rising(Comparison):
    """Values that increase along a sequence.

    Supported: the last exceeds the first beyond the limit, and no step decreases beyond the limit.
    """

    sign: ClassVar[int] = 1

    sequence: tuple[Expression, ...]

    @property
    def values(self) -> tuple[Expression, ...]:
        return self.sequence

    def margins(self, values: list[float]) -> tuple[float, ...]:
        return tuple(after - before for before, after in itertools.pairwise(values))

    def statistic(self, values: list[Samples]) -> Samples:
        return values[-1] - values[0]

    def in_print(self, values: list[float], limits: list[float]) -> Printed:
        """Verdict on printed values."""
        total = self.sign * (values[-1] - values[0])
        steps = zip(self.margins(values), limits, limits[1:], strict=False)
        if total <= 0 or any(self.sign * step < -math.hypot(*pair) for step, *pair in steps):
            return "not supported"
        return "noise" if total <= math.hypot(limits[0], limits[-1]) else "supported"

    def p_values(self, values: list[Samples]) -> PValues:
        total = self.sign * self.statistic(values)
        steps = [self.sign * (after - before) for before, after in itertools.pairwise(values)]
        reversed_step = min(_p(step >= 0) for step in steps)
        refute = min(_p(total > 0), min(1.0, len(steps) * reversed_step))
        return PValues(1.0 if refute <= 0.05 else _p(total <= 0), refute)

    def __str__(self) -> str:
        return f"{'rising' if self.sign > 0 else 'falling'}({', '.join(map(str, self.sequence))})"


@dataclass(frozen=True)
class Falling(Rising):
    """Values that decrease along a sequence."""

    sign = -1


@dataclass(frozen=True)
class SameText:
    """Two cells with the same text."""

    left: CellValue
    right: CellValue

    @property
    def values(self) -> tuple[CellValue, ...]:
        return (self.left, self.right)

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"


def _p(*outside: NDArray[np.bool_]) -> float:
    """Two-sided p-value: twice the smallest share of resamples in which a condition holds, at most 1."""
    return min(1.0, *(2 * float(np.mean(condition)) for condition in outside))


def best(row: str, column: str, rows: Iterable[str]) -> Above:
    """The row has the highest value of a column among some rows. Ties are allowed."""
    others = (CellValue(other, column) for other in rows if other != row)
    return Above(CellValue(row, column) - largest(*others), inclusive=True)


def worst(row: str, column: str, rows: Iterable[str]) -> Below:
    """The row has the lowest value of a column among some rows. Ties are allowed."""
    others = (CellValue(other, column) for other in rows if other != row)
    return Below(CellValue(row, column) - smallest(*others), inclusive=True)


def ranked(row: str, column: str, rows: Iterable[str], place: int) -> Ranked:
    """The row has a place among some rows of a column, the highest value having place 1."""
    others = tuple(CellValue(other, column) for other in rows if other != row)
    return Ranked(CellValue(row, column), others, place)
