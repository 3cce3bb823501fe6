"""Runs that tables give without overrides, of seed 0, from the index of the tables. Imports no PyTorch."""

from experiments.spec.catalog import read_index
from reproduce.options import SCALES


def known_runs() -> dict[str, dict[str, str]]:
    """Tables that show each run, or start from it, each with its scale. By the ids of the trainings."""
    known: dict[str, dict[str, str]] = {}
    for table, entry in read_index()["tables"].items():
        for scale in SCALES:
            for train_id in [*(test.partition("/")[0] for test in entry["runs"][scale]), *entry["parents"][scale]]:
                known.setdefault(train_id, {})[table] = scale
    return known
