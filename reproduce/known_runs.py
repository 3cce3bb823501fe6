"""Runs that tables give without overrides, of seed 0, from the index of the tables. Imports no PyTorch."""

from experiments.spec.catalog import Entry, read_index
from reproduce.options import SCALES


def trainings(entry: Entry, scale: str) -> list[str]:
    """Train ids of the runs of a table, those of parents included."""
    return [*(test.partition("/")[0] for test in entry["runs"][scale]), *entry["parents"][scale]]


def known_ids() -> set[str]:
    entries = read_index()["tables"].values()
    return {train_id for entry in entries for scale in SCALES for train_id in trainings(entry, scale)}
