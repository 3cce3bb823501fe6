"""Findings on decoded videos: those that cannot be decoded, short sides and frame rates."""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.config import Split
from data.errors import shortened
from data.examination import Outcome
from data.findings import Finding, number_of
from data.inspection import Inspection
from data.loaders import allowed_number

FPS_TOLERANCE = 0.5


def video_findings(
    inspection: Inspection, split: Split, outcomes: Sequence[Outcome], bad_list: Path
) -> Iterator[Finding]:
    """Findings on the decoded videos of a split.

    Args:
        bad_list: file with the list of bad files.
    """
    need, unit = inspection.need, inspection.dataset.unit
    count, bad = number_of(len(outcomes), f"{split} {unit}"), [outcome for outcome in outcomes if outcome.is_bad]
    if bad:
        unreadable = len(bad) + len(inspection.missing.get(split, ()))
        num_items = len(inspection.items[split])
        allowed = allowed_number(num_items, need.allow_bad)
        is_over = unreadable > allowed
        yield (inspection.error if is_over else inspection.warning)(
            f"{len(bad):,} of {count} cannot be decoded, e.g. {shortened(bad[0].name)}: {shortened(bad[0].reason)}",
            f"get them again; until then they count as failed, because they are listed in {bad_list}"
            + (
                f", and more than the accepted {allowed:,} of {num_items:,} stop a run (--allow-bad N)"
                if is_over
                else ""
            ),
        )
    elif outcomes:
        yield inspection.ok(f"{count} decoded")
    facts = [outcome.facts for outcome in outcomes if outcome.facts is not None]
    if not facts:
        return
    sides = [fact.short_side for fact in facts]
    below = sum(side < (need.short_side or 0) for side in sides)
    text = f"{split}: short sides {spread(sides)}"
    if below:
        yield inspection.warning(
            f"{text}; {below:,} of {len(sides):,} are below the {need.short_side} of the test",
            f"they are enlarged; get {unit} with a short side of {need.short_side} or more",
        )
    else:
        yield inspection.ok(text + (f"; none is below the {need.short_side} of the test" if need.short_side else ""))
    rates, expected = [fact.fps for fact in facts], need.data.expected_fps
    other = sum(abs(rate - expected) > FPS_TOLERANCE for rate in rates) if expected else 0
    note = f"; {other:,} of {len(rates):,} differ from {expected}: clips are sampled by time" if other else ""
    yield inspection.ok(f"{split}: frames per second {spread(rates)}{note}")


def spread(values: Sequence[float]) -> str:
    """Least, median and largest value."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:.5g}" if low == high else f"{low:.5g} to {high:.5g}, median {middle:.5g}"
