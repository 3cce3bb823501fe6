"""Acceptance of stored results: a file is one if it names its run, protocol, seed and data, with possible values.

Its accuracies are those of the correct items and the counts by class in it and, if they are compared, of the saved
scores beside it. A file that is not accepted is named on stderr with the reason and the remedy, and counts as if it did
not exist.
"""

import functools
import math
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from experiments.spec.run import RunConfig
from runner.machine.files import json_object
from runner.machine.messages import one_line
from runner.store.records import CountOrZero, Provenance, TestRecord, check_digest, record_of_test
from runner.store.saved_scores import file_sha256, named_counts, read_scores

DAMAGED = "its saved scores {} are damaged or of another test; remove them to keep the result"
REMEDY = "restore or remove it, or `reproduce {verb}` makes it again"

_refused: set[tuple[Path, str]] = set()  # files that were named on stderr, with the reasons


class Measurement(Provenance, frozen=True, kw_only=True):
    """Fields that every measurement has. Its values have names of their own."""

    train_id: str
    batch_size: CountOrZero
    precision: str


def accepted_test(
    path: Path, run: RunConfig, scores_of: Callable[[str], Path], *, released: bool, compare_scores: bool
) -> TestRecord | None:
    """Result in a file, if it is one of the run's test; None if it is not, or does not exist.

    Args:
        scores_of: file of the saved scores of a protocol, given its id. It may be missing.
        released: whether released weights were tested.
        compare_scores: whether to compute the metrics again from the saved scores, for which all of them are read.
    """
    try:
        fields = json_object(path)
        if fields is None:
            return None
        record = record_of_test(fields)
        check_config(path.parents[1] / "config.json", run)
        check_identity(record, run, released=released)
        check_values(record, run)
        check_digest(fields)
        scores = scores_of(record.rescored_from or run.eval_id)
        if scores.exists() and not zipfile.is_zipfile(scores):  # the end of the file alone is read
            raise ValueError(DAMAGED.format(scores))
        if compare_scores:
            check_scores(record, run, scores)
    except ValueError as error:
        return _refuse(path, error, "run")
    return record


def accepted_measurement(path: Path, train_id: str) -> dict | None:
    """Measurement in a file, if it is one of the run; None if it is not, or does not exist."""
    try:
        record = json_object(path)
        if record is not None:
            found = msgspec.convert(record, Measurement)
            if found.train_id != train_id:
                raise ValueError(f"its train_id is {found.train_id}, that of the run is {train_id}")
            for name, value in record.items():
                if isinstance(value, int | float) and not 0 < value < math.inf:
                    raise ValueError(f"its {name} is {value}; it must be more than 0")
            check_digest(record)
    except ValueError as error:
        return _refuse(path, error, "measure")
    return record


def check_config(path: Path, run: RunConfig) -> None:
    """Refuse another config than that of the run beside a result. It may be missing."""
    config = json_object(path)
    if config is not None and (difference := first_difference(config, run.description)) is not None:
        raise ValueError(f"{path} differs from the config of the run at {difference}: restore that file")


def check_identity(record: TestRecord, run: RunConfig, *, released: bool) -> None:
    """Refuse the result of another run, protocol or data set."""
    expected = {
        "train_id": run.train_id, "eval_id": run.eval_id, "seed": run.seed, "views": run.evaluation.views,
        "crops": run.evaluation.crops,
    }  # fmt: skip
    found = {**{name: getattr(record, name) for name in expected}, "data.name": record.data.name}
    for name, value in {**expected, "data.name": run.data.dataset.name}.items():
        if found[name] != value:
            raise ValueError(f"its {name} is {found[name]}, that of the run is {value}")
    if (record.released_weights is not None) != released:
        raise ValueError("it is a result of released weights" if not released else "it names no released weights")


