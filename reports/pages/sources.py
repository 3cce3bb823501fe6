"""Files that measured values come from: results of the run store or, for runs not started there, published results."""

from pathlib import Path
from typing import NamedTuple

from experiments.spec.figures import AttentionQuery
from experiments.spec.run import RunConfig
from experiments.spec.shown_sequences import ShownRun
from runner.inference.answers import AnsweredClip, held_clips
from runner.store.kept_pictures import AttentionMaps, MaskStrip, maps_id, strip_id
from runner.store.records import TestRecord
from runner.store.store import RunStore


class Source(NamedTuple):
    """Origin of a measured value.

    `file`: the result or the measurement.
    `config`: config of its run.
    `commit`: commit of the code that measured the value; of a training and its test, if they differ, both.
    `published`: whether the file is a published result and not one of the run store.
    """

    file: Path
    config: Path
    train_id: str
    commit: str
    published: bool


def find_result(run: RunConfig, store: RunStore) -> tuple[TestRecord, Source] | None:
    """Record of a finished test, and their origin; None if there are none to show."""
    found = store.test(run, store.shown(run))
    if found is None:
        return None
    record, directory = found
    source = Source(found.file, directory.config, run.train_id, record.commits, directory.is_published)
    return record, source


def find_measurement(train_id: str, kind: str, store: RunStore) -> tuple[dict, Source] | None:
    """Measurement of a run on a device, and its origin; None if there is none."""
    found = store.measurement(train_id, kind)
    if found is None:
        return None
    record, directory, file = found
    return record, Source(file, directory.config, train_id, str(record["commit"]), directory.is_published)


def find_maps(run: RunConfig, query: AttentionQuery, store: RunStore) -> AttentionMaps | None:
    """Attention maps of a query; None if there are none to show.

    Raises:
        StoreError: if their file is damaged.
    """
    return store.pictures(AttentionMaps, maps_id(run, query), store.shown(run))


def find_clips(run: RunConfig, store: RunStore) -> tuple[AnsweredClip, ...]:
    """A few clips of a test with its answers; empty if there are none to show.

    Raises:
        StoreError: if their file is damaged.
    """
    return held_clips(run, store.shown(run))


def find_strip(shown: ShownRun, store: RunStore) -> MaskStrip | None:
    """Masks of a sequence; None if there are none to show.

    Raises:
        StoreError: if their file is damaged.
    """
    return store.pictures(MaskStrip, strip_id(shown), store.shown(shown.run))
