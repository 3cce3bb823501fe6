"""Paired resampling of test items and seeds: joint distribution of the accuracies of several tests.

Every resample draws items with replacement, the same for all tests of a data set, and then seeds, the same for all
tests (paired bootstrap; Koehn 2004, https://aclanthology.org/W04-3250). Items with the same outcome in all tests are
exchangeable, so the draws are multinomial over distinct outcomes.

To each data set, one item per test is added that this test alone gets right. For two tests, this is the adjustment of
Bonett and Price (2012, https://doi.org/10.3102/1076998611411915): tests that agree on all items have an interval too.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from experiments.spec.claims import Comparison, Margins
from reports.claims.verdicts import PValues

RESAMPLES = 10_000
DRAWS_AT_ONCE = 2_000_000  # numbers of a multinomial draw that are held in memory
LEVEL = 0.05

Key = TypeVar("Key")


class CorrectItems(NamedTuple):
    """Masks (items,) of the correct items of a test, one for each seed. `data` names the data set."""

    data: str
    correct: tuple[NDArray[np.bool_], ...]


def resampled(tests: Mapping[Key, CorrectItems]) -> dict[Key, NDArray[np.float64]]:
    """Accuracies (R,) in percent of each test, over joint resamples. All tests have the same number of seeds."""
    rng = np.random.default_rng(0)
    (num_seeds,) = {len(test.correct) for test in tests.values()}
    seeds = rng.integers(num_seeds, size=(RESAMPLES, num_seeds))
    accuracies: dict[Key, NDArray[np.float64]] = {}
    for data in sorted({test.data for test in tests.values()}):
        names = [name for name, test in tests.items() if test.data == data]
        columns = np.stack([mask for name in names for mask in tests[name].correct], axis=1)  # (items, tests * seeds)
        by_test = _resampled_columns(rng, columns).reshape(RESAMPLES, len(names), num_seeds)
        for index, name in enumerate(names):
            accuracies[name] = np.take_along_axis(by_test[:, index], seeds, axis=1).mean(1)
    return accuracies


def _resampled_columns(rng: np.random.Generator, columns: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Means (R, columns) in percent of columns (items, columns) over resamples of the items."""
    columns = np.concatenate([columns, np.eye(columns.shape[1], dtype=bool)])
    outcomes, counts = np.unique(columns, axis=0, return_counts=True)
    num_items, at_once = len(columns), max(1, DRAWS_AT_ONCE // len(outcomes))
    parts = [
        rng.multinomial(num_items, counts / num_items, size=min(at_once, RESAMPLES - start)) @ outcomes
        for start in range(0, RESAMPLES, at_once)
    ]
    return (np.concatenate(parts) * (100 / num_items)).astype(np.float64)


def quoted_accuracy(percent: float, num_items: int, number: int) -> NDArray[np.float64]:
    """Accuracies (R,) in percent of the `number`-th quoted model of a comparison on other draws of a test set."""
    rng = np.random.default_rng((1, number))
    return np.asarray(rng.binomial(num_items, percent / 100, size=RESAMPLES) * (100 / num_items), np.float64)


def p_values(comparison: Comparison, margins: Margins) -> PValues:
    """P-values from margins (R,) of resamples, or of all values that an exact measurement allows."""
    holds = np.asarray(margins.margin) >= 0 if comparison.holds_at_zero else np.asarray(margins.margin) > 0
    share = float(np.mean(holds))
    steps = len(margins.guards) if comparison.is_trend else 1  # one of several may be reversed by chance
    refute = min(1.0, 2 * share, *(2 * steps * float(np.mean(np.asarray(guard) >= 0)) for guard in margins.guards))
    support = min(1.0, (1 if comparison.is_equality else 2) * (1 - share))
    return PValues(1.0 if refute <= LEVEL else support, refute)


def holm(p_values: list[float]) -> list[bool]:
    """Whether each p-value is significant jointly with the others (Holm 1979)."""
    significant = [False] * len(p_values)
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for place, index in enumerate(order):
        if p_values[index] > LEVEL / (len(p_values) - place):
            break
        significant[index] = True
    return significant
