"""The files that a finished test leaves: scores per item and view, and the metrics with their provenance."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lightning import Trainer
from numpy.typing import NDArray

from data.datamodule import DataModule
from data.errors import DataError
from data.evaluation import EvalConfig
from experiments.runner.files import read_json, read_record, replacing, write_atomically
from experiments.runner.provenance import provenance
from experiments.runner.run_directory import RunDirectory
from experiments.runner.store import RunStore
from experiments.runner.weights import ReleasedStart
from experiments.spec.ids import canonical
from experiments.spec.run import RunConfig
from lightning_modules.scores import Scores

TRAINING = ("device_hours", "replaced_in_training")
# What the metrics of a test tell of the pass over the data, which a re-scored test shares.
OF_THE_PASS = (
    "replaced_in_training", "data", "precision", "devices", "seconds", "commit", "versions", "hardware",
    "device_hours", "started_from", "released_weights",
)  # fmt: skip


class Test(NamedTuple):
    """A finished pass over the test items.

    `fingerprint`: of the data set's annotations. `allowed`: unreadable items that there may be.
    """

    scores: Scores
    ids: tuple[str, ...]
    class_names: tuple[str, ...]
    fingerprint: str
    allowed: int

    @classmethod
    def of(cls, scores: Scores, datamodule: DataModule) -> "Test":
        """The test of a data module."""
        items = datamodule.test_list
        return cls(
            scores, items.ids, items.class_names, datamodule.fingerprint, datamodule.unreadable_in("test").allowed
        )


def keep_started_from(directory: RunDirectory, released: list[ReleasedStart]) -> None:
    """Write which released weights a training starts from, where it does."""
    if released:
        record = {"released": [start._asdict() for start in released]}
        write_atomically(directory.started_from, json.dumps(record, indent=1) + "\n")
    else:
        directory.started_from.unlink(missing_ok=True)


def keep_training(directory: RunDirectory, *, device_seconds: float, replaced: int) -> None:
    """Write the device time of a finished training, and the number of its items that others replaced."""
    started_from = read_json(directory.started_from)
    record = {
        "device_hours": device_seconds / 3600,
        "replaced_in_training": replaced,
        **({"started_from": started_from["released"]} if started_from is not None else {}),
        **provenance(),
    }
    write_atomically(directory.training, json.dumps(record, indent=1) + "\n")


def keep_test(
    run: RunConfig, directory: RunDirectory, test: Test, trainer: Trainer, *, seconds: float, released: dict | None
) -> None:
    """Write the scores, then the metrics, each file as a whole.

    Args:
        seconds: the time of the process so far.
        released: the record of the released weights that were tested; None for the run's own.

    Raises:
        DataError: when more items than may be could not be read.
        StoreError: when the results cannot be written.
    """
    test.scores.check(len(test.ids))
    result = test.scores.result()
    # Each process has counted its own share: together they may have passed the limit.
    if result.failed + result.missing > test.allowed:
        raise DataError(
            f"{result.failed + result.missing} of {len(test.ids)} test {run.data.dataset.unit} cannot be read, more than "
            f"the {test.allowed} that may be; the log names them; repair them or allow more with --allow-bad N"
        )
    if arrays := test.scores.arrays():
        _save_scores(directory.predictions(run.eval_id, released=released is not None), run, test, arrays)
    training = read_record(directory.training, TRAINING) if released is None else None
    how = {
        "replaced_in_training": training["replaced_in_training"] if training is not None else 0,
        "data": {"name": run.data.dataset.name, "fingerprint": test.fingerprint},
        "precision": str(trainer.precision),
        "devices": trainer.world_size,
        "seconds": round(seconds, 1),
        **provenance(),
    }
    for name in ("device_hours", "started_from"):
        if training is not None and name in training:
            how[name] = training[name]
    if run.optim is None and released is None and (started_from := read_json(directory.started_from)) is not None:
        how["started_from"] = started_from["released"]
    if released is not None:
        how["released_weights"] = {name: released[name] for name in ("file", "sha256")}
        if released.get("warnings"):
            how["released_weights"]["warnings"] = released["warnings"]
    _write_metrics(run, directory, test, how)


def _write_metrics(run: RunConfig, directory: RunDirectory, test: Test, how: dict) -> None:
    """Write the metrics of a test, and for a run's own weights its provenance."""
    result = test.scores.result()
    is_released = "released_weights" in how
    common = {
        "seed": run.seed,
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "videos": {"evaluated": result.evaluated, "failed": result.failed, "missing": result.missing},
        **how,
    }
    if not is_released:
        write_atomically(directory.provenance, json.dumps(common, indent=1) + "\n")
    classes = hits_by_class_name(test.scores.hits_by_class(), test.class_names)
    metrics = {"train_id": run.train_id, "eval_id": run.eval_id, **result.metrics, **common, "classes": classes}
    write_atomically(directory.metrics(run.eval_id, released=is_released), json.dumps(metrics, indent=1) + "\n")


