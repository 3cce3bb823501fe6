"""Verdicts on the claims of a table: on the printed values, and on those measured here."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from experiments.spec.claims import Claim
from experiments.spec.comparisons import Comparison, Printed, SameText

Verdict = Literal["supported", "not supported", "undecided", "not judged"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Verdicts on a comparison.

    Args:
        printed_margins: margins of the printed values; empty if a value is not printed or is text.
        margins: margins of the values measured here; empty if there are none.
        interval: 95 % interval of the margin, for a trend of its whole change; None for exact values.
        items: number of test items by data set.
        num_seeds: number of seeds that all rows have finished.
        is_joint: whether the verdict is one of those that hold jointly (resampled comparisons that can be decided).
        reason: why the verdict is undecided although the interval may be clear, or why there is none.
    """

    comparison: Comparison | SameText
    printed: Printed
    printed_margins: tuple[float, ...]
    verdict: Verdict
    margins: tuple[float, ...] = ()
    interval: tuple[float, float] | None = None
    items: tuple[tuple[str, int], ...] = ()
    num_seeds: int = 0
    is_joint: bool = False
    reason: str = ""


class JudgedClaim(NamedTuple):
    """A claim, and the verdicts on its comparisons."""

    claim: Claim
    judgements: tuple[Judgement, ...]
