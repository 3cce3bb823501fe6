"""What `list` and `status` show of the runs of the tables, by the ids in the index of the tables."""

import json
import math
from pathlib import Path
from typing import NamedTuple

from experiments.spec.catalog import Entry, read_index

SCALES = ("tiny", "paper")


def tables_with_runs(runs: Path, scale: str) -> list[str]:
    """Names of the tables of which a run without overrides, of seed 0, was started in a directory, at this scale."""
    started = {path.name for path in runs.glob("*")}
    return [name for name, entry in read_index()["tables"].items() if not started.isdisjoint(_trainings(entry, scale))]


def num_other_runs(runs: Path) -> int:
    """Number of runs that were started in a directory and are in no table of this repository without changes."""
    known = {
        train_id
        for entry in read_index()["tables"].values()
        for scale in SCALES
        for train_id in _trainings(entry, scale)
    }
    return sum(folder.name not in known for folder in runs.glob("*") if (folder / "log.txt").exists())


def _trainings(entry: Entry, scale: str) -> list[str]:
    return [*(test.partition("/")[0] for test in entry["runs"][scale]), *entry["parents"][scale]]


class Progress(NamedTuple):
    """Progress of tests.

    `done`, `published`, `total`: numbers of tests with a result, of those not made here, and of all tests.
    `hours`: device hours of the tests with a result and of their trainings.
    """

    done: int
    published: int
    total: int
    hours: float


def progress(tests: list[str], runs: Path, results: Path) -> Progress:
    """Progress of some tests. Unlike in `reproduce status`, the content of result files is not checked.

    Args:
        tests: each `train id/eval id`.
        runs, results: directories of the runs made here, and of the published results.
    """
    done, published = 0, 0
    by_training: dict[str, list[dict]] = {}
    for test in tests:
        train_id, eval_id = test.split("/")
        names = (f"{eval_id}.json", f"{eval_id}.released.json")
        files = (folder / train_id / "metrics" / name for folder in (runs, results) for name in names)
        file = next((file for file in files if file.exists()), None)
        if file is None:
            continue
        done += 1
        published += results in file.parents
        by_training.setdefault(train_id, []).append(_object(file))
    return Progress(done, published, len(tests), sum(map(_hours, by_training.values())))


def _hours(results: list[dict]) -> float:
    """Device hours of a training and its tests. Scores of other tests, which some use, took no time of their own.

    The time of a test is that of its process. The longest process is taken as that of the training, if it is as long.
    """
    own = [result for result in results if not {"rescored_from", "combined_from"} & result.keys()]
    seconds = sorted(_number(result, "seconds") * _number(result, "devices", 1.0) for result in own)
    training = max(_number(result, "device_hours") for result in results)
    longest = seconds.pop() / 3600 if seconds else 0.0
    return max(training, longest) + sum(seconds) / 3600


def _number(result: dict, field: str, default: float = 0.0) -> float:
    """Finite number in a field; the default for anything else."""
    value = result.get(field)
    return value if isinstance(value, int | float) and math.isfinite(value) else default


def _object(file: Path) -> dict:
    """JSON object in a file; empty for a damaged file."""
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
