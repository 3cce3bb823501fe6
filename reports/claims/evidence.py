"""Values measured here for the comparisons of claims, and their uncertainty.

Accuracies are resampled over test items and seeds. Counted costs and memory are exact. Times have the range of their
repeats.
"""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.spec.comparisons import Comparison, PValues, SameText
from experiments.spec.expressions import CellValue, Expression
from experiments.spec.metrics import Computed, Derived, Metric, OfTraining
from experiments.spec.scales import Scale
from experiments.spec.table import Table, Value
from reports.claims.resampling import RESAMPLES, CorrectItems, resampled
from reports.pages.chance import near_chance
from reports.pages.report import ReportRow
from runner.measure.computed_values import computed
from runner.store.item_hits import unpacked
from runner.store.provenance import trained_by

MOST_NAMED = 2  # cells that a reason names
REPEATS = 5  # smallest number of repeats of a time

Samples = NDArray[np.float64]  # (R,)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Values measured here for a comparison.

    Args:
        margins: margins of the values; empty if there are none.
        interval: 95 % interval of the margin; None for exact values.
        items: number of resampled test items by data set; empty for exact values.
        num_seeds: number of seeds that all tests have finished.
        p_values: None if the comparison cannot be decided, for the given reason.
        is_judged: whether values of this scale can be judged.
    """

    margins: tuple[float, ...] = ()
    interval: tuple[float, float] | None = None
    items: tuple[tuple[str, int], ...] = ()
    num_seeds: int = 0
    p_values: PValues | None = None
    reason: str = ""
    is_judged: bool = True


class Leaf(NamedTuple):
    """A cell that is not derived: its value, and the metrics of its finished tests by seed.

    `conditions`, `repeats`: conditions of a measurement, and the values of its repeats.
    `by_seed`: values of the tests.
    `state`: why there is no value.
    """

    cell: CellValue
    metric: Metric
    value: Value
    quoted: bool
    conditions: str | None
    tests: Mapping[int, dict]
    repeats: tuple[float, ...] = ()
    by_seed: Mapping[int, float] = MappingProxyType({})
    state: str = "not run"

    @property
    def is_time(self) -> bool:
        """Whether the value is the cost of a training made here, or has repeats."""
        return bool(self.repeats) or (isinstance(self.metric, OfTraining) and bool(self.tests))

    def point(self, seeds: list[int]) -> float:
        """The value, or the mean of the tests with these seeds."""
        return float(np.mean(self.values(seeds))) if self.tests else float(self.value or 0)

    def values(self, seeds: list[int]) -> list[float]:
        """Values of the repeats or of the tests with these seeds, or the only value."""
        if self.repeats:
            return list(self.repeats)
        return [self.by_seed[seed] for seed in seeds] if self.tests else [float(self.value or 0)]

    def correct(self, seeds: list[int]) -> CorrectItems | None:
        """Correct items of the tests with these seeds; None if a result does not contain them."""
        masks = [unpacked(self.tests[seed], self.metric.name) for seed in seeds]
        known = tuple(mask for mask in masks if mask is not None)
        return CorrectItems(self.tests[seeds[0]]["data"]["name"], known) if len(known) == len(masks) else None

    def protocols(self, seeds: list[int]) -> set[tuple[object, ...]]:
        """Data set, items, views and crops of the tests with these seeds."""
        tests = (self.tests[seed] for seed in seeds)
        return {(test["data"]["name"], test["hits"]["ids"], test["views"], test["crops"]) for test in tests}

    def data(self, part: str, seeds: list[int]) -> set[tuple[str, str]]:
        """Recorded values of a part of the data of the tests with these seeds, by data set."""
        records = [self.tests[seed]["data"] for seed in seeds]
        return {(data["name"], json.dumps(data[part], sort_keys=True)) for data in records if part in data}

    def all_conditions(self, seeds: list[int]) -> set[str]:
        """Conditions of the measurement, or devices of the trainings."""
        return (
            {session["hardware"] for seed in seeds for session in trained_by(self.tests[seed])}
            if self.is_time and self.tests
            else set(filter(None, [self.conditions]))
        )

    def near_chance(self, seeds: list[int]) -> bool:
        return any(near_chance(self.tests[seed], self.metric) for seed in seeds)


class UndecidableError(Exception):
    """Values do not decide a comparison, for the reason in the message."""


class Draws(NamedTuple):
    """Samples (R,) of all leaves, and the number of resampled items by data set."""

    samples: dict[CellValue, Samples]
    items: tuple[tuple[str, int], ...]


def few(names: Sequence[str]) -> str:
    """First names, and the number of the others."""
    others = len(names) - MOST_NAMED
    return ", ".join(names) if others <= 1 else f"{', '.join(names[:MOST_NAMED])} and {others} others"


class Measurements:
    """Values of a table that were measured here.

    Args:
        rows: all rows of the table with, at least, the columns of its claims and those that they are derived from.
    """

    def __init__(self, table: Table, scale: Scale, rows: Iterable[ReportRow], *, generated: bool) -> None:
        self.table, self.scale, self.generated = table, scale, generated
        self.columns = {column.key: column for column in table.columns}
        self.rows = {row.row.key: row for row in rows}

    def evidence(self, comparison: Comparison | SameText, *, real_data: bool) -> Evidence:
        """Evidence for a comparison.

        Args:
            real_data: whether only models of the paper's size on its real data can decide it.
        """
        cells = dict.fromkeys(cell for value in comparison.values for cell in value.cells)
        if self.scale.small and (real_data or any(self.table.rests_on_test(self.metric_of(cell)) for cell in cells)):
            return Evidence(reason="generated data" if self.generated else "small models", is_judged=False)
        leaves = list({leaf.cell: leaf for cell in cells for leaf in self.leaves(cell)}.values())
        if missing := [leaf for leaf in leaves if leaf.value is None]:
            by_state = {leaf.state: [str(one.cell) for one in missing if one.state == leaf.state] for leaf in missing}
            return Evidence(reason="; ".join(f"{state}: {few(names)}" for state, names in by_state.items()))
        if isinstance(comparison, SameText):
            is_same = len({leaf.value for leaf in leaves}) == 1
            return Evidence(p_values=PValues(float(not is_same), float(is_same)))
        has_quoted = any(leaf.quoted for leaf in leaves)
        tested = [leaf for leaf in leaves if leaf.tests]
        seeds = sorted(set.intersection(*(set(leaf.tests) for leaf in tested))) if tested else []
        if tested and not seeds:
            return Evidence(reason="no seed that all rows have finished")
        points = {leaf.cell: np.array([leaf.point(seeds)], float) for leaf in leaves}
        margins = comparison.margins([float(value[0]) for value in self.values_of(comparison.values, points)])
        try:
            draws = drawn(leaves, seeds)
        except UndecidableError as problem:
            return Evidence(margins=margins, num_seeds=len(seeds), reason=str(problem))
        values, reason = self.values_of(comparison.values, draws.samples), ""
        low, high = np.percentile(comparison.statistic(values), [2.5, 97.5])
        if has_quoted:
            reason = "quoted rows have no scores"
        elif near := [str(leaf.cell) for leaf in tested if leaf.near_chance(seeds)]:
            reason = f"near chance: {few(near)}"
        return Evidence(
            margins=margins,
            interval=(float(low), float(high)) if low < high else None,
            items=draws.items,
            num_seeds=len(seeds),
            p_values=None if reason else comparison.p_values(values),
            reason=reason,
        )

    def leaves(self, cell: CellValue) -> list[Leaf]:
        """The cell, or the cells that it is derived from."""
        metric = self.metric_of(cell)
        if isinstance(metric, Derived):
            sources = [CellValue(cell.row, key) for key in metric.columns]
            return [leaf for source in sources for leaf in self.leaves(source)]
        if isinstance(cell.counted, Computed):
            paper_runs = (c.paper_run for c in self.table.cells(rows=[cell.row]) if c.column.key == cell.column)
            counted = cell.counted
            values = [computed(counted.name, counted.of, run) for run in paper_runs if run is not None]
            return [Leaf(cell, metric, value, False, None, {}) for value in values]
        found = next(c for c in self.rows[cell.row].cells if c.column == cell.column)
        if found.state == "quoted":
            return [Leaf(cell, metric, found.printed, True, None, {})]
        tests = {r.seed: r.metrics for r in found.seeds if r.metrics is not None and r.value is not None}
        values = {r.seed: r.value for r in found.seeds if r.value is not None}
        state = "not run" if found.state == "derived" else found.state
        return [Leaf(cell, metric, found.value, False, found.conditions, tests, found.repeats, values, state)]

    def metric_of(self, cell: CellValue) -> Metric:
        return cell.counted or self.table.find_row(cell.row).metric_of(self.columns[cell.column])

    def values_of(self, expressions: tuple[Expression, ...], samples: Mapping[CellValue, Samples]) -> list[Samples]:
        """Values (R,) of expressions for samples (R,) of the leaves."""

        def read(cell: CellValue) -> Samples:
            metric = self.metric_of(cell)
            if isinstance(metric, Derived):
                sources = [read(CellValue(cell.row, key)) for key in metric.columns]
                return np.array([metric.of(list(values)) for values in zip(*sources, strict=True)])
            return samples[cell]

        return [np.asarray(expression.of(read), float) for expression in expressions]


def drawn(leaves: list[Leaf], seeds: list[int]) -> Draws:
    """Resampled accuracies; without any, all combinations of the values that exact costs and repeated times allow.

    Raises:
        UndecidableError: if results lack the correct items, are of different data, tests or conditions, or are too few.
    """
    constants = {leaf.cell: leaf.values(seeds) for leaf in leaves if leaf.is_time or not leaf.tests}
    if len(constants) == len(leaves):
        if len({condition for leaf in leaves for condition in leaf.all_conditions(seeds)}) > 1:
            raise UndecidableError("measured under different conditions")
        if any(leaf.is_time and len(leaf.values(seeds)) < REPEATS for leaf in leaves):
            raise UndecidableError(f"a time needs {REPEATS} repeats")
        corners = itertools.product(*(sorted({min(values), max(values)}) for values in constants.values()))
        return Draws(dict(zip(constants, np.array(list(corners), float).T, strict=True)), ())
    tested = [leaf for leaf in leaves if leaf.cell not in constants]
    found = {leaf.cell: leaf.correct(seeds) for leaf in tested}
    tests = {cell: correct for cell, correct in found.items() if correct is not None}
    if len(tests) < len(found):
        raise UndecidableError("results do not tell the correct items")
    items = {test.data: len(test.correct[0]) for test in tests.values()}
    if len(set().union(*(leaf.protocols(seeds) for leaf in tested))) > len(items):
        raise UndecidableError("tests of different items or views")
    for part in ("train", "test"):
        if len(set().union(*(leaf.data(part, seeds) for leaf in tested))) > len(items):
            raise UndecidableError("trained or tested on different data")
    fixed = {cell: np.full(RESAMPLES, values[0]) for cell, values in constants.items()}
    return Draws({**fixed, **resampled(tests)}, tuple(sorted(items.items())))
