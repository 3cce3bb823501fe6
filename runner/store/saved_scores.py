"""Saved scores of a test, per item and view, from which its metrics can be computed again without a model."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.spec.ids import canonical
from experiments.spec.run import RunConfig
from interface.evaluation import EvalConfig
from lightning_modules.predictions import ClassCounts
from lightning_modules.scores import Scores
from runner.machine.files import replacing

NamedCounts = dict[str, dict[str, tuple[int, int, int]]]  # by kind of label and name of the class


class SavedScores(NamedTuple):
    """Scores of all items of a test.

    `fingerprint`: fingerprint of the data set's annotations. `allowed`: accepted number of unreadable items.
    `evaluation`: protocol of the test that saved them; None before they are saved.
    """

    scores: Scores
    ids: tuple[str, ...]
    class_names: tuple[str, ...]
    fingerprint: str
    allowed: int
    evaluation: EvalConfig | None = None

    def names_of(self, classes: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
        """Names of all classes of each kind of label; numbers for those without a name."""
        named = names_by_kind(self.class_names, classes)
        return {kind: (*names, *map(str, range(len(names), classes[kind]))) for kind, names in named.items()}


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


def named_counts(
    counts: Mapping[str, Mapping[int, ClassCounts]], classes: Mapping[str, int], names: tuple[str, ...]
) -> NamedCounts:
    """Counts by class, as in `experiments.spec.class_f1`. A class without a name of its own is named by its number.

    Args:
        classes: number of classes per kind of label.
        names: names of the classes of all kinds, one kind after the other.
    """
    named: NamedCounts = {
        kind: {class_name(of_kind, number): found for number, found in counts.get(kind, {}).items()}
        for kind, of_kind in names_by_kind(names, classes).items()
    }
    return {kind: found for kind, found in named.items() if found}


def named_categories(
    categories: Mapping[str, tuple[str, ...]], classes: Mapping[str, int], names: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Categories of the classes of each kind of label, by the names of the classes, as in `named_counts`."""
    by_kind = names_by_kind(names, classes)
    return {
        kind: {class_name(by_kind[kind], number): category for number, category in enumerate(of_kind)}
        for kind, of_kind in categories.items()
    }


def names_by_kind(names: tuple[str, ...], classes: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Names of the classes of each kind of label."""
    starts = itertools.accumulate(classes.values(), initial=0)
    return {kind: names[start : start + classes[kind]] for kind, start in zip(classes, starts, strict=False)}


def class_name(names: tuple[str, ...], number: int) -> str:
    """Name of a class, or its number if it has no name of its own."""
    return names[number] if number < len(names) and names.count(names[number]) == 1 else str(number)
