"""How the claims of a table are judged, on the printed values and on ours.

Printed values are judged against the noise limit of the test set: the half-width of a 95 % interval, under an assumed
share of items that exactly one of two models gets right. Values measured here are judged by paired resamples of the
test items and seeds, jointly for all claims of a table (Holm). Costs are compared exactly.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from experiments.spec.claims import CellValue, Comparison, Margins, Number
from experiments.spec.metrics import Derived, OfTraining, Tested
from experiments.spec.scales import Scale
from experiments.spec.table import Table, Value
from reports.claims.evidence import Measurements
from reports.claims.resampling import LEVEL, holm
from reports.claims.verdicts import JudgedClaim, Judgement, Printed
from reports.pages.cells import derived_in_print
from reports.pages.chance import DISCORDANT
from reports.pages.report import ReportRow

STEP = 1e-3  # share of a limit
DIGITS = 9  # of sums of printed numbers, without the error of binary fractions


def judge(table: Table, scale: Scale, rows: Iterable[ReportRow]) -> tuple[JudgedClaim, ...]:
    """Verdicts on all claims of a table, from all its rows with, at least, the columns that the claims rest on."""
    measured = Measurements(table, scale, rows)
    claims = [
        (claim, [measured.judgement(comparison, real_data=claim.real_data) for comparison in claim.comparisons])
        for claim in table.claims
    ]
    joint = [(id(one), one.p_values) for _, several in claims for one in several if one.is_joint and one.p_values]
    significant = dict(zip((key for key, _ in joint), holm([min(p) for _, p in joint]), strict=True))

    def decided(open_one: Judgement) -> Judgement:
        printed, margins = in_print(table, open_one.comparison)
        one = replace(open_one, printed=printed, printed_margins=margins)
        if one.p_values is None or min(one.p_values) > LEVEL:
            return one
        if not significant.get(id(open_one), True):
            return replace(one, reason="not jointly with the other claims")
        return replace(one, verdict="supported" if one.p_values.support <= LEVEL else "not supported")

    return tuple(JudgedClaim(claim, tuple(map(decided, several))) for claim, several in claims)


def in_print(table: Table, comparison: Comparison) -> tuple[Printed, tuple[float, ...]]:
    """Verdict on the printed values, and their numbers."""
    values: list = [printed_value(table, cell) for cell in comparison.cells]
    if None in values:
        return "not printed", ()
    return verdict_on_print(comparison, values, [noise_limit(table, cell) for cell in comparison.cells])


def verdict_on_print(
    comparison: Comparison, values: list[float], limits: list[float]
) -> tuple[Printed, tuple[float, ...]]:
    """Verdict on values of the cells of a comparison with their noise limits, and its numbers.

    "noise": it holds, but what it states is within the limit.
    """

    def margins(numbers: list[float]) -> Margins:
        return comparison.on(dict(zip(comparison.cells, numbers, strict=True)).__getitem__)

    def limit_of(part: Callable[[Margins], Number]) -> float:
        return propagated(lambda numbers: float(part(margins(numbers))), values, limits)

    found = margins(values)
    shown, guards = (tuple(round(float(number), DIGITS) for number in part) for part in (found.shown, found.guards))
    margin = round(float(found.margin), DIGITS)
    if not comparison.has_bound:
        return "no bound", shown
    if margin < 0 or (margin == 0 and not comparison.holds_at_zero):
        return "not supported", shown
    slacks = (limit_of(lambda one, i=i: one.guards[i]) if comparison.is_trend else 0.0 for i in range(len(guards)))
    if any(guard < -slack for guard, slack in zip(guards, slacks, strict=True)):
        return "not supported", shown
    limit = limit_of(lambda one: sum(one.shown)) if found.direction is not None else 0.0
    return "noise" if limit and float(found.direction or 0.0) <= limit else "supported", shown


def printed_value(table: Table, cell: CellValue) -> Value:
    """Printed value of a cell; None without one. A derived one that is not printed follows from the printed cells."""
    row, index = table.find_row(cell.row), [column.key for column in table.columns].index(cell.column)
    metric = cell.counted or row.metric_of(table.columns[index])
    printed = row.paper[index] if row.paper and cell.counted is None else None
    return derived_in_print(table, row, metric) if printed is None and isinstance(metric, Derived) else printed


def noise_limit(table: Table, cell: CellValue) -> float:
    """Half-width of the 95 % interval of a printed value, such that the limit of a difference is their hypotenuse.

    It is 0 for costs, and infinite for a data set whose usual number of test items is unknown.
    """
    row = table.find_row(cell.row)
    column = next(column for column in table.columns if column.key == cell.column)
    base = row.base or column.base
    match cell.counted or row.metric_of(column):
        case Derived() as metric:
            sources = [CellValue(cell.row, key) for key in metric.columns]
            values = [printed_value(table, source) for source in sources]
            numbers = [float(value) for value in values if isinstance(value, int | float)]
            limits = [noise_limit(table, source) for source in sources]
            return propagated(metric.of, numbers, limits) if len(numbers) == len(sources) else math.hypot(*limits)
        case Tested() as metric if base is not None and not isinstance(metric, OfTraining):
            num_items = base.data.dataset.official_size("test")
            return math.inf if num_items is None else 196 * math.sqrt(DISCORDANT / num_items / 2)
    return 0.0


def propagated(of: Callable[[list[float]], float], values: list[float], limits: list[float]) -> float:
    """Limit of a function of independent values with these limits, by its slopes: of rivals, the best one counts."""
    if any(map(math.isinf, limits)):
        return math.inf

    def effect(i: int) -> float:
        """Effect of the limit of a value, from a small step up and down. Rivals that tie have half of it each."""
        ends = ([*values[:i], values[i] + step * limits[i], *values[i + 1 :]] for step in (STEP, -STEP))
        up, down = map(of, ends)
        return (up - down) / (2 * STEP)

    return math.hypot(*map(effect, range(len(values))))
