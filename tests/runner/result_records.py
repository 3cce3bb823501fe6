"""Results of tests, and what they contain of the machine and the data, without a training."""

from typing import cast

from lightning import Trainer

from data.fingerprint import DataFingerprint, SplitFingerprint
from runner.store.records import TestRecord, record_of_test


class TwoDevices:
    """Attributes of a Trainer that results contain."""

    precision = "32-true"
    world_size = 2


DATA = DataFingerprint(
    name="ssv2", train=SplitFingerprint(items=3, annotations="45"), test=SplitFingerprint(items=2, annotations="67")
)
TRAINER = cast(Trainer, TwoDevices())
PROVENANCE: dict[str, object] = {"commit": "0123456789", "versions": {"torch": "2.14.1"}, "hardware": "8 x A100"}


def result(fields: dict[str, object]) -> TestRecord:
    """Result of a test of 100 items, with some fields of its file."""
    items = {"evaluated": 100, "failed": 0, "missing": 0}
    others = {"train_id": "a", "eval_id": "b", "seed": 0, "views": 1, "crops": 1, "videos": items, "devices": 1}
    data = {"name": "ssv2", "fingerprint": "c"}
    return record_of_test({**PROVENANCE, **others, "data": data, "precision": "32-true", "seconds": 1.0, **fields})
