"""Acceptance of stored results: a file is one if it is unchanged, and names its run and protocol.

Its accuracies are those of the correct items and the counts by class in it and, if they are compared, of the saved
scores beside it. A file that is not accepted is named on stderr with the reason and the remedy, and counts as if it did
not exist.
"""

import functools
import math
from collections.abc import Callable
from pathlib import Path

import msgspec

from experiments.spec.run import RunConfig
from runner.machine.files import StoreError, read_json
from runner.machine.messages import say_once
from runner.store.records import CountOrZero, Provenance, TestRecord, read_sealed, read_test

REMEDY = "restore or remove it, or `reproduce {verb}` makes it again"


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
        record = read_test(path)
        if record is None:
            return None
        check_config(path.parents[1] / "config.json", run)
        for name, expected in (("train_id", run.train_id), ("eval_id", run.eval_id)):
            if (found := getattr(record, name)) != expected:
                raise ValueError(f"its {name} is {found}, that of the run is {expected}")
        if (record.released_weights is not None) != released:
            raise ValueError("it is a result of released weights" if not released else "it names no released weights")
        check_metrics(record, run)
        if compare_scores:
            check_scores(record, run, scores_of(record.rescored_from or run.eval_id))
    except (ValueError, StoreError) as error:
        return _refuse(path, error, "run")
    return record


def accepted_measurement(path: Path, train_id: str) -> dict | None:
    """Measurement in a file, if it is one of the run; None if it is not, or does not exist."""
    try:
        record = read_sealed(path)
        if record is not None and (found := msgspec.convert(record, Measurement)).train_id != train_id:
            raise ValueError(f"its train_id is {found.train_id}, that of the run is {train_id}")
    except ValueError as error:
        return _refuse(path, error, "measure")
    return record


def check_config(path: Path, run: RunConfig) -> None:
    """Refuse another config than that of the run beside a result. It may be missing."""
    config = read_json(path)
    if config is not None and (difference := first_difference(config, run.description)) is not None:
        raise StoreError(f"{path} differs from the config of the run at {difference}: restore that file")


def check_metrics(record: TestRecord, run: RunConfig) -> None:
    """Refuse other metrics than those of the correct items and the counts by class, and those that are no numbers."""
    for name in run.objective.metrics:
        if not math.isfinite(record.metrics.get(name, math.nan)):
            raise ValueError(f"its {name} is {record.metrics.get(name)}")
        mask = record.hits.mask(name) if record.hits is not None else None
        if mask is not None and not math.isclose(100 * mask.mean(), record.metrics[name]):
            raise ValueError(f"its hits are not those of its {name}")
    for kind, counts in record.class_counts.items():
        name = kind if kind in record.metrics else "top1" if len(record.class_counts) == 1 else None
        accuracy = 100 * sum(correct for correct, _, _ in counts.values()) / record.videos.total
        if name is not None and not math.isclose(accuracy, record.metrics[name], abs_tol=1e-6):
            raise ValueError(f"its class_counts.{kind} are not those of its {name}")


def check_scores(record: TestRecord, run: RunConfig, path: Path) -> None:
    """Refuse other metrics and counts by class than those of the saved scores in a file, which may be missing."""
    if not path.exists():
        return
    status = path.stat()
    sha256, expected = _scored(path, status.st_mtime_ns, status.st_size, run)
    if sha256 != (record.predictions_sha256 or sha256):
        raise ValueError(f"its saved scores {path} were changed after the test")
    if expected is None:
        raise ValueError(f"its saved scores {path} are damaged or of another test; remove them to keep the result")
    for name in run.objective.metrics:
        if not math.isclose(record.metrics[name], value := expected["metrics"][name], abs_tol=1e-6):
            raise ValueError(f"its {name} is {record.metrics[name]}, but {value} by its saved scores {path}")
    if record.class_counts not in ({}, expected["class_counts"]):
        raise ValueError(f"its class_counts are not those of its saved scores {path}")


@functools.cache
def _scored(path: Path, modified: int, size: int, run: RunConfig) -> tuple[str, dict | None]:
    """Hash of a file of scores, and the fields of a result that follow from them; None if it cannot be read."""
    from runner.store.saved_scores import file_sha256, read_scores, scored  # here: few commands compare scores

    saved = read_scores(path, run)
    return file_sha256(path), None if saved is None else scored(run, saved)


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


def _refuse(path: Path, problem: ValueError | StoreError, verb: str) -> None:
    """Name the file to restore or remove: a StoreError names another one, with the remedy."""
    named, remedy = f"{path} is not taken as a result", REMEDY.format(verb=verb)
    text = f"{problem}; until then, {named}" if isinstance(problem, StoreError) else f"{named}: {problem}; {remedy}"
    say_once(f"reproduce: {text}")
