"""Store of runs: precedence, acceptance and publication of results."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from msgspec import to_builtins

from data.leases import lease
from experiments.motionformer.base import EPIC100, K400
from experiments.spec.edits import apply, evaluation
from experiments.spec.run import RunConfig
from interface.targets import ClassTarget, VerbNounTarget
from lightning_modules.scores import ClassCounts
from reports.publication import publish_file
from runner.machine.files import write_atomically
from runner.store.published import other_measurements
from runner.store.records import Hits, sealed
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import by_class_name
from runner.store.store import RunStore
from tests.runner.stored_metrics import released_result, result, write_result

Lines = Callable[[], list[str]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Lines on stderr since the last call."""
    return lambda: capsys.readouterr().err.splitlines()


@pytest.fixture
def published(store: RunStore) -> RunStore:
    """Store of the published results that `store` takes where it has none."""
    assert store.results is not None
    return RunStore(store.results)


def value(store: RunStore, run: RunConfig = K400, directories: list[RunDirectory] | None = None) -> float | None:
    """Top-1 accuracy of the accepted result of a run."""
    found = store.test(run, directories)
    return None if found is None else found.record.metrics["top1"]


def publish(store: RunStore) -> None:
    """Publish the accepted result of K400 made here."""
    own = store.run(K400.train_id)
    found = store.test(K400, [own, own.of_released])
    if found is not None:
        publish_file(found.directory, found.file, store)


