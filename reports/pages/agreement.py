"""Agreement of tests: of released weights with printed values, and of results with those that others made again."""

import math
from collections.abc import Sequence
from itertools import compress
from typing import NamedTuple

from experiments.spec.metrics import ACCURACIES, Measured, Metric
from experiments.spec.number_formats import value_text
from experiments.spec.table import Table
from reports.pages.report import Report, ReportCell, SeedResult
from reports.pages.table_texts import cell_name
from runner.store.published import item_ids
from runner.store.records import READABLE
from runner.store.store import StoredTest

SIGMAS = 1.96  # 95 % of a normal distribution
NUM_NAMED = 3  # items in a sentence
OTHERWISE = "answered otherwise"

Answers = dict[str | int, bool]  # whether an item was answered correctly, by its id or its number


def comparisons(table: Table, cells: Sequence[ReportCell]) -> list[str]:
    """Sentences on tests of released weights, then on tests, then on measurements that others made again."""
    results = [(cell, result) for cell in cells for result in cell.seeds]
    texts = [(cell, _agreement(cell, result)) for cell, result in results]
    texts += [(cell, _verdicts(compared(cell.metric, result))) for cell, result in results]
    texts += [(cell, _other_values(cell)) for cell in cells]
    return [f"{cell_name(table, cell.row, cell.column)}: {text}" for cell, text in texts if text]


def _agreement(cell: ReportCell, result: SeedResult) -> str:
    """Difference of released weights from the printed value, compared with the sampling error if it is an accuracy.

    Empty for other tests.
    """
    test, ours, printed = result.test, cell.value, cell.printed
    if not (result.released and test is not None and isinstance(ours, float) and isinstance(printed, int | float)):
        return ""
    text = f"released weights {ours - printed:+.2f} from the printed {value_text(printed, cell.form)}"
    videos, dataset, copy = test.record.videos, result.run.data.dataset, test.record.data.copy
    if cell.metric in ACCURACIES:
        error = sampling_error(printed, videos.evaluated)
        verdict = "within" if abs(ours - printed) <= error else "more than"
        text += f", {verdict} the sampling error of {error:.2f} (95 %)"
    official = dataset.official_size("test")
    text += f"; {videos.evaluated:,}" + (f" of {official:,}" if official is not None else "")
    text += f" {dataset.unit} tested, {videos.missing:,} missing, {videos.failed:,} unreadable"
    return text + (f"; copy: {copy}" if copy else "")


def sampling_error(percent: float, num_items: int) -> float:
    """Half-width in points of the 95 % interval of an accuracy on other draws of the test items."""
    share = percent / 100
    return 100 * SIGMAS * math.sqrt(share * (1 - share) / num_items) if num_items else math.inf


class Comparison(NamedTuple):
    """Another test beside the one that is shown.

    `difference`: of the metric. `counts`: what was compared, in words. `items`: known ids of those that differ, by how
    they do.
    """

    difference: float
    agrees: bool
    counts: str
    items: dict[str, list[str]]


def compared_json(report: Report) -> list[dict[str, object]]:
    return [
        {"row": cell.row.key, "column": cell.column.key, "seed": result.run.seed, "by": name, **found._asdict()}
        for cell in report.cells
        for result in cell.seeds
        for name, found in compared(cell.metric, result).items()
    ]


def _other_values(cell: ReportCell) -> str:
    """Values of those who made a measurement again, with the conditions; empty without any."""
    metric, run = cell.metric, cell.cell.paper_run
    if not (isinstance(metric, Measured) and run is not None and cell.other_measurements):
        return ""
    records = {name: one.record for name, one in cell.other_measurements.items()}
    texts = [
        f"{name} {value_text(metric.value(record, run), cell.form) or 'too large'} ({metric.conditions_of(record)})"
        for name, record in records.items()
    ]
    return f"measured again by {'; '.join(texts)}"


