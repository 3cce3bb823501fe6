"""Records of trainings, imports and tests: a type each, which reads the files of earlier versions as well."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta, Struct, to_builtins
from numpy.typing import NDArray

from data.fingerprint import DataFingerprint, SplitFingerprint
from runner.machine.files import json_object, read_record, write_atomically

READABLE = "readable"  # in place of a metric: mask of the items that could be read
UNKNOWN = {"commit": "unknown", "versions": {}, "hardware": "unknown"}  # provenance that was not recorded
SEAL = "digest"  # field of a file: hash of all its other fields
CountOrZero = Annotated[int, Meta(ge=0)]
Number = Annotated[float, Meta(ge=0, le=1e300)]  # neither infinite nor NaN


class Provenance(Struct, frozen=True, kw_only=True):
    commit: str
    versions: dict[str, str]
    hardware: str


class RecordedSplit(Struct, frozen=True):
    """Split of the batches of a training, from a step on."""

    from_step: CountOrZero
    devices: CountOrZero
    micro_batch: CountOrZero
    accumulation: CountOrZero


class ReleasedStart(Struct, frozen=True):
    """Imported released weights of a parent that initialise a part of the model."""

    part: str
    file: str
    sha256: str


class ReleasedStarts(Struct, frozen=True):
    released: tuple[ReleasedStart, ...]


class TestedRelease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Released file whose weights were tested."""

    file: str
    sha256: str
    warnings: tuple[str, ...] = ()


class ImportedWeights(TestedRelease, frozen=True, kw_only=True, omit_defaults=False):
    """Import of a released file: what became of each of its keys, and the settings that it states."""

    weights_digest: str | None = None
    matched: CountOrZero = 0
    reshaped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    settings: dict[str, str] = {}

    @property
    def released_file(self) -> TestedRelease:
        return TestedRelease(file=self.file, sha256=self.sha256, warnings=self.warnings)


class DataRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Data of a training or a test.

    `fingerprint`: hash of the ids and labels of both splits, which is all that early results have.
    `parents`: hash of the data of each parent. `copy`: what the copy of the test videos is, in words. `training_copy`:
    that of the training, if it was another one.
    `root`, `class_names`: folder and names of the classes at the start of a training.
    """

    name: str
    fingerprint: str
    test: SplitFingerprint | None = None
    train: SplitFingerprint | None = None
    parents: dict[str, str] = {}
    copy: str = ""
    training_copy: str = ""
    root: str = ""
    class_names: tuple[str, ...] = ()

    @property
    def splits(self) -> DataFingerprint | None:
        """Fingerprint of the splits; None for early results."""
        return None if self.test is None else DataFingerprint(name=self.name, train=self.train, test=self.test)


class TrainingRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cost and conditions of a finished training.

    `waiting_share`: share of the time for which data were awaited. `replaced_in_training`: number of unreadable items.
    """

    device_hours: Number
    waiting_share: Number | None = None
    replaced_in_training: CountOrZero
    device_jitter: bool = False
    compiled: bool = False
    weights_digest: str | None = None
    batch_splits: tuple[RecordedSplit, ...] = ()
    started_from: tuple[ReleasedStart, ...] = ()
    sessions: tuple[Provenance, ...] = ()


class ItemCounts(Struct, frozen=True):
    """Numbers of test items. Those that are failed or missing could not be read."""

    evaluated: CountOrZero
    failed: CountOrZero
    missing: CountOrZero

    @property
    def total(self) -> int:
        return self.evaluated + self.failed + self.missing


class Hits(Struct, frozen=True):
    """Correct items of a test: one bit an item and metric, in the order of the test, as base64.

    Tests of the same items can be compared from published results: 1,000 items are 125 bytes. `ids`: hash of their ids.
    Beside the metrics stand the items that were `READABLE`, unless all were; early results do not tell.
    """

    ids: str
    items: CountOrZero
    bits: dict[str, str]

    @classmethod
    def of(cls, correct: Mapping[str, NDArray[np.bool_]], ids: tuple[str, ...]) -> "Hits":
        """Hits of the masks (items,) of the correct items by metric."""
        bits = {name: base64.b64encode(np.packbits(mask).tobytes()).decode() for name, mask in correct.items()}
        return cls(digest_of(ids), len(ids), bits)

    def mask(self, metric: str) -> NDArray[np.bool_] | None:
        """Mask (items,) of the correct items for a metric; None if it is not a share of items."""
        if metric not in self.bits:
            return None
        content = np.frombuffer(base64.b64decode(self.bits[metric]), np.uint8)
        return np.unpackbits(content)[: self.items].astype(bool)


