"""Saved scores of a test, per item and view, from which its metrics can be computed again without a model."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from experiments.spec.ids import canonical
from experiments.spec.run import RunConfig
from interface.evaluation import EvalConfig
from interface.targets import Targets
from lightning_modules.scores import Scores
from runner.machine.files import replacing
from runner.store.records import READABLE, Hits, ItemCounts

Value = TypeVar("Value")


class SavedScores(NamedTuple):
    """Scores of all items of a test."""

    scores: Scores
    ids: tuple[str, ...]
    class_names: tuple[str, ...]
    fingerprint: str
    """Fingerprint of the data set's annotations."""
    allowed: int
    """Accepted number of unreadable items."""
    evaluation: EvalConfig | None = None
    """Protocol of the test that saved them; None before they are saved."""

    def names_of(self, targets: Targets) -> dict[str, tuple[str, ...]]:
        """Names of all classes of each kind of label; numbers for those without a name."""
        named = targets.by_kind(self.class_names)
        return {kind: (*names, *map(str, range(len(names), targets.classes[kind]))) for kind, names in named.items()}


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


def save_scores(path: Path, run: RunConfig, test: SavedScores) -> str | None:
    """Save the scores per item and view, and the settings that scoring them again needs; returns the hash of the file.

    None if the task has no scores to save.
    """
    arrays = test.scores.arrays()
    if not arrays:
        return None
    settings = {
        "evaluation": canonical(run.evaluation),
        "fingerprint": test.fingerprint,
        "class_names": test.class_names,
        "allowed": test.allowed,
    }
    with replacing(path) as partial:
        texts = {"ids": np.array(test.ids), "test": np.array(json.dumps(settings))}
        np.savez(partial, **arrays, **texts)  # pyright: ignore[reportArgumentType]: no name equals an option of savez
    return file_sha256(path)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scored(run: RunConfig, test: SavedScores) -> dict:
    """Fields of a result that follow from its protocol and its scores."""
    result, correct, names = test.scores.result(), test.scores.correct(), test.class_names
    counts, readable = test.scores.counts_by_class(), test.scores.readable()
    of_classes = next(iter(counts.values())) if len(counts) == 1 else {}
    correct_of = {n: (found.correct, found.support) for n, found in of_classes.items() if found.support}
    masks = correct if readable.all() else {**correct, READABLE: readable}
    return {
        "train_id": run.train_id,
        "eval_id": run.eval_id,
        "metrics": result.metrics,
        "seed": run.seed,
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "videos": ItemCounts(result.evaluated, result.failed, result.missing),
        "classes": {names[n] if n < len(names) else str(n): numbers for n, numbers in correct_of.items()},
        "class_counts": by_class_name(counts, run.data.targets, names),
        "hits": Hits.of(masks, test.ids) if correct else None,
    }


def by_class_name(
    values: Mapping[str, Mapping[int, Value]], targets: Targets, names: Sequence[str]
) -> dict[str, dict[str, Value]]:
    """Values of the classes of each kind of label by name. A class without a name of its own is named by its number.

    The names are those of all kinds, one kind after the other.
    """
    by_kind = targets.by_kind(names)
    return {
        kind: {class_name(by_kind[kind], number): value for number, value in of_kind.items()}
        for kind, of_kind in values.items()
        if of_kind
    }


def class_name(names: tuple[str, ...], number: int) -> str:
    """Name of a class, or its number if it has no name of its own."""
    return names[number] if number < len(names) and names.count(names[number]) == 1 else str(number)