def _verdicts(found: dict[str, Comparison]) -> str:
    """Who confirms the value of a test, and who does not; empty without any."""
    by_verdict: dict[str, list[str]] = {}
    for name, one in found.items():
        verdict = "confirmed by" if one.agrees else "more than its error from"
        by_verdict.setdefault(verdict, []).append(f"{name} {one.difference:+.2f}, {one.counts}")
    text = "; ".join(f"{verdict} {len(texts)}: {'; '.join(texts)}" for verdict, texts in by_verdict.items())
    is_cut = any(len(names) > NUM_NAMED for one in found.values() for names in one.items.values())
    return f"{text}; `report --json` names all" if is_cut else text


def compared(metric: Metric, result: SeedResult) -> dict[str, Comparison]:
    """Comparisons of the shown test with each test by others, by their names."""
    shown = result.test
    if shown is None or metric.name not in shown.record.metrics:
        return {}
    return {name: _compared(metric, shown, other) for name, other in result.others.items()}


def _compared(metric: Metric, shown: StoredTest, other: StoredTest) -> Comparison:
    """Comparison item by item or, if the items of other lists are not known, within both sampling errors."""
    first, second = shown.record, other.record
    difference = second.metrics[metric.name] - first.metrics[metric.name]
    if (answers := _answers(metric, shown, other)) is not None:
        return _by_items(difference, *answers)
    tested = f"{second.videos.evaluated:,} tested"
    if metric in ACCURACIES:
        errors = (sampling_error(record.metrics[metric.name], record.videos.evaluated) for record in (first, second))
        is_within = abs(difference) <= math.hypot(*errors)
    else:
        is_within = difference == 0
    on_trust = second.hits is None or second.hits.mask(metric.name) is None
    return Comparison(difference, is_within, tested + (", taken on trust" if on_trust else ""), {})


def _by_items(difference: float, first: Answers, second: Answers) -> Comparison:
    """Comparison of the items that both tests could read.

    Those answered otherwise give the error (McNemar 1947, https://doi.org/10.1007/BF02295996).
    """
    common = [item for item in first if item in second]
    items = {
        OTHERWISE: [item for item in common if first[item] != second[item]],
        "tested by the first alone": [item for item in first if item not in second],
        "tested by the other alone": [item for item in second if item not in first],
    }
    gained = sum(second[item] - first[item] for item in items[OTHERWISE])
    error = SIGMAS * math.sqrt(len(items[OTHERWISE]))
    counts = {kind: f"{len(of_kind):,} {kind}" for kind, of_kind in items.items() if of_kind}
    counts[OTHERWISE] = f"{len(items[OTHERWISE]):,} of {len(common):,} {OTHERWISE}"
    named = {kind: [item for item in of_kind if isinstance(item, str)] for kind, of_kind in items.items()}
    texts = (counts[kind] + _names(names) for kind, names in named.items() if kind in counts)
    return Comparison(difference, abs(gained) <= error, ", ".join(texts), named)


def _names(names: list[str]) -> str:
    if not names:
        return ""
    return f" ({', '.join(names[:NUM_NAMED])}{', …' if len(names) > NUM_NAMED else ''})"


def _answers(metric: Metric, *tests: StoredTest) -> list[Answers] | None:
    """Whether each item that a test could read was answered correctly, for each test, by its id.

    Items of the same list are told by their numbers if their ids are not known. None if items cannot be matched.
    """
    hits = [test.record.hits for test in tests]
    ids = [item_ids(test) for test in tests]
    if len({one and one.ids for one in hits}) == 1 and hits[0] is not None:
        ids = [next(filter(None, ids), range(hits[0].items))] * len(tests)
    found = []
    for one, names in zip(hits, ids, strict=True):
        if one is None or (correct := one.mask(metric.name)) is None or not names:
            return None
        readable = one.mask(READABLE)
        answers = dict(zip(names, correct.tolist(), strict=True))
        found.append(answers if readable is None else dict(compress(answers.items(), readable)))
    return found
