"""Files that measured values come from: results of the run store or, for runs not started there, published results."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from experiments.spec.figures import AttentionQuery
from experiments.spec.run import RunConfig
from experiments.spec.shown_sequences import ShownRun
from runner.inference.answers import AnsweredClip, held_clips
from runner.store.attention_files import AttentionMaps, held_maps
from runner.store.mask_strip_files import MaskStrip, held_strip
from runner.store.provenance import joined, sessions
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


class Place(NamedTuple):
    """Directory with results of runs: the run store itself, or the published results."""

    store: RunStore
    published: bool


def places(store: RunStore) -> Iterator[Place]:
    """The run store without its published results, then the published results alone."""
    yield Place(RunStore(store.root, compare_scores=store.compare_scores), False)
    if store.results is not None:
        yield Place(RunStore(store.results), True)


def places_of(run: RunConfig, store: RunStore) -> list[Place]:
    """Places whose results may be shown for a run: published ones stand until its new test is done."""
    state = store.run(run.train_id).state(run)
    if state == "done":
        return [place for place in places(store) if not place.published]
    if state in ("running", "interrupted"):
        return [place for place in places(store) if place.published]
    return list(places(store))


def find_result(run: RunConfig, store: RunStore) -> tuple[dict, Source] | None:
    """Metrics of a finished test, and their origin; None if there are none to show.

    Raises:
        StoreError: if a file contains anything else.
    """
    for place in places_of(run, store):
        metrics = place.store.metrics(run)
        if metrics is not None:
            directory = place.store.run(run.train_id)
            file = directory.metrics(run.eval_id, released="released_weights" in metrics)
            commit = joined(session["commit"] for session in sessions(metrics))
            return metrics, Source(file, directory.config, run.train_id, commit, place.published)
    return None


def find_measurement(train_id: str, kind: str, store: RunStore) -> tuple[dict, Source] | None:
    """Measurement of a run on a device, and its origin; None if there is none.

    Raises:
        StoreError: if a file contains anything else.
    """
    for place in places(store):
        record = place.store.measurement(train_id, kind)
        if record is not None:
            directory = place.store.run(train_id)
            file = directory.measurement(kind)
            return record, Source(file, directory.config, train_id, str(record["commit"]), place.published)
    return None


def find_maps(run: RunConfig, query: AttentionQuery, store: RunStore) -> AttentionMaps | None:
    """Attention maps of a query; None if there are none to show.

    Raises:
        StoreError: if their file is damaged.
    """
    found = (held_maps(run, place.store, query) for place in places_of(run, store))
    return next((maps for maps in found if maps is not None), None)


def find_clips(run: RunConfig, store: RunStore) -> tuple[AnsweredClip, ...]:
    """A few clips of a test with its answers; empty if there are none to show.

    Raises:
        StoreError: if their file is damaged.
    """
    found = (held_clips(run, place.store) for place in places_of(run, store))
    return next((clips for clips in found if clips), ())


def find_strip(shown: ShownRun, store: RunStore) -> MaskStrip | None:
    """Masks of a sequence; None if there are none to show.

    Raises:
        StoreError: if their file is damaged.
    """
    found = (held_strip(shown, place.store) for place in places_of(shown.run, store))
    return next((strip for strip in found if strip is not None), None)