def hits_by_class_name(hits: dict[int, tuple[int, int]], names: tuple[str, ...]) -> dict[str, list[int]]:
    """The right and all items of each class, by its name, or its number where it has none."""
    return {names[label] if label < len(names) else str(label): list(counts) for label, counts in hits.items()}


def _save_scores(path: Path, run: RunConfig, test: Test, arrays: dict[str, NDArray]) -> None:
    """Save the scores per item and view, with all that re-scoring needs."""
    described = {
        "evaluation": canonical(run.evaluation),
        "fingerprint": test.fingerprint,
        "class_names": test.class_names,
        "allowed": test.allowed,
    }
    with replacing(path) as partial:
        texts = {"ids": np.array(test.ids), "test": np.array(json.dumps(described))}
        np.savez(partial, **arrays, **texts)  # pyright: ignore[reportArgumentType]: names are not those of its options


class SavedTest(NamedTuple):
    """A test whose scores are a part of the saved scores of another test.

    `how`: provenance of the other test. `source`: its `eval_id`.
    """

    test: Test
    how: dict
    source: str


def rescore(run: RunConfig, store: RunStore) -> bool:
    """Write the metrics of a test from the saved scores of another test of the same run with more views.

    Returns:
        Whether there is such a test.
    """
    saved = saved_test(run, store)
    if saved is None:
        return False
    saved.test.scores.check(len(saved.test.ids))
    _write_metrics(run, store.run(run.train_id), saved.test, {**saved.how, "rescored_from": saved.source})
    return True


def saved_test(run: RunConfig, store: RunStore) -> SavedTest | None:
    """The scores of a test within the saved scores of another test of the same run; None if there are none."""
    directory = store.run(run.train_id)
    for path in sorted(directory.predictions("*").parent.glob("*.npz")):
        metrics = (
            None if "." in path.stem else read_json(directory.metrics(path.stem))
        )  # with a dot: of released weights
        if metrics is None or (test := _test_within(path, run)) is None:
            continue
        return SavedTest(test, {name: metrics[name] for name in OF_THE_PASS if name in metrics}, path.stem)
    return None


def _test_within(path: Path, run: RunConfig) -> Test | None:
    """A run's test by views of another, saved test; None where it has others, or its file cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            described = json.loads(str(saved["test"]))
            fields = {name: value for name, value in described["evaluation"].items() if name != "type"}
            views = run.data.views_within(run.evaluation, EvalConfig(**fields))
            if views is None:
                return None
            scores = run.objective.task(run.data.targets).new_scores(run.evaluation)
            scores.load({name: saved[name] for name in saved.files if name not in ("ids", "test")}, views)
            names, allowed = tuple(described["class_names"]), described["allowed"]
            return Test(scores, tuple(saved["ids"].tolist()), names, described["fingerprint"], allowed)
    except Exception:  # whatever the part that reads a damaged archive raises
        return None