def test_folders_are_made_one_at_a_time_and_taken_before_a_listing_shows_them(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    maker = Thread(target=store.make, args=(K400.train_id, "table4"))
    with lease(tmp_path / ".new_run.lease"):
        maker.start()
        maker.join(0.2)
        assert not list(tmp_path.glob("*table4*"))
    maker.join()
    assert store.run(K400.train_id).path.is_dir()
    other = tmp_path / f"table5-{EPIC100.train_id}"
    store.add(other)
    assert store.run(EPIC100.train_id).path == other


def test_results_made_here_precede_published_ones_and_trained_weights_precede_released_ones(
    store: RunStore, published: RunStore
) -> None:
    assert value(store) is None
    write_result(published, K400, 1.0)
    assert value(store) == 1
    write_result(store, K400, 2.0, released=True)
    assert value(store) == 2
    write_result(store, K400, 3.0)
    assert value(store) == 3
    publish(store)
    assert value(published) == 1  # the first stays
    first = published.run(K400.train_id)
    beside = first.made_again(first.metrics(K400.eval_id))
    assert [value(published, directories=[one]) for one in beside.values()] == [3]


def without(record: dict, *path: str) -> dict:
    """Record without one of its fields, given by its path."""
    name, *rest = path
    if rest:
        return {**record, name: without(record[name], *rest)}
    return {key: content for key, content in record.items() if key != name}


RESULT = result(K400, 50.0)
COUNTS = {"class": {"up": [24, 48, 48]}}
HITS = to_builtins(Hits.of({"top1": np.arange(48) % 2 == 0}, tuple(map(str, range(48)))))
# Content of a metrics file, and a part of the reason why it is no result of K400's test.
FOREIGN: dict[str, tuple[object, str]] = {
    "text": ("{", "cannot read"),
    "list": ([], "it holds no JSON object"),
    "no run": (sealed(without(RESULT, "train_id")), "train_id"),
    "other run": (sealed(RESULT | {"train_id": EPIC100.train_id}), f"its train_id is {EPIC100.train_id}, that of the"),
    "other protocol": (sealed(RESULT | {"eval_id": "0" * 12}), "its eval_id is 000000000000, that of the run is"),
    "boolean seed": (sealed(RESULT | {"seed": False}), "Expected `int`, got `bool` - at `$.seed`"),
    "negative items": (sealed(RESULT | {"videos": {"evaluated": 1, "failed": -1, "missing": 0}}), "$.videos.failed"),
    "infinite": (sealed(RESULT | {"seconds": float("inf")}), "$.seconds"),
    "no number": (sealed(RESULT | {"top1": float("nan")}), "its top1 is nan"),
    "no headline": (sealed(without(RESULT, "top1")), "its top1 is None"),
    "hits of another accuracy": (sealed(RESULT | {"hits": HITS, "top1": 51.0}), "its hits are not those of its top1"),
    "counts of another accuracy": (sealed(RESULT | {"class_counts": COUNTS, "top1": 51.0}), "not those of its top1"),
    "released": (sealed(released_result(K400)), "it is a result of released weights"),
    "no digest": (RESULT, "its digest is not that of its content"),
    "edited": (sealed(RESULT) | {"top1": 51.0}, "it was changed after the test: its digest is not that of its content"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_or_edited_result_is_named_once_and_counts_as_not_done(
    kind: str, store: RunStore, published: RunStore, lines: Lines
) -> None:
    content, reason = FOREIGN[kind]
    directory = store.run(K400.train_id)
    path = directory.metrics(K400.eval_id)
    write_atomically(path, content if isinstance(content, str) else json.dumps(content))
    assert store.test(K400) is None
    assert not directory.tested(K400, eval_only=False) and directory.state(K400) == "not run"
    (line,) = lines()
    assert line.startswith(f"reproduce: {path} is not taken as a result: ") and reason in line
    assert line.endswith("; restore or remove it, or `reproduce run` makes it again") and len(line) < 1100
    write_result(published, K400, 60.0)
    assert value(store) == 60  # published results take its place
    publish(store)
    assert value(published) == 60
    write_result(store, K400, 61.0)
    assert value(store) == 61 and lines() == []
    publish(store)
    assert value(published) == 60


def test_a_result_with_hits_and_counts_of_its_accuracy_is_accepted(store: RunStore, lines: Lines) -> None:
    write_result(store, K400, 50.0, hits=HITS, class_counts=COUNTS, categories={"class": {"up": "a"}})
    found = store.test(K400)
    assert found is not None and found.record.class_counts["class"]["up"] == (24, 48, 48) and lines() == []


def test_a_result_of_trained_weights_is_none_of_released_ones(store: RunStore, lines: Lines) -> None:
    write_atomically(store.run(K400.train_id).of_released.metrics(K400.eval_id), json.dumps(sealed(RESULT)))
    assert store.test(K400) is None and "it names no released weights" in lines()[0]


def test_results_of_other_seeds_and_protocols_are_their_own(store: RunStore) -> None:
    runs = (K400, replace(K400, seed=1), apply(K400, evaluation(views=1)))
    for number, run in enumerate(runs):
        write_result(store, run, float(number))
    assert [value(store, run) for run in runs] == [0, 1, 2]


def test_a_result_beside_another_config_is_refused(store: RunStore, lines: Lines) -> None:
    write_result(store, K400)
    config = store.run(K400.train_id).config
    write_atomically(config, json.dumps(K400.description))
    assert store.test(K400) is not None
    edited = json.loads(config.read_text())
    edited["model"]["width"] = 64
    for content, reason in (
        (json.dumps(edited), "config.json differs from the config of the run at model.width: restore that file"),
        (json.dumps(without(K400.description, "data", "frames")), "differs from the config of the run at data.frames"),
        ("{", "config.json: Expecting"),
    ):
        write_atomically(config, content)
        assert store.test(K400) is None
        (line,) = lines()
        assert line.startswith(f"reproduce: {'cannot read ' if content == '{' else ''}{config}") and reason in line
    result = store.run(K400.train_id).metrics(K400.eval_id)
    assert line.endswith(f"; move it away to have it made again; until then, {result} is not taken as a result")


MEMORY = {
    "train_id": "aaa",
    "peak_gib": 7.4,
    "batch_size": 8,
    "precision": "16-mixed",
    "hardware": "a GPU",
    "versions": {"torch": "2"},
    "commit": "abc",
}
FOREIGN_MEASUREMENTS = [
    *((sealed(without(MEMORY, name)), name) for name in ("train_id", "precision", "versions")),
    (sealed(MEMORY | {"train_id": "bbb"}), "its train_id is bbb, that of the run is aaa"),
    (sealed(MEMORY) | {"peak_gib": 7.3}, "it was changed after"),
]


@pytest.mark.parametrize(("record", "reason"), FOREIGN_MEASUREMENTS)
def test_a_foreign_or_edited_measurement_is_named_and_ignored(
    record: dict, reason: str, store: RunStore, lines: Lines
) -> None:
    write_atomically(store.run("aaa").measurement("memory"), json.dumps(record))
    assert store.measurement("aaa", "memory") is None
    (line,) = lines()
    assert "measured/memory.json is not taken as a result: " in line and reason in line


def test_measurements_made_here_precede_published_ones_of_the_same_kind(store: RunStore, published: RunStore) -> None:
    def peak(store: RunStore) -> float | None:
        found = store.measurement("aaa", "memory")
        return None if found is None else found.record["peak_gib"]

    assert peak(store) is None
    write_atomically(published.run("aaa").measurement("memory"), json.dumps(sealed(MEMORY)))
    assert peak(store) == 7.4 and store.measurement("aaa", "turns-float32") is None
    own = store.run("aaa")
    write_atomically(own.measurement("memory"), json.dumps(sealed({**MEMORY, "peak_gib": 3.0})))
    assert peak(store) == 3
    for name in ("anna", "anna", ""):
        publish_file(own, own.measurement("memory"), store, name)
    assert peak(published) == 7.4  # the first stays
    assert sorted(file.name for file in published.root.rglob("*.*")) == ["memory.by-anna.json", "memory.json"]
    shown = published.measurement("aaa", "memory")
    assert shown is not None
    (anna,) = other_measurements(shown, published).values()
    assert (anna.record["peak_gib"], anna.record["by"], "by" in shown.record) == (3, "anna", False)
    here = store.measurement("aaa", "memory")
    assert here is not None and [*other_measurements(here, store)] == ["published"]


def test_a_result_is_published_with_the_config_of_its_run(store: RunStore, published: RunStore) -> None:
    write_atomically(store.run(K400.train_id).config, json.dumps(K400.description))
    publish(store)
    assert not published.root.exists()
    write_result(store, K400, released=True)
    publish(store)
    names = {file.name for file in published.root.rglob("*.json")}
    assert names == {"config.json", f"{K400.eval_id}.released.json"}


def test_classes_are_named_by_kind_and_those_without_a_name_of_their_own_by_their_number() -> None:
    one = ClassCounts(1, 2, 3)
    names, targets = ("take", "cut", "cup", "knife"), VerbNounTarget(2, 2)
    assert by_class_name({"verb": {0: one}, "noun": {1: one}}, targets, names) == {
        "verb": {"take": one}, "noun": {"knife": one},
    }  # fmt: skip
    same = by_class_name({"class": dict.fromkeys(range(4), one)}, ClassTarget(4), ("up", "down", "up"))
    assert list(same["class"]) == ["0", "down", "2", "3"]
    assert by_class_name({"class": {}}, ClassTarget(4), ("up",)) == {}
