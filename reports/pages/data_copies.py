"""Copies of data sets that results were measured on, and the results on another copy than most."""

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

from msgspec import to_builtins

from experiments.spec.run import RunConfig
from runner.store.records import TestRecord

# Parts of the record of the data in a result, with their texts. Older results have the first part only.
PARTS = {
    "fingerprint": "ids and labels",
    "train": "trained on",
    "test": "tested on",
    "parents": "started from weights trained on",
}
SHOWN_DIGITS = 8  # of a fingerprint


class Measured(NamedTuple):
    """Result of a test with its run, and the keys of the row and the column that show it."""

    row: str
    column: str
    run: RunConfig
    result: TestRecord

    @property
    def data(self) -> dict:
        return to_builtins(self.result.data)


def copy_text(data: dict) -> str:
    """Copy of a data set in the record of a result: numbers of items, fingerprints of annotations and of file sizes."""
    parts = [f"{PARTS[part]} {text}" for part in PARTS if (text := part_text(data.get(part))) is not None]
    return f"{data['name']} {', '.join(parts[1:] if 'test' in data else parts)}"


def part_text(part: object) -> str | None:
    """Part of a record as text: number of items and fingerprints, or fingerprints by name. None stays None."""
    if part is None:
        return None
    if isinstance(part, str):
        return part[:SHOWN_DIGITS]
    if not isinstance(part, dict):
        return json.dumps(part)
    if "items" not in part:
        return ", ".join(f"{name} {str(value)[:SHOWN_DIGITS]}" for name, value in sorted(part.items())) or None
    hashes = [str(part[name])[:SHOWN_DIGITS] for name in ("annotations", "files") if part.get(name) is not None]
    missing = f", {part['missing']} missing" if part.get("missing") else ""
    return f"{part['items']} ({' / '.join(hashes)}{missing})"


def on_other_copies(results: Iterable[Measured]) -> set[tuple[str, str]]:
    """Rows and columns of the results on another copy than most results of the same data set."""
    by_dataset: dict[Hashable, list[Measured]] = {}
    for measured in results:
        by_dataset.setdefault(measured.run.data.dataset, []).append(measured)
    return {
        (measured.row, measured.column)
        for group in by_dataset.values()
        for part, peers in _compared(group)
        for measured in _unusual(part, peers)
    }


def _compared(group: list[Measured]) -> Iterator[tuple[str, list[Measured]]]:
    """Parts of the record of the data, each with results of one data set that are compared in it.

    `fingerprint` is contained in the other parts. Data of parents are compared if the parents' data sets are the same.
    """
    records = [measured.data for measured in group]
    present = {part for record in records for part in record}
    if all("test" in record for record in records):
        present -= {"fingerprint"}
    for part in (part for part in PARTS if part in present):
        peers: dict[Hashable, list[Measured]] = {}
        for measured in group:
            peers.setdefault(_parents(measured.run) if part == "parents" else None, []).append(measured)
        yield from ((part, several) for several in peers.values())


def _unusual(part: str, peers: list[Measured]) -> Iterator[Measured]:
    """Results in which a part of the data differs from that of most. A training without a record of it differs."""
    texts = [part_text(measured.data.get(part)) for measured in peers]
    recorded = Counter(text for text in texts if text is not None).most_common(1)
    for measured, text in zip(peers, texts, strict=True):
        is_lost = text is None and part == "train" and _trained_here(measured)
        if recorded and (is_lost or text not in (None, recorded[0][0])):
            yield measured


def _parents(run: RunConfig) -> tuple[Hashable, ...]:
    """Data sets of the parents of a run and of theirs, by the parts of the model that they initialise."""
    return tuple((parent.name, parent.run.data.dataset, _parents(parent.run)) for parent in run.parents)


def _trained_here(measured: Measured) -> bool:
    result = measured.result
    return result.data.test is not None and measured.run.optim is not None and result.released_weights is None
