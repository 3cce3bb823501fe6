"""Metrics of finished tests, in a store."""

import json
from pathlib import Path

from experiments.motionformer.base import K400
from experiments.spec.run import RunConfig
from runner.machine.files import write_atomically
from runner.store.records import TestRecord, record_of_test, sealed
from runner.store.store import RunStore


def result(run: RunConfig, value: float = 50.0, **fields: object) -> dict:
    """Result of a run's test, with one value for all metrics, and other fields. Its items are those of the fields."""
    parts = (fields.get("hits"), *(data.get("test") for data in [fields.get("data")] if isinstance(data, dict)))
    num_items = next((part["items"] for part in parts if isinstance(part, dict)), 48)
    return {
        "train_id": run.train_id,
        "eval_id": run.eval_id,
        **dict.fromkeys(run.objective.metrics, value),
        "seed": run.seed,
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "videos": {"evaluated": num_items, "failed": 0, "missing": 0},
        "data": {"name": run.data.dataset.name, "fingerprint": "0123"},
        "replaced_in_training": 0,
        "precision": run.optim.precision if run.optim is not None else "32-true",
        "devices": 1,
        "seconds": 12.3,
        "commit": "0123456789",
        "versions": {"python": "3.11.9", "torch": "2.14.1"},
        "hardware": "2 cores of a CPU",
        **fields,
    }


def released_result(run: RunConfig, value: float = 50.0, **fields: object) -> dict:
    """Result of a test of released weights."""
    return result(run, value, **{"released_weights": {"file": "k400.pyth", "sha256": "0123"}, **fields})


def write_result(
    store: RunStore, run: RunConfig, value: float = 50.0, *, released: bool = False, **fields: object
) -> Path:
    """Write a result of a run's test as the test does; returns its file."""
    released = released or "released_weights" in fields
    made = released_result(run, value, **fields) if released else result(run, value, **fields)
    directory = store.run(run.train_id)
    path = (directory.of_released if released else directory).metrics(run.eval_id)
    write_atomically(path, json.dumps(sealed(made)))
    return path


def record_with(fields: dict[str, object]) -> TestRecord:
    """Result of a test of 100 items of a made-up run, with some fields of its file."""
    made_up = {"train_id": "a", "eval_id": "b", "videos": {"evaluated": 100, "failed": 0, "missing": 0}}
    others = {name: value for name, value in result(K400).items() if name not in K400.objective.metrics}
    return record_of_test({**others, **made_up, **fields})
