"""Acceptance of stored results: a file is one if it names its run, protocol, seed and data, with possible values.

A file that is not accepted is named on stderr with the reason and the remedy, and counts as if it did not exist.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from experiments.spec.class_f1 import CATEGORIES, COUNTS
from experiments.spec.run import RunConfig
from runner.machine.fields import COUNT, NUMBER, TEXT, field_problem, is_number
from runner.machine.files import json_object
from runner.machine.messages import one_line
from runner.store.class_counts import problem_of_counts
from runner.store.item_hits import unpacked
from runner.store.provenance import PARENTS, TRAINING
from runner.store.saved_scores import SHA256, disagreement, incompleteness

DIGEST = "digest"  # field of a result: hash of all its other fields
PROVENANCE = {"precision": TEXT, "commit": TEXT, "hardware": TEXT, DIGEST: TEXT}
SPLIT = {"items": COUNT, "annotations": TEXT, "missing": COUNT, "num_bytes": COUNT}
DATA = {"name": TEXT, "fingerprint": TEXT, "train?": SPLIT, "test?": SPLIT, "parents?": {}}
BATCH_SPLITS = "batch_splits"  # field of records: splits of the batches of a training, in its order
SPLITS = [{"from_step": COUNT, "devices": COUNT, "micro_batch": COUNT, "accumulation": COUNT}]
ITEM_COUNTS = ("evaluated", "failed", "missing")
SESSION = {"commit": TEXT, "hardware": TEXT, "versions": {}}  # provenance of a process
TEST_FIELDS = {
    "train_id": TEXT,
    "eval_id": TEXT,
    "seed": COUNT,
    "views": COUNT,
    "crops": COUNT,
    "devices": COUNT,
    "seconds": NUMBER,
    "videos": dict.fromkeys(ITEM_COUNTS, COUNT),
    "data": DATA,
    "versions": {},
    "device_hours?": NUMBER,
    "replaced_in_training?": COUNT,
    "rescored_from?": TEXT,
    f"{BATCH_SPLITS}?": SPLITS,
    f"{TRAINING}?": [SESSION],
    f"{PARENTS}?": [SESSION],
    "combined_from?": [{"part": TEXT, "train_id": TEXT, "eval_id": TEXT, SHA256: TEXT}],
    "classes?": {},
    f"{COUNTS}?": {},
    f"{CATEGORIES}?": {},
    "hits?": {"ids": TEXT, "items": COUNT, "bits": {}},
    "started_from?": [{"part": TEXT, "file": TEXT, "sha256": TEXT}],
    "released_weights?": {"file": TEXT, "sha256": TEXT, "warnings?": [TEXT]},
    **PROVENANCE,
}
MEASUREMENT_FIELDS = {
    "train_id": TEXT,
    "batch_size": COUNT,
    "calibrated?": {"table": TEXT, "cell": TEXT, "printed": NUMBER},
    "session?": TEXT,
    "rounds?": COUNT,
    "seconds_per_item?": {},
    "versions": {"torch": TEXT},
    **PROVENANCE,
}

REMEDY = "restore or remove it, or `reproduce {verb}` makes it again"

_refused: dict[Path, str] = {}  # files that were named on stderr, with the reasons


def sealed(record: dict) -> dict:
    """Record with the hash of all its fields, which shows a later change."""
    return {**record, DIGEST: digest(record)}


def digest(record: Mapping[str, object]) -> str:
    """Hash of all fields of a record except its digest."""
    fields = {name: value for name, value in record.items() if name != DIGEST}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def accepted_test(
    path: Path,
    run: RunConfig,
    *,
    config: Path,
    predictions: Callable[[str], Path],
    released: bool,
    compare_scores: bool,
) -> dict | None:
    """Metrics in a file, if it is a result of the run's test; None if it is not, or does not exist.

    Args:
        config: file with the config of the run, which may be missing.
        predictions: file of the saved scores of a protocol, given its id. It may be missing.
        released: whether released weights were tested.
        compare_scores: whether to compute the metrics again from the saved scores, for which all of them are read.
    """
    try:
        metrics = json_object(path)
        if metrics is None:
            return None
        problem = problem_of_test(metrics, run, released=released)
        if problem is None and (difference := config_difference(config, run)) is not None:
            return _refuse(path, f"{config} differs from the config of the run at {difference}", "restore that file")
    except ValueError as error:
        return _refuse(path, str(error))
    if problem is None:
        scores = predictions(metrics.get("rescored_from", run.eval_id))
        problem = disagreement(metrics, run, scores) if compare_scores else incompleteness(scores)
    return _accept(path, metrics) if problem is None else _refuse(path, problem)


def accepted_measurement(path: Path, train_id: str) -> dict | None:
    """Measurement in a file, if it is one of the run; None if it is not, or does not exist."""
    try:
        record = json_object(path)
    except ValueError as error:
        return _refuse(path, str(error), REMEDY.format(verb="measure"))
    if record is None:
        return None
    problem = problem_of_measurement(record, train_id)
    return _accept(path, record) if problem is None else _refuse(path, problem, REMEDY.format(verb="measure"))


def problem_of_test(metrics: dict, run: RunConfig, *, released: bool) -> str | None:
    """Reason why metrics are no result of the run's test; None if they are."""
    if (problem := field_problem(metrics, TEST_FIELDS)) is not None:
        return problem
    expected = {
        "train_id": run.train_id, "eval_id": run.eval_id, "seed": run.seed, "views": run.evaluation.views,
        "crops": run.evaluation.crops,
    }  # fmt: skip
    found = {**metrics, "data.name": metrics["data"]["name"]}
    for name, value in {**expected, "data.name": run.data.dataset.name}.items():
        if found[name] != value:
            return f"its {name} is {found[name]}, that of the run is {value}"
    if ("released_weights" in metrics) != released:
        return "it is a result of released weights" if not released else "it does not name the released weights"
    num_items = sum(metrics["videos"][name] for name in ITEM_COUNTS)
    if num_items == 0:
        return "no item was tested"
    for name, count in (("data.test.items", metrics["data"].get("test")), ("hits.items", metrics.get("hits"))):
        if count is not None and count["items"] != num_items:
            return f"its {name} is {count['items']}, and its videos are {num_items}"
    for name in run.objective.metrics:
        least, most = run.objective.range_of(name)
        value = metrics.get(name)
        if not is_number(value, least, most):
            return f"its {name} is {value}; it must be a number from {least:g} to {most:g}"
    if not all(_is_hits(hits) for hits in metrics.get("classes", {}).values()):
        return "its classes are not pairs of correct items and all items"
    if (problem := problem_of_counts(metrics, run.objective.metrics)) is not None:
        return problem
    try:
        for name in metrics.get("hits", {}).get("bits", {}):
            unpacked(metrics, name)
    except ValueError as error:
        return str(error)
    return _problem_of_digest(metrics)


