"""Growth of time and memory with the length of a sequence: exponents of fitted powers."""

import math
import statistics
from collections.abc import Iterable, Sequence

from benchmarks.timing import Pair, seconds_of


def growth(pairs: Iterable[Pair]) -> list[str]:
    """Lines with the exponents of each computation that was measured for two lengths or more."""
    series: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        if pair.length is not None:
            series.setdefault((pair.name.replace(f"-{pair.length}", ""), pair.precision), []).append(pair)
    return [line(name, precision, several) for (name, precision), several in series.items() if len(several) > 1]


def line(name: str, precision: str, pairs: Sequence[Pair]) -> str:
    """Line of one computation."""
    lengths = [float(pair.length or 0) for pair in pairs]
    ours = exponent(lengths, [seconds_of(pair.ours) for pair in pairs])
    published = exponent(lengths, [seconds_of(pair.published) for pair in pairs])
    text = f"- {name}, {precision}: time N^{ours:.2f}, published N^{published:.2f}"
    saved = [(pair.ours_saved, pair.published_saved) for pair in pairs]
    if all(own is not None and theirs is not None for own, theirs in saved):
        own, theirs = (exponent(lengths, [float(size or 0) for size in sizes]) for sizes in zip(*saved, strict=True))
        text += f"; saved bytes N^{own:.2f}, published N^{theirs:.2f}"
    return text


def exponent(lengths: Sequence[float], values: Sequence[float]) -> float:
    """Slope of the line through the logarithms, by least squares."""
    return statistics.linear_regression([math.log(x) for x in lengths], [math.log(y) for y in values]).slope