def digest_of(ids: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


class TestRecord(Provenance, frozen=True, kw_only=True, omit_defaults=True):
    """Result of a test, with its provenance.

    Args:
        metrics: values by name. In the file, they stand beside the other fields.
        seconds: wall time of the process.
        parents, training: provenance of the trainings of the parents and of the run, unless it is that of the test.
        rescored_from: protocol of the test whose saved scores were used.
        classes: correct and all items by the name of the class.
        class_counts: correct, predicted and all items by kind of label and name of the class.
        categories: category by kind of label and name of the class.
        by: name of those who published it.
    """

    __test__: ClassVar[bool] = False  # pytest does not collect it

    train_id: str
    eval_id: str
    metrics: dict[str, float]
    seed: CountOrZero
    views: CountOrZero
    crops: CountOrZero
    videos: ItemCounts
    replaced_in_training: CountOrZero | None = None
    data: DataRecord
    precision: str
    devices: CountOrZero
    seconds: Number
    training: tuple[Provenance, ...] = ()
    parents: tuple[Provenance, ...] = ()
    predictions_sha256: str | None = None
    categories: dict[str, dict[str, str]] = {}
    device_hours: Number | None = None
    waiting_share: Number | None = None
    device_jitter: bool = False
    compiled: bool = False
    started_from: tuple[ReleasedStart, ...] = ()
    weights_digest: str | None = None
    batch_splits: tuple[RecordedSplit, ...] = ()
    released_weights: TestedRelease | None = None
    rescored_from: str | None = None
    classes: dict[str, tuple[CountOrZero, CountOrZero]] = {}
    class_counts: dict[str, dict[str, tuple[CountOrZero, CountOrZero, CountOrZero]]] = {}
    hits: Hits | None = None
    by: str = ""

    @property
    def session(self) -> Provenance:
        return Provenance(commit=self.commit, versions=self.versions, hardware=self.hardware)

    @property
    def trained_by(self) -> tuple[Provenance, ...]:
        return self.training or (self.session,)

    @property
    def sessions(self) -> tuple[Provenance, ...]:
        """Provenance of all processes on which the result depends: of parents, of the training, and of the test."""
        return (*self.parents, *self.training, self.session)

    @property
    def commits(self) -> str:
        """Commit of the code that made the result; of a training and its test, if they differ, both."""
        return " and ".join(dict.fromkeys(session.commit for session in self.sessions))


def read_test(path: Path) -> TestRecord | None:
    """Result in a file; None if the file does not exist. A ValueError says why it is none."""
    fields = read_sealed(path)
    return None if fields is None else record_of_test(fields)


def record_of_test(fields: dict) -> TestRecord:
    """Result with the fields of a file. All numbers that are no other field are metrics."""
    names = TestRecord.__struct_fields__
    metrics = {name: value for name, value in fields.items() if name not in names and type(value) in (int, float)}
    return msgspec.convert({**fields, "metrics": metrics}, TestRecord)


def write_test(path: Path, record: TestRecord) -> None:
    write_atomically(path, json.dumps(sealed(fields_of_test(record)), indent=1) + "\n")


def fields_of_test(record: TestRecord) -> dict:
    """Fields of a result as in its file: the metrics stand beside the others."""
    fields = to_builtins(record)
    return {**fields.pop("metrics"), **fields}


def read_training(path: Path) -> TrainingRecord | None:
    record = read_record(path, TrainingRecord)
    if record is not None and not record.sessions:  # of an earlier version
        earlier = {**UNKNOWN, **(json_object(path) or {})}
        record = msgspec.structs.replace(record, sessions=(msgspec.convert(earlier, Provenance),))
    return record


def sealed(fields: dict) -> dict:
    """Fields of a file with their hash, which shows a later change."""
    return {**fields, SEAL: seal_of(fields)}


def seal_of(fields: Mapping[str, object]) -> str:
    text = json.dumps({name: value for name, value in fields.items() if name != SEAL}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_sealed(path: Path) -> dict | None:
    """Fields of a file; None if it does not exist. A ValueError says that they were changed after they were written."""
    fields = json_object(path)
    if fields is not None and fields.get(SEAL) != seal_of(fields):
        raise ValueError("it was changed after the test: its digest is not that of its content")
    return fields
