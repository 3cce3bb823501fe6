"""Formats of the numbers of a table."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Decimals:
    """Fixed number of decimals. Numbers have two significant digits if it is None, or if they would round to 0."""

    digits: int | None

    def text(self, number: float) -> str:
        if self.digits is not None and 0 < abs(number) < 0.5 * 10**-self.digits:
            return f"{number:#.2g}"
        return f"{number:.{self.decimals(number)}f}"

    def rounded(self, number: float) -> float:
        return float(f"{number:.{self.decimals(number)}f}")

    def decimals(self, number: float) -> int:
        """Number of decimals: the fixed one, or as many as two significant digits need."""
        if self.digits is not None:
            return self.digits
        return max(0, 1 - math.floor(math.log10(abs(number)))) if number else 1


@dataclass(frozen=True)
class Shortest:
    """As few digits as the number needs, at most six: 6, 0.05, 1e-06."""

    def text(self, number: float) -> str:
        return f"{number:g}"


@dataclass(frozen=True)
class Scientific:
    """Power of ten, as in 1e-3 or 7.5e-4, with at most `digits` significant digits."""

    digits: int = 3

    def text(self, number: float) -> str:
        mantissa, _, exponent = f"{number:.{self.digits - 1}e}".partition("e")
        shortest = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{shortest}e{int(exponent)}" if number else "0"


NumberFormat = Decimals | Shortest | Scientific


def value_text(value: float | str | None, form: NumberFormat) -> str:
    """Value as text: numbers in a format, yes or no for True or False, texts as they are, nothing for None."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return value
    return form.text(value)


def without_noise(value: float) -> float:
    """Number without the last digits, in which a float differs from the decimal number that it stands for."""
    return float(f"{value:.12g}")
