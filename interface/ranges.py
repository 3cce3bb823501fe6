"""Ranges of config fields. A range stands in the type of a field, e.g. `views: Count = 10`, and is no part of an id."""

import functools
import inspect
import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args


@dataclass(frozen=True, kw_only=True)
class Range:
    """Range of a number, or of all numbers of a tuple. `least` and `most` are in the range, `above` and `below` not.

    `ascending`: whether each number of a tuple must be at least the one before it.
    """

    least: float | None = None
    above: float = -math.inf
    most: float | None = None
    below: float = math.inf
    ascending: bool = False

    def holds(self, value: float | tuple[float, ...] | None) -> bool:
        """Whether a value is in the range, as None is. NaN and infinity are in no range."""
        numbers = value if isinstance(value, tuple) else () if value is None else (value,)
        least = self.above if self.least is None else self.least
        most = self.below if self.most is None else self.most
        are_within = all(least <= n <= most and self.above < n < self.below for n in numbers)
        return are_within and (not self.ascending or list(numbers) == sorted(numbers))

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"between {self.least:g} and {self.most:g}" + (", in ascending order" if self.ascending else "")
        words = [] if self.least is None else [f"{self.least:g} or more"]
        words += [f"more than {self.above:g}"] if self.above > -math.inf else []
        words += [] if self.most is None else [f"at most {self.most:g}"]
        words += [f"below {self.below:g}"] if self.below < math.inf else []
        return " and ".join(words) + (", in ascending order" if self.ascending else "")


Count = Annotated[int, Range(least=1)]
CountOrZero = Annotated[int, Range(least=0)]
Share = Annotated[float, Range(least=0, most=1)]
ShareAboveZero = Annotated[float, Range(above=0, most=1)]
ShareBelowOne = Annotated[float, Range(least=0, below=1)]
Positive = Annotated[float, Range(above=0)]
PositiveOrZero = Annotated[float, Range(least=0)]


def check_range(path: str, value: float | tuple[float, ...] | None, allowed: Range) -> None:
    """Refuse a value that is out of range, with the full name of its field, e.g. "model.width"."""
    if not allowed.holds(value):
        raise ValueError(f"{path} is {value}; it must be {allowed}")


class CheckedConfig:
    """Base class of the configs of a run. A subclass with a `__post_init__` of its own calls this one first.

    `config_path`: dotted path of the config in a run, for messages.
    """

    config_path: ClassVar[str]

    def __post_init__(self) -> None:
        for name, allowed in ranges(type(self)).items():
            check_range(f"{self.config_path}.{name}", getattr(self, name), allowed)


@functools.cache
def ranges(kind: type) -> dict[str, Range]:
    """Ranges in the types of the fields of a dataclass. A field that is declared again without one keeps its range."""
    found: dict[str, Range] = {}
    for base in reversed(kind.__mro__):
        declared = {name: _range_in(hint) for name, hint in inspect.get_annotations(base).items()}
        found |= {name: allowed for name, allowed in declared.items() if allowed is not None}
    return found


def _range_in(kind: object) -> Range | None:
    """Range of a type such as `Count`, `Count | None` or `tuple[Count, ...]`."""
    return kind if isinstance(kind, Range) else next(filter(None, map(_range_in, get_args(kind))), None)
