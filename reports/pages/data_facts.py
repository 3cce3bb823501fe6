"""Data of the results of a report: their fingerprints, cells that were measured on other data, and official sizes."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from experiments.spec.run import RunConfig
from reports.pages.footer import Result
from reports.pages.layout import OTHER_DATA_SIGN

# Parts of the record of the data in metrics, with their texts. Older results have the first part only.
PARTS = {
    "fingerprint": "ids and labels",
    "train": "trained on",
    "test": "tested on",
    "parents": "started from weights trained on",
}
MOST_NAMED = 5  # cells that a sentence names
SHOWN_DIGITS = 8  # of a fingerprint


class DataFacts(NamedTuple):
    """Facts about the data of results.

    Args:
        fingerprints: text for each data set.
        deviations: sentences on the results that were measured on other data than most.
        cells: names of the cells with such results.
        official_sizes: numbers of items of the published test splits, by data set.
    """

    fingerprints: tuple[str, ...]
    deviations: tuple[str, ...]
    cells: frozenset[str]
    official_sizes: dict[str, int]


def data_facts(results: Iterable[Result], runs: Mapping[str, RunConfig]) -> DataFacts:
    """Facts about the data of results. Results are compared if their runs have the same config of the data set.

    Args:
        runs: runs by `train_id`.
    """
    by_dataset: dict[object, list[Result]] = {}
    for result in results:
        by_dataset.setdefault(runs[result.train_id].data.dataset, []).append(result)
    fingerprints: list[str] = []
    official_sizes: dict[str, int] = {}
    cells: dict[str, list[str]] = {}  # by sentence
    for group in by_dataset.values():
        dataset = runs[group[0].train_id].data.dataset
        if (size := dataset.official_size("test")) is not None:
            official_sizes[dataset.name] = size
        shown = []
        for part, several in _compared(group, runs):
            texts = [(result, _text(result.metrics["data"].get(part))) for result in several]
            if (usual := _most_common(text for _, text in texts if text is not None)) is None:
                continue
            shown.append(f"{PARTS[part]} {usual}")
            for result, text in texts:
                if text is None and part == "train" and _trained_here(result, runs[result.train_id]):
                    text = "unrecorded data"
                if text not in (None, usual):
                    sentence = f"Other data: {dataset.name} {PARTS[part]} {text} instead of {usual}"
                    cells.setdefault(sentence, []).append(result.cell)
        fingerprints.append(f"{dataset.name} {', '.join(shown) or 'unknown'}")
    return DataFacts(
        tuple(sorted(fingerprints)),
        tuple(f"{sentence}: {_cells_text(list(dict.fromkeys(shown)))}." for sentence, shown in cells.items()),
        frozenset(cell for shown in cells.values() for cell in shown),
        official_sizes,
    )


def _cells_text(names: list[str]) -> str:
    """Names of cells; the number of many, which have marks."""
    return "; ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} cells, marked {OTHER_DATA_SIGN}"


def _compared(group: list[Result], runs: Mapping[str, RunConfig]) -> Iterator[tuple[str, list[Result]]]:
    """Parts of the record of the data, each with results of one data set that are compared in it.

    `fingerprint` is contained in the other parts. Data of parents are compared if the parents' data sets are the same.
    """
    records = [result.metrics["data"] for result in group]
    present = {part for record in records for part in record}
    if all("test" in record for record in records):
        present -= {"fingerprint"}
    for part in (part for part in PARTS if part in present):
        peers: dict[object, list[Result]] = {}
        for result in group:
            peers.setdefault(_parents(runs[result.train_id]) if part == "parents" else None, []).append(result)
        yield from ((part, several) for several in peers.values())


def _most_common(texts: Iterable[str]) -> str | None:
    """Most common of some texts, None without any."""
    counts = Counter(texts)
    return counts.most_common(1)[0][0] if counts else None


def _parents(run: RunConfig) -> tuple[object, ...]:
    """Data sets of the parents of a run and of theirs, by the parts of the model that they initialise."""
    return tuple((parent.name, parent.run.data.dataset, _parents(parent.run)) for parent in run.parents)


def _trained_here(result: Result, run: RunConfig) -> bool:
    return "test" in result.metrics["data"] and run.optim is not None and "released_weights" not in result.metrics


def _text(part: object) -> str | None:
    """Part of a record as text: number of items and fingerprints, or fingerprints by name. None stays None."""
    if part is None:
        return None
    if isinstance(part, str):
        return part[:SHOWN_DIGITS]
    if not isinstance(part, dict):
        return json.dumps(part)
    if "items" not in part:
        return ", ".join(f"{name} {str(value)[:SHOWN_DIGITS]}" for name, value in sorted(part.items()))
    hashes = [str(part[name])[:SHOWN_DIGITS] for name in ("annotations", "files") if part.get(name) is not None]
    missing = f", {part['missing']} missing" if part.get("missing") else ""
    return f"{part.get('items')} ({' / '.join(hashes)}{missing})"