def check_values(record: TestRecord, run: RunConfig) -> None:
    """Refuse values that the test of a run cannot have, or that are not those of its correct items and counts."""
    num_items = record.videos.total
    tested, hits = record.data.test, record.hits
    if num_items == 0:
        raise ValueError("no item was tested")
    for name, count in (("data.test", tested and tested.items), ("hits", hits and hits.items)):
        if count not in (None, num_items):
            raise ValueError(f"its {name}.items is {count}, and its videos are {num_items}")
    for name in run.objective.metrics:
        least, most = run.objective.range_of(name)
        value = record.metrics.get(name)
        if value is None or not (least <= value <= most and math.isfinite(value)):
            raise ValueError(f"its {name} is {value}; it must be a number from {least:g} to {most:g}")
    for name in hits.bits if hits is not None else ():
        mask = hits.mask(name) if hits is not None else None
        if mask is None or not math.isclose(100 * mask.mean(), record.metrics.get(name, math.nan)):
            raise ValueError(f"its hits are not those of its {name}")
    if not all(0 < count >= correct for correct, count in record.classes.values()):
        raise ValueError("its classes are not pairs of correct items and all items")
    for kind, of_kind in record.class_counts.items():
        check_counts(record, kind, [*of_kind.values()])


def check_counts(record: TestRecord, kind: str, counts: list[tuple[int, int, int]]) -> None:
    """Refuse numbers of correct, predicted and all items by class that are not those of the test."""
    correct, predicted, support = (sum(of_class[place] for of_class in counts) for place in range(3))
    name = kind if kind in record.metrics else "top1" if len(record.class_counts) == 1 else None
    accuracy = None if name is None else record.metrics.get(name)
    if (
        any(right > min(of_class, total) for right, of_class, total in counts)
        or (predicted, support) != (record.videos.evaluated, record.videos.total)
        or (accuracy is not None and not math.isclose(100 * correct / support, accuracy, abs_tol=1e-6))
    ):
        raise ValueError(f"its class_counts.{kind} are not those of its items and its {name or 'metrics'}")


def check_scores(record: TestRecord, run: RunConfig, path: Path) -> None:
    """Refuse other metrics than those of the saved scores in a file, which may be missing."""
    try:
        status = path.stat()
        content = _content(path, status.st_mtime_ns, status.st_size, run)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ValueError(f"its saved scores cannot be read: {error}") from None
    if content.sha256 != (record.predictions_sha256 or content.sha256):
        raise ValueError(f"its saved scores {path} were changed after the test")
    if content.metrics is None:
        raise ValueError(DAMAGED.format(path))
    for name in run.objective.metrics:
        if not math.isclose(record.metrics[name], content.metrics.get(name, math.nan), abs_tol=1e-6):
            value = content.metrics.get(name)
            raise ValueError(f"its {name} is {record.metrics[name]}, but {value} by its saved scores {path}")
    if record.class_counts not in ({}, content.counts):
        raise ValueError(f"its class_counts are not those of its saved scores {path}")


class _Content(NamedTuple):
    """Hash of a file of scores, and the metrics and counts by class of its scores; no metrics if it cannot be read."""

    sha256: str
    metrics: dict[str, float] | None
    counts: dict[str, dict[str, tuple[int, int, int]]]


@functools.cache
def _content(path: Path, modified: int, size: int, run: RunConfig) -> _Content:
    saved = read_scores(path, run)
    if saved is None:
        return _Content(file_sha256(path), None, {})
    counts = named_counts(saved.scores.counts_by_class(), run.data.targets.classes, saved.class_names)
    return _Content(file_sha256(path), saved.scores.result().metrics, counts)


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


def _refuse(path: Path, problem: ValueError, verb: str) -> None:
    if (path, str(problem)) not in _refused:
        _refused.add((path, str(problem)))
        text = one_line(f"reproduce: {path} is not taken as a result: {problem}; {REMEDY.format(verb=verb)}")
        print(text, file=sys.stderr, flush=True)
