"""Marks of cells: measured on other data, or under other conditions, than most; and the best of their column."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from experiments.spec.metrics import Derived
from experiments.spec.run import RunConfig
from experiments.spec.table import Table
from reports.pages.report import ReportCell, ReportRow, SeedResult, quoted_numbers
from runner.store.records import DataRecord

SHOWN_DIGITS = 8  # of a fingerprint
OLD_PART = "ids and labels"  # of the data in a result; newer results have others, which contain it
TRAIN, PARENTS = "trained on", "started from weights trained on"

Place = tuple[str, str]  # keys of row and column
TestOfCell = tuple[Place, SeedResult, DataRecord]


def marked(rows: Sequence[ReportRow], table: Table, *, small: bool) -> tuple[ReportRow, ...]:
    """Rows with marked cells. No value tested at a small scale is the best of its column."""
    others, columns = _on_other_copies([cell for row in rows for cell in row.cells]), []
    for cells in zip(*(row.cells for row in rows), strict=True):
        usual = _most(cell.conditions for cell in cells)
        found = [
            replace(cell, other_data=_place(cell) in others or cell.conditions not in (None, usual)) for cell in cells
        ]
        comparable = not (small and table.rests_on_test(cells[0].column.metric))
        columns.append(_with_best(found) if comparable else found)
    return tuple(replace(row, cells=cells) for row, cells in zip(rows, zip(*columns, strict=True), strict=True))


def _place(cell: ReportCell) -> Place:
    return cell.row.key, cell.column.key


def _with_best(cells: list[ReportCell]) -> list[ReportCell]:
    """Column with the best values of ours marked, including ties after rounding. A single value is not marked.

    A value is best if no quoted value of its column is better. Values measured on other data do not count, nor do rows
    with a metric of their own. None is marked if more than two, and more than half, of the values are equally good.
    """
    column = cells[0].column
    ours = {
        index: column.form.rounded(cell.value)
        for index, cell in enumerate(cells)
        if isinstance(cell.value, int | float) and not (cell.row.quoted or cell.row.metric or cell.other_data)
    }
    rounded = [*ours.values(), *map(column.form.rounded, quoted_numbers(cells))]
    if column.best is None or not ours or len(rounded) < 2:
        return cells
    best = max(rounded) if column.best == "max" else min(rounded)
    if rounded.count(best) > max(2, len(rounded) // 2):
        return cells
    return [replace(cell, best=ours.get(index) == best) for index, cell in enumerate(cells)]


def _most(conditions: Iterable[str | None]) -> str | None:
    """Conditions that more cells have than any other ones; None if there are none."""
    counts = [*Counter(filter(None, conditions)).most_common(2), (None, 0), (None, 0)]
    return counts[0][0] if counts[0][1] > counts[1][1] else None


def _on_other_copies(cells: list[ReportCell]) -> set[Place]:
    """Cells measured on, or derived from, another copy of a data set than most results of it."""
    by_dataset: dict[Hashable, list[TestOfCell]] = {}
    for cell in cells:
        for result in cell.seeds:
            if result.test is not None:
                by_dataset.setdefault(result.run.data.dataset, []).append(
                    (_place(cell), result, result.test.record.data)
                )
    differing = {place for tests in by_dataset.values() for place in _unusual(tests)}
    found = set()
    for cell in cells:
        sources = cell.metric.columns if isinstance(cell.metric, Derived) else (cell.column.key,)
        if any((cell.row.key, key) in differing for key in sources):
            found.add(_place(cell))
    return found


def _unusual(tests: list[TestOfCell]) -> Iterator[Place]:
    """Tests of one data set in which a part of the data differs from that of most.

    Data of parents are compared if the parents' data sets are the same.
    """
    without = set() if any(data.test is None for _, _, data in tests) else {OLD_PART}
    for part in {part: None for _, _, data in tests for part in data_parts(data)}.keys() - without:
        peers: dict[Hashable, list[TestOfCell]] = {}
        for test in tests:
            peers.setdefault(_parents(test[1].run) if part == PARENTS else None, []).append(test)
        for several in peers.values():
            texts = [data_parts(data).get(part) for _, _, data in several]
            usual = Counter(filter(None, texts)).most_common(1)
            for (place, result, _), text in zip(several, texts, strict=True):
                is_lost = text is None and part == TRAIN and _trained_here(result)
                if usual and (is_lost or text not in (None, usual[0][0])):
                    yield place


def _parents(run: RunConfig) -> tuple[Hashable, ...]:
    """Data sets of the parents of a run and of theirs, by the parts of the model that they initialise."""
    return tuple((parent.name, parent.run.data.dataset, _parents(parent.run)) for parent in run.parents)


def _trained_here(result: SeedResult) -> bool:
    """Whether the record should have the data of a training. Early ones lack it."""
    recorded = result.test is not None and result.test.record.data.test is not None
    return recorded and result.run.optim is not None and not result.released


def copy_text(data: DataRecord) -> str:
    """Copy of a data set: numbers of items, fingerprints of annotations and of file sizes."""
    parts = [f"{part} {text}" for part, text in data_parts(data).items() if part != OLD_PART or data.test is None]
    return f"{data.name} {', '.join(parts)}"


def data_parts(data: DataRecord) -> dict[str, str]:
    """Parts of the record of data, as texts of what can be compared."""
    parts = {OLD_PART: data.fingerprint[:SHOWN_DIGITS]}
    for part, split in ((TRAIN, data.train), ("tested on", data.test)):
        if split is not None:
            hashes = " / ".join(text[:SHOWN_DIGITS] for text in (split.annotations, split.files) if text is not None)
            parts[part] = f"{split.items} ({hashes}{f', {split.missing} missing' if split.missing else ''})"
    if data.parents:
        parts[PARENTS] = ", ".join(f"{name} {text[:SHOWN_DIGITS]}" for name, text in sorted(data.parents.items()))
    return parts
