"""Judgement of a table's claims.

Printed values are judged against the noise limit of the test set: the half-width of a 95 % interval, under an assumed
share of items that exactly one of two models gets right. Values measured here are judged by paired resamples of the
test items and seeds, jointly for all claims of a table (Holm). Costs are compared exactly.
"""

import math
from collections.abc import Callable, Iterable

from experiments.spec.comparisons import Comparison, Printed, SameText
from experiments.spec.expressions import CellValue, Expression
from experiments.spec.metrics import Derived, OfTraining, Tested
from experiments.spec.scales import Scale
from experiments.spec.table import Table, Value
from reports.claims.evidence import Evidence, Measurements
from reports.claims.judgement import JudgedClaim, Judgement, Verdict
from reports.claims.resampling import LEVEL, holm
from reports.pages.derived_cells import derived_in_print
from reports.pages.report import Report, ReportRow

# Assumed share of the test items that exactly one of two printed models gets right. No printed row states it.
DISCORDANT = 0.15
DIGITS = 9  # of sums of printed numbers, without the error of binary fractions


def judge(table: Table, scale: Scale, rows: Iterable[ReportRow], *, generated: bool = False) -> tuple[JudgedClaim, ...]:
    """Verdicts on all claims of a table.

    Args:
        rows: all rows of the table with, at least, the columns of its claims and those that they are derived from.
        generated: whether generated data are read in place of those of the paper.
    """
    measured = Measurements(table, scale, rows, generated=generated)
    pairs = [(claim, comparison) for claim in table.claims for comparison in claim.comparisons]
    evidence = [measured.evidence(comparison, real_data=claim.real_data) for claim, comparison in pairs]
    joint = [found for found in evidence if found.items and found.p_values is not None]
    significant = holm([min(found.p_values) for found in joint if found.p_values is not None])
    insignificant = {id(found) for found, is_one in zip(joint, significant, strict=True) if not is_one}
    judged: dict[str, list[Judgement]] = {}
    for (claim, comparison), found in zip(pairs, evidence, strict=True):
        judged.setdefault(claim.key, []).append(_judgement(table, comparison, found, id(found) not in insignificant))
    return tuple(JudgedClaim(claim, tuple(judged[claim.key])) for claim in table.claims)


def claims_of(report: Report) -> tuple[JudgedClaim, ...]:
    """Verdicts on the claims of the table of a report; empty without all its rows."""
    if len(report.rows) < len(report.table.rows):
        return ()
    return judge(report.table, report.scale, report.rows, generated=bool(report.facts.generated))


def _judgement(table: Table, comparison: Comparison | SameText, found: Evidence, is_significant: bool) -> Judgement:
    """Verdicts on a comparison.

    Args:
        is_significant: whether its p-value is significant jointly with the others of the table.
    """
    verdict: Verdict = "undecided" if found.is_judged else "not judged"
    reason, p = found.reason, found.p_values
    if p is not None and min(p) <= LEVEL:
        if is_significant:
            verdict = "supported" if p.support <= LEVEL else "not supported"
        else:
            reason = "not jointly with the other claims"
    printed, printed_margins = in_print(table, comparison)
    return Judgement(
        comparison=comparison,
        printed=printed,
        printed_margins=printed_margins,
        verdict=verdict,
        margins=found.margins,
        interval=found.interval,
        items=found.items,
        num_seeds=found.num_seeds,
        is_joint=bool(found.items) and p is not None,
        reason=reason,
    )


def in_print(table: Table, comparison: Comparison | SameText) -> tuple[Printed, tuple[float, ...]]:
    """Verdict on the printed values, and their margins."""
    cells = list(dict.fromkeys(cell for value in comparison.values for cell in value.cells))
    printed = [printed_value(table, cell) for cell in cells]
    if isinstance(comparison, SameText):
        return "supported" if len(set(printed)) == 1 else "not supported", ()
    numbers = [float(value) for value in printed if isinstance(value, int | float)]
    if len(numbers) < len(cells):
        return "not printed", ()
    limits = [noise_limit(table, cell) for cell in cells]
    functions = [_function(expression, cells) for expression in comparison.values]
    values = [round(of(numbers), DIGITS) for of in functions]
    margins = tuple(round(margin, DIGITS) for margin in comparison.margins(values))
    return comparison.in_print(values, [propagated(of, numbers, limits) for of in functions]), margins


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
    """Limit of a function of independent values with these limits."""
    if any(map(math.isinf, limits)):
        return math.inf
    center = of(values)
    moved = ([*values[:i], values[i] + limit, *values[i + 1 :]] for i, limit in enumerate(limits))
    return math.hypot(*(of(others) - center for others in moved))


def _function(expression: Expression, cells: list[CellValue]) -> Callable[[list[float]], float]:
    return lambda values: float(expression.of(dict(zip(cells, values, strict=True)).__getitem__))
