"""Copies of data sets: which cells were measured on another copy than most, and how a copy is named."""

from collections import Counter
from collections.abc import Hashable, Iterator

from experiments.spec.metrics import Derived
from experiments.spec.run import RunConfig
from reports.pages.report import ReportCell, SeedResult
from runner.store.records import DataRecord

SHOWN_DIGITS = 8  # of a fingerprint
OLD_PART = "ids and labels"  # of the data in a result; newer results have others, which contain it
TRAIN, PARENTS = "trained on", "started from weights trained on"

Place = tuple[str, str]  # keys of row and column
TestOfCell = tuple[Place, SeedResult, DataRecord]


def on_other_copies(cells: list[ReportCell]) -> set[Place]:
    """Cells measured on, or derived from, another copy of a data set than most results of it."""
    by_dataset: dict[Hashable, list[TestOfCell]] = {}
    for cell in cells:
        for result in cell.seeds:
            if result.test is not None:
                by_dataset.setdefault(result.run.data.dataset, []).append(
                    ((cell.row.key, cell.column.key), result, result.test.record.data)
                )
    differing = {place for tests in by_dataset.values() for place in _unusual(tests)}
    found = set()
    for cell in cells:
        sources = cell.metric.columns if isinstance(cell.metric, Derived) else (cell.column.key,)
        if any((cell.row.key, key) in differing for key in sources):
            found.add((cell.row.key, cell.column.key))
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
    """Copy of a data set: numbers of items, fingerprints of annotations and of file sizes, and what its videos are."""
    parts = [f"{part} {text}" for part, text in data_parts(data).items() if part != OLD_PART or data.test is None]
    parts += [f"copy: {data.copy}"] if data.copy else []
    parts += [f"trained on another copy: {data.training_copy}"] if data.training_copy else []
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
