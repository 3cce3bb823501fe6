"""Saved scores of a test, per item and view. Metrics can be computed from them again without a model."""

import functools
import hashlib
import json
import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.spec.class_f1 import COUNTS
from experiments.spec.run import RunConfig
from interface.evaluation import EvalConfig
from lightning_modules.scores import Scores
from runner.store.class_counts import NamedCounts, named_counts

DAMAGED = "its saved scores {} are damaged or of another test; remove them to keep the result"
SHA256 = "predictions_sha256"  # field of metrics: SHA-256 of the file of their scores


class SavedScores(NamedTuple):
    """Saved scores under the protocol of a run.

    `fingerprint`: fingerprint of the data set's annotations. `allowed`: accepted number of unreadable items.
    `evaluation`: protocol of the test that saved them; None before they are saved.
    """

    scores: Scores
    ids: tuple[str, ...]
    class_names: tuple[str, ...]
    fingerprint: str
    allowed: int
    evaluation: EvalConfig | None = None


def read_scores(path: Path, run: RunConfig) -> SavedScores | None:
    """Scores of a run in a file; None if the file lacks views of the run's protocol, or cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            settings = json.loads(str(arrays["test"]))
            fields = {name: value for name, value in settings["evaluation"].items() if name != "type"}
            evaluation = EvalConfig(**fields)
            views = run.data.views_within(run.evaluation, evaluation)
            if views is None:
                return None
            scores = run.objective.task(run.data.targets).new_scores(run.evaluation)
            scores.load({name: arrays[name] for name in arrays.files if name not in ("ids", "test")}, views)
            names, allowed = tuple(settings["class_names"]), settings["allowed"]
            ids, fingerprint = tuple(arrays["ids"].tolist()), settings["fingerprint"]
            return SavedScores(scores, ids, names, fingerprint, allowed, evaluation)
    except Exception:  # damaged archives raise errors of many types
        return None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def incompleteness(path: Path) -> str | None:
    """Reason why a file of saved scores, of which the end is read, is not whole; None if it is, or does not exist."""
    return None if not path.exists() or zipfile.is_zipfile(path) else DAMAGED.format(path)


def disagreement(metrics: dict, run: RunConfig, path: Path) -> str | None:
    """Reason why metrics are not those of the saved scores in a file; None if they are, or without a file."""
    try:
        status = path.stat()
        sha256, values, counts = _content(path, status.st_mtime_ns, status.st_size, run)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        return f"its saved scores cannot be read: {error}"
    if sha256 != metrics.get(SHA256, sha256):
        return f"its saved scores {path} were changed after the test"
    if values is None:
        return DAMAGED.format(path)
    for name in run.objective.metrics:
        if not math.isclose(metrics[name], values.get(name, math.nan), abs_tol=1e-6):
            return f"its {name} is {metrics[name]}, but {values.get(name)} by its saved scores {path}"
    if metrics.get(COUNTS, counts) != counts:
        return f"its {COUNTS} are not those of its saved scores {path}"
    return None


class Content(NamedTuple):
    """Content of a file of scores.

    `metrics`, `counts`: metrics of the scores, and counts by class; None and nothing if it holds no scores of the run.
    """

    sha256: str
    metrics: dict[str, float] | None
    counts: NamedCounts


@functools.cache
def _content(path: Path, modified: int, size: int, run: RunConfig) -> Content:
    saved = read_scores(path, run)
    if saved is None:
        return Content(file_sha256(path), None, {})
    counts = named_counts(saved.scores.counts_by_class(), run.data.targets.classes, saved.class_names)
    return Content(file_sha256(path), saved.scores.result().metrics, counts)
