"""Test of a run that combines the scores of its parents, computed from their saved scores without a forward pass.

I: items. V: views. C: classes of all kinds of label.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.spec.class_f1 import CATEGORIES
from experiments.spec.run import Parent, RunConfig
from models.model import CombinesScores, num_outputs
from runner.store.provenance import joined, joined_provenance, sessions
from runner.store.saved_scores import SHA256, SavedScores, file_sha256
from runner.store.store import RunStore
from runner.training.results import SavedTest, check_readable, save_scores, saved_test, write_metrics
from runner.weights.weights import WEIGHTS_DIGEST, Weights, existing_weights, weights_of

RECORDED = (
    "commit",
    "hardware",
    "precision",
    WEIGHTS_DIGEST,
    SHA256,
)  # fields of a test in the record of a combined one


class PartTest(NamedTuple):
    """Test of a parent whose scores are combined with others."""

    parent: Parent
    weights: Weights
    saved: SavedTest

    @property
    def data(self) -> dict:
        return {name: self.saved.record["data"].get(name) for name in ("name", "fingerprint", "test")}

    @property
    def record(self) -> dict[str, object]:
        """Record of the test for that of the combined one."""
        ids: dict[str, object] = {
            "part": self.parent.part,
            "train_id": self.parent.run.train_id,
            "eval_id": self.saved.source,
        }
        return ids | {name: self.saved.record[name] for name in RECORDED if name in self.saved.record}


def combine(run: RunConfig, store: RunStore) -> bool:
    """Write the scores and the metrics of a test from the saved scores of the tests of its parents.

    Returns:
        True if each parent has such scores, of the same items.

    Raises:
        DataError: if more items than accepted could not be read.
        ValueError: if the scores are not finite, or the model combines them to scores of other classes.
        StoreError: if the results cannot be written.
    """
    parts = part_tests(run, store)
    if parts is None:
        return False
    test = combined(run, parts)
    test.scores.check(len(test.ids))
    check_readable(run, test)
    directory = store.run(run.train_id)
    directory.save_config(run.description)
    path = directory.predictions(run.eval_id)
    save_scores(path, run, test, test.scores.arrays())
    write_metrics(run, directory, test, {**_provenance(parts), SHA256: file_sha256(path)})
    return True


def part_tests(run: RunConfig, store: RunStore) -> list[PartTest] | None:
    """Tests of the parents of a run whose saved scores can be combined.

    None if the run combines no scores or has imported weights of its own, if a parent has no test of its present weights
    with intact scores, or if their items, labels or data differ.
    """
    weights = weights_of(run, store) if run.combines_scores else None
    if weights is None or weights.path is not None:
        return None
    parts: list[PartTest] = []
    for parent in run.parents_to_run:
        part = _test_of(parent, store)
        if part is None or (parts and not _are_comparable(parts[0], part)):
            return None
        parts.append(part)
    return parts


def _test_of(parent: Parent, store: RunStore) -> PartTest | None:
    """Test of the present weights of a parent with intact saved scores; None if there is none."""
    weights = existing_weights(parent.run, store)
    released = weights.released is not None
    saved = saved_test(parent.run, store, released=released)
    if saved is None or not saved.test.scores.arrays():
        return None
    path = store.run(parent.run.train_id).predictions(saved.source, released=released)
    is_intact = saved.record.get(SHA256) == file_sha256(path)
    digests = {weights.digest, saved.record.get(WEIGHTS_DIGEST)} - {None}
    return PartTest(parent, weights, saved) if is_intact and len(digests) <= 1 else None


def _are_comparable(one: PartTest, other: PartTest) -> bool:
    """Whether two tests are of the same items, labels and data."""
    ours, theirs = one.saved.test, other.saved.test
    labels = [test.scores.arrays()["labels"] for test in (ours, theirs)]
    is_same_list = (ours.ids, ours.fingerprint, one.data) == (theirs.ids, theirs.fingerprint, other.data)
    return is_same_list and np.array_equal(labels[0], labels[1])


def combined(run: RunConfig, parts: Sequence[PartTest]) -> SavedScores:
    """Scores of a run from those of its parents. An item is unreadable in a view if it is in that of any parent.

    Raises:
        ValueError: if the model combines them to scores of other classes.
    """
    model, targets, crops = run.model, run.data.targets, run.evaluation.crops
    assert isinstance(model, CombinesScores)
    tests = {part.parent.part: part.saved.test for part in parts}
    arrays = {name: test.scores.arrays() for name, test in tests.items()}
    first, first_arrays = next(iter(tests.values())), next(iter(arrays.values()))
    # Saved scores (I, V, C) are sums over the crops.
    probabilities = {name: torch.from_numpy(array["scores"]) / crops for name, array in arrays.items()}
    scores = model.combined_scores(probabilities, targets)
    expected = (*first_arrays["scores"].shape[:2], num_outputs(targets))
    if scores.shape != expected:
        raise ValueError(f"model: the combined scores have the shape {tuple(scores.shape)}; it must be {expected}")
    states: NDArray = np.max([array["status"] for array in arrays.values()], axis=0)
    made = run.objective.task(targets).new_scores(run.evaluation)
    whole = {"scores": (scores * crops).numpy(), "labels": first_arrays["labels"], "status": states}
    made.load(whole, tuple(range(run.evaluation.views)))
    allowed = min(test.allowed for test in tests.values())
    return first._replace(scores=made, allowed=allowed, evaluation=run.evaluation)


def _provenance(parts: Sequence[PartTest]) -> dict[str, object]:
    """Provenance of a combined test: that of the tests whose scores it combines, and their records."""
    records = [part.saved.record for part in parts]
    released = [(part.parent.part, part.weights.released) for part in parts]
    started = [
        {"part": part, "file": file["file"], "sha256": file["sha256"]} for part, file in released if file is not None
    ]
    return {
        "replaced_in_training": 0,
        "data": parts[0].data,
        "devices": max(record["devices"] for record in records),
        "seconds": round(sum(record["seconds"] for record in records), 1),
        "precision": joined(record["precision"] for record in records),
        **joined_provenance(session for record in records for session in sessions(record)),
        **({"started_from": started} if started else {}),
        **{name: records[0][name] for name in (CATEGORIES,) if name in records[0]},
        "combined_from": [part.record for part in parts],
    }
