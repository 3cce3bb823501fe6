"""Values measured here for the comparisons of claims, and their uncertainty.

Accuracies are resampled over test items and seeds, quoted ones over the official test set of their data. Counted costs
and memory are exact. Times have the range of their repeats.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from experiments.spec.claims import CellValue, Comparison, Margins
from experiments.spec.metrics import ACCURACIES, Computed, Derived, Metric, OfTraining
from experiments.spec.scales import Scale
from experiments.spec.table import Table, Value
from reports.claims.resampling import RESAMPLES, CorrectItems, p_values, quoted_accuracy, resampled
from reports.claims.verdicts import Judgement
from reports.pages.chance import SEED_DEVIATION, near_chance
from reports.pages.report import ReportCell, ReportRow, SeedResult
from runner.measure.computed_values import computed
from runner.store.records import TestRecord

MOST_NAMED = 2  # cells that a reason names
REPEATS = 5  # smallest number of repeats of a time

Samples = Mapping[CellValue, NDArray[np.float64]]  # (R,) each
Items = tuple[tuple[str, int], ...]  # number of resampled test items by data set


@dataclass(frozen=True)
class Leaf:
    """A cell that is not derived, with its cell of the report, unless it is another metric of the run."""

    cell: CellValue
    value: Value
    found: ReportCell | None = None
    quoted_items: int | None = None
    """Number of items of the official test set of a quoted accuracy."""

    @cached_property
    def tests(self) -> dict[int, SeedResult]:
        found = self.found.by_seed if self.found is not None else {}
        return {seed: one for seed, one in found.items() if one.test is not None and one.value is not None}

    @cached_property
    def repeats(self) -> tuple[float, ...]:
        return self.found.repeats if self.found is not None else ()

    @property
    def is_quoted(self) -> bool:
        return self.found is not None and self.found.state == "quoted"

    @property
    def is_time(self) -> bool:
        """Whether the value is the cost of a training made here, or has repeats."""
        is_of_training = self.found is not None and isinstance(self.found.metric, OfTraining)
        return bool(self.repeats) or (is_of_training and bool(self.tests))

    @property
    def is_exact(self) -> bool:
        return not self.is_time and not self.tests and self.quoted_items is None

    def values(self, seeds: list[int]) -> list[float]:
        """Values of the repeats or of the tests with these seeds, or the only value."""
        return list(self.repeats) or self.of_seeds(seeds)

    def of_seeds(self, seeds: list[int]) -> list[float]:
        """Values of the tests with these seeds, or the only value."""
        return [self.tests[seed].value or 0.0 for seed in seeds] if self.tests else [float(self.value or 0)]

    def records(self, seeds: list[int]) -> list[TestRecord]:
        return [test.record for seed in seeds if (test := self.tests[seed].test) is not None]

    def correct(self, seeds: list[int]) -> CorrectItems:
        """Correct items of the tests with these seeds.

        Raises:
            UndecidableError: if a result does not contain them.
        """
        records, metric = self.records(seeds), self.found.metric.name if self.found is not None else ""
        masks = [record.hits.mask(metric) if record.hits is not None else None for record in records]
        if any(mask is None for mask in masks):
            raise UndecidableError("results do not tell the correct items")
        return CorrectItems(records[0].data.name, tuple(mask for mask in masks if mask is not None))

    def conditions(self, seeds: list[int]) -> set[str]:
        """Conditions of a measurement, or devices of trainings."""
        if self.is_time and self.tests:
            return {session.hardware for record in self.records(seeds) for session in record.trained_by}
        return {self.found.conditions} if self.found is not None and self.found.conditions else set()


class UndecidableError(Exception):
    """Values do not decide a comparison, for the reason in the message."""


def few(names: Sequence[str]) -> str:
    """First names, and the number of the others."""
    others = len(names) - MOST_NAMED
    return ", ".join(names) if others <= 1 else f"{', '.join(names[:MOST_NAMED])} and {others} others"


class Measurements:
    """Values of a table that were measured here, from all its rows with, at least, the columns of its claims."""

    def __init__(self, table: Table, scale: Scale, rows: Iterable[ReportRow]) -> None:
        self.table, self.scale = table, scale
        self.columns = {column.key: column for column in table.columns}
        self.rows = {row.row.key: row for row in rows}

    def judgement(self, comparison: Comparison, *, real_data: bool) -> Judgement:
        """Values and p-values of a comparison, or the reason why there are none. The verdict is open.

        Args:
            real_data: whether only models on real data can decide it.
        """
        leaves = list({leaf.cell: leaf for cell in comparison.cells for leaf in self.leaves(cell)}.values())
        is_text = any(isinstance(leaf.value, str) for leaf in leaves)
        judged = partial(Judgement, comparison=comparison)
        if never := "" if is_text else never_decided(comparison, leaves):
            return judged(verdict="never", reason=never)
        rests_on_test = any(self.table.rests_on_test(self.metric_of(cell)) for cell in comparison.cells)
        if self.scale.on_cpu and (real_data or rests_on_test):
            runs = [one.run for row in self.rows.values() for cell in row.cells for one in cell.seeds]
            is_generated = any(run.data.dataset.reads_stand_in for run in runs)
            return judged(verdict="not judged", reason="generated data" if is_generated else "small models")
        is_smaller = rests_on_test and not self.scale.comparable
        if is_smaller and any(leaf.is_quoted for leaf in leaves):
            return judged(verdict="not judged", reason="quoted models are of the paper's size")
        if missing := [leaf for leaf in leaves if leaf.value is None]:
            by_state: dict[str, list[str]] = {}
            for leaf in missing:
                by_state.setdefault(leaf.found.state if leaf.found else "not run", []).append(str(leaf.cell))
            return judged(reason="; ".join(f"{state}: {few(names)}" for state, names in by_state.items()))
        if is_text:
            texts: dict = {leaf.cell: leaf.value for leaf in leaves}
            return judged(p_values=p_values(comparison, comparison.on(texts.__getitem__)))
        tested = [leaf for leaf in leaves if leaf.tests]
        seeds = sorted(set.intersection(*(set(leaf.tests) for leaf in tested))) if tested else []
        # One, if no seed has an effect on any.
        seeds = seeds[: max((len({one.run for one in leaf.tests.values()}) for leaf in tested), default=0)]
        if tested and not seeds:
            return judged(reason="no seed that all rows have finished")
        points = {leaf.cell: np.array([float(np.mean(leaf.of_seeds(seeds)))]) for leaf in leaves}
        shown = tuple(float(np.ravel(number)[0]) for number in self.margins(comparison, points).shown)
        judged = partial(judged, margins=shown, num_seeds=len(seeds))
        try:
            samples, items = drawn(leaves, seeds)
        except UndecidableError as problem:
            return judged(reason=str(problem))
        if is_smaller and len(seeds) == 1:
            samples = with_seeds(samples, tested, seeds)
        margins = self.margins(comparison, samples)
        low, high = np.percentile(np.asarray(sum(margins.shown), float), [2.5, 97.5])
        near = [
            str(leaf.cell)
            for leaf in tested
            if any(near_chance(record, self.metric_of(leaf.cell)) for record in leaf.records(seeds))
        ]
        is_open = is_smaller and comparison.states_size
        reason = f"near chance: {few(near)}" if near else "a size, of smaller models" if is_open else ""
        return judged(
            interval=(float(low), float(high)) if low < high else None,
            items=items,
            p_values=None if reason else p_values(comparison, margins),
            reason=reason,
        )

    def leaves(self, cell: CellValue) -> list[Leaf]:
        """The cell, or the cells that it is derived from."""
        metric = self.metric_of(cell)
        if isinstance(metric, Derived):
            sources = [CellValue(cell.row, key) for key in metric.columns]
            return [leaf for source in sources for leaf in self.leaves(source)]
        if isinstance(cell.counted, Computed):
            counted = partial(computed, cell.counted.name, cell.counted.of)
            cells = (c for c in self.table.cells(rows=[cell.row]) if c.column.key == cell.column)
            return [Leaf(cell, counted(one.paper_run)) for one in cells if one.paper_run is not None]
        found = next(c for c in self.rows[cell.row].cells if c.column.key == cell.column)
        if found.state != "quoted":
            return [Leaf(cell, found.value, found)]
        base = found.column.base if metric in ACCURACIES else None
        return [Leaf(cell, found.printed, found, base.data.dataset.official_size("test") if base is not None else None)]

    def metric_of(self, cell: CellValue) -> Metric:
        return cell.counted or self.table.find_row(cell.row).metric_of(self.columns[cell.column])

    def margins(self, comparison: Comparison, samples: Samples) -> Margins:
        """Margins (R,) of a comparison for samples of the leaves."""

        def read(cell: CellValue) -> NDArray[np.float64]:
            metric = self.metric_of(cell)
            if isinstance(metric, Derived):
                sources = [read(CellValue(cell.row, key)) for key in metric.columns]
                return np.array([metric.of(list(values)) for values in zip(*sources, strict=True)])
            return samples[cell]

        return comparison.on(read)


def with_seeds(samples: Samples, tested: list[Leaf], seeds: list[int]) -> Samples:
    """Samples of accuracies with the assumed deviation of a training, which one seed does not tell."""
    rng = np.random.default_rng(1)
    train_ids = {leaf.cell: leaf.records(seeds)[0].train_id for leaf in tested if not leaf.is_time}
    # Tests of one model deviate together.
    noise = {train_id: rng.normal(0, SEED_DEVIATION, RESAMPLES) for train_id in dict.fromkeys(train_ids.values())}
    return {**samples, **{cell: samples[cell] + noise[train_id] for cell, train_id in train_ids.items()}}


def never_decided(comparison: Comparison, leaves: list[Leaf]) -> str:
    """Why no run can ever decide a comparison; empty if one can."""
    if not comparison.has_bound:
        return "no bound is printed"
    quoted = [leaf for leaf in leaves if leaf.is_quoted]
    if len(quoted) == len(leaves):
        return "quoted alone"
    return "quoted without error" if any(leaf.quoted_items is None for leaf in quoted) else ""


def drawn(leaves: list[Leaf], seeds: list[int]) -> tuple[Samples, Items]:
    """Resampled accuracies; without any, all combinations of the values that exact costs and repeated times allow.

    Raises:
        UndecidableError: if results lack the correct items, are of different data, tests or conditions, or are too few.
    """
    constants = {leaf.cell: leaf.values(seeds) for leaf in leaves if leaf.is_time or leaf.is_exact}
    if len(constants) == len(leaves):
        if len({condition for leaf in leaves for condition in leaf.conditions(seeds)}) > 1:
            raise UndecidableError("measured under different conditions")
        if any(leaf.is_time and len(leaf.values(seeds)) < REPEATS for leaf in leaves):
            raise UndecidableError(f"a time needs {REPEATS} repeats")
        corners = itertools.product(*(sorted({min(values), max(values)}) for values in constants.values()))
        return dict(zip(constants, np.array(list(corners), float).T, strict=True)), ()
    tests = {leaf.cell: leaf.correct(seeds) for leaf in leaves if leaf.tests and not leaf.is_time}
    items = {test.data: len(test.correct[0]) for test in tests.values()}
    records = [record for leaf in leaves if leaf.cell in tests for record in leaf.records(seeds)]
    is_one_model = len({record.train_id for record in records}) <= len(seeds)  # tests of one model differ in views
    protocols = {
        (record.data.name, record.hits and record.hits.ids, *(() if is_one_model else (record.views, record.crops)))
        for record in records
    }
    if len(protocols) > len(items):
        raise UndecidableError("tests of different items or views")
    trained = {(record.data.name, record.data.train) for record in records if record.data.train is not None}
    tested = {(record.data.name, record.data.test) for record in records if record.data.test is not None}
    if max(len(trained), len(tested)) > len(items):
        raise UndecidableError("trained or tested on different data")
    quoted = (leaf for leaf in leaves if leaf.quoted_items is not None)
    samples = {leaf.cell: quoted_accuracy(float(leaf.value or 0), leaf.quoted_items or 0, number)
               for number, leaf in enumerate(quoted)}  # fmt: skip
    fixed = {cell: np.full(RESAMPLES, values[0]) for cell, values in constants.items()}
    return {**fixed, **samples, **resampled(tests)}, tuple(sorted(items.items()))
