import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest

from interface.ranges import CheckedConfig, Count, Positive, Range, Share, ShareAboveZero, ShareBelowOne


@dataclass(frozen=True, kw_only=True)
class Example(CheckedConfig):
    config_path: ClassVar[str] = "data.example"

    count: Count | None = None
    share: Share = 0.5
    shares: tuple[ShareAboveZero, ...] = ()
    rate: ShareBelowOne = 0.0
    factor: Positive = 1.0
    side: Annotated[int, Range(least=1, most=16)] = 1
    sides: Annotated[tuple[float, float], Range(least=1, ascending=True)] = (1.0, 2.0)
    free: float = 0.0


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("count", 0, "1 or more"),
        ("share", -0.1, "between 0 and 1"),
        ("share", math.nan, "between 0 and 1"),
        ("shares", (0.5, 0.0), "more than 0 and at most 1"),
        ("rate", 1.0, "0 or more and below 1"),
        ("factor", 0.0, "more than 0"),
        ("factor", math.inf, "more than 0"),
        ("side", 17, "between 1 and 16"),
        ("sides", (2.0, 1.0), "1 or more, in ascending order"),
    ],
)
def test_a_value_out_of_range_is_rejected_with_its_field_and_the_range(name: str, value: object, wanted: str) -> None:
    with pytest.raises(ValueError) as caught:
        Example(**{name: value})  # pyright: ignore[reportArgumentType]
    assert str(caught.value) == f"data.example.{name} is {value}; it must be {wanted}"


def test_ends_of_ranges_none_and_fields_without_a_range_are_accepted() -> None:
    Example(count=1, share=1, shares=(1.0, 0.1), side=16, sides=(1.0, 1.0), free=-math.inf)
    Example(count=None, share=0, shares=(), rate=0.0)


def test_a_field_that_is_declared_again_keeps_its_range_unless_it_has_another() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Special(Example):
        side: int = 2
        share: Annotated[float, Range(least=0, most=2)] = 2.0

    assert Special().share == 2.0
    with pytest.raises(ValueError, match="side is 17; it must be between 1 and 16"):
        Special(side=17)
