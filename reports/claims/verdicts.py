"""Verdicts on the claims of a table: on the printed values, and on those measured here."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from experiments.spec.claims import Claim, Comparison

Printed = Literal["supported", "not supported", "noise", "not printed", "no bound"]
Verdict = Literal["supported", "not supported", "undecided", "not judged", "never"]


class PValues(NamedTuple):
    """Two-sided p-values with which a comparison can be called supported, and not supported."""

    support: float
    refute: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Verdicts on a comparison.

    `printed_margins`: numbers of the printed values; empty if a value is not printed or is text.
    `margins`: numbers of the values measured here; empty if there are none.
    `interval`: 95 % interval of the number, for a trend of its whole change; None for exact values.
    `items`: number of resampled test items by data set; empty for exact values.
    `num_seeds`: number of seeds that all rows have finished.
    `p_values`: None if the comparison cannot be decided.
    `reason`: why it is undecided although the interval may be clear, not judged here, or never decided.
    """

    comparison: Comparison
    printed: Printed = "not printed"
    printed_margins: tuple[float, ...] = ()
    verdict: Verdict = "undecided"
    margins: tuple[float, ...] = ()
    interval: tuple[float, float] | None = None
    items: tuple[tuple[str, int], ...] = ()
    num_seeds: int = 0
    p_values: PValues | None = None
    reason: str = ""

    @property
    def is_joint(self) -> bool:
        """Whether the verdict is one of those that hold jointly: resampled comparisons that can be decided."""
        return bool(self.items) and self.p_values is not None


class JudgedClaim(NamedTuple):
    """A claim, and the verdicts on its comparisons."""

    claim: Claim
    judgements: tuple[Judgement, ...]