def config_difference(path: Path, run: RunConfig) -> str | None:
    """First field in which a file differs from the config of the run; None if it does not, or does not exist.

    Raises:
        ValueError: if it cannot be read.
    """
    config = json_object(path)
    return None if config is None else first_difference(config, run.description)


def first_difference(found: object, expected: object, path: str = "") -> str | None:
    """Dotted path of the first difference of two configs; None if they are equal."""
    if not (isinstance(found, dict) and isinstance(expected, dict)):
        return None if found == expected and type(found) is type(expected) else path or "its top level"
    for name in sorted(found.keys() | expected.keys()):
        inner = f"{path}.{name}" if path else str(name)
        if name not in found or name not in expected:
            return inner
        if (difference := first_difference(found[name], expected[name], inner)) is not None:
            return difference
    return None


def problem_of_measurement(record: dict, train_id: str) -> str | None:
    """Reason why a record is no measurement of the run; None if it is."""
    if (problem := field_problem(record, MEASUREMENT_FIELDS)) is not None:
        return problem
    if record["train_id"] != train_id:
        return f"its train_id is {record['train_id']}, that of the run is {train_id}"
    for name, value in record.items():
        if isinstance(value, int | float) and not (is_number(value) and value > 0):
            return f"its {name} is {value}; it must be more than 0"
    return _problem_of_digest(record)


def _is_hits(hits: object) -> bool:
    return (
        isinstance(hits, list) and len(hits) == 2 and all(type(n) is int for n in hits) and 0 <= hits[0] <= hits[1] > 0
    )


def _problem_of_digest(record: dict) -> str | None:
    """Reason why a record is not as it was written; None if it is."""
    if record[DIGEST] != digest(record):
        return "it was changed after the test: its digest is not that of its content"
    return None


def _accept(path: Path, record: dict) -> dict:
    _refused.pop(path, None)  # it was made again
    return record


def _refuse(path: Path, problem: str, remedy: str = REMEDY.format(verb="run")) -> None:
    if _refused.get(path) != problem:
        _refused[path] = problem
        text = one_line(f"reproduce: {path} is not taken as a result: {problem}; {remedy}")
        print(text, file=sys.stderr, flush=True)


def is_refused(path: Path) -> bool:
    return path in _refused
