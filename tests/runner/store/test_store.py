"""Store of runs: precedence, acceptance and publication of results."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import to_builtins

from experiments.motionformer.base import EPIC100, K400
from experiments.spec.edits import apply, evaluation
from experiments.spec.run import RunConfig
from lightning_modules.predictions import ClassCounts
from runner.machine.files import write_atomically
from runner.store.records import Hits, sealed
from runner.store.saved_scores import named_categories, named_counts
from runner.store.store import RunStore
from tests.runner.stored_metrics import released_result, result, write_result

Lines = Callable[[], list[str]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Lines on stderr since the last call."""
    return lambda: capsys.readouterr().err.splitlines()


def value(store: RunStore, run: RunConfig = K400) -> float | None:
    """Top-1 accuracy of the accepted result of a run."""
    found = store.test(run)
    return None if found is None else found.record.metrics["top1"]


def publish(store: RunStore) -> None:
    """Publish the accepted result of K400 made here."""
    own = store.run(K400.train_id)
    found = store.test(K400, [own, own.of_released])
    if found is not None:
        store.publish(found.directory, found.file)


def test_results_made_here_precede_published_ones_and_trained_weights_precede_released_ones(tmp_path: Path) -> None:
    published = RunStore(tmp_path / "results")
    store = RunStore(tmp_path / "runs", results=published.root)
    assert value(store) is None
    write_result(published, K400, 1.0)
    assert value(store) == 1
    write_result(store, K400, 2.0, released=True)
    assert value(store) == 2
    write_result(store, K400, 3.0)
    assert value(store) == 3
    publish(store)
    assert value(published) == 3


def without(record: dict, *path: str) -> dict:
    """Record without one of its fields, given by its path."""
    name, *rest = path
    if rest:
        return {**record, name: without(record[name], *rest)}
    return {key: content for key, content in record.items() if key != name}


RESULT = sealed(result(K400, 50.0, classes={"up": [1, 2]}, device_hours=1.0))
SPLIT = {"items": 48, "annotations": "0123", "missing": 0, "num_bytes": 1}
COUNTS = {"class": {"up": [24, 48, 48]}}
HITS = to_builtins(Hits.of({"top1": np.arange(48) % 2 == 0}, tuple(map(str, range(48)))))
# Content of a metrics file, and a part of the reason why it is no result of K400's test.
FOREIGN: dict[str, tuple[object, str]] = {
    "empty object": ({}, "missing required field `commit`"),
    "text": ("{", "cannot read"),
    "list": ([], "it holds no JSON object"),
    "large integer": (RESULT | {"seconds": 10**400}, "$.seconds"),
    "infinite": (RESULT | {"seconds": float("inf")}, "$.seconds"),
    "no run": (without(RESULT, "train_id"), "train_id"),
    "other run": (RESULT | {"train_id": EPIC100.train_id}, f"its train_id is {EPIC100.train_id}, that of the run"),
    "other protocol": (RESULT | {"eval_id": "0" * 12}, "its eval_id is 000000000000, that of the run is"),
    "other seed": (RESULT | {"seed": 1}, "its seed is 1, that of the run is 0"),
    "boolean seed": (RESULT | {"seed": False}, "Expected `int`, got `bool` - at `$.seed`"),
    "other views": (RESULT | {"views": 1}, "its views is 1, that of the run is 10"),
    "other data": (RESULT | {"data": {"name": "ssv2", "fingerprint": "0"}}, "its data.name is ssv2"),
    "data of another kind": (RESULT | {"data": None}, "$.data"),
    "no fingerprint": (without(RESULT, "data", "fingerprint"), "fingerprint"),
    "no items": (RESULT | {"videos": {}}, "$.videos"),
    "zero items": (RESULT | {"videos": {"evaluated": 0, "failed": 0, "missing": 0}}, "no item was tested"),
    "negative items": (RESULT | {"videos": {"evaluated": 1, "failed": -1, "missing": 0}}, "$.videos.failed"),
    "no versions": (RESULT | {"versions": []}, "$.versions"),
    "too accurate": (RESULT | {"top1": 150.0}, "its top1 is 150.0; it must be a number from 0 to 100"),
    "negative accuracy": (RESULT | {"top5": -0.1}, "its top5 is -0.1; it must be a number from 0 to 100"),
    "no number": (RESULT | {"top1": float("nan")}, "its top1 is nan; it must be a number from 0 to 100"),
    "text for a number": (RESULT | {"top1": "79.4"}, "its top1 is None; it must be a number from 0 to 100"),
    "no headline": (without(RESULT, "top1"), "its top1 is None; it must be a number from 0 to 100"),
    "negative hours": (RESULT | {"device_hours": -1}, "$.device_hours"),
    "other classes": (RESULT | {"classes": {"up": [3, 2]}}, "its classes are not pairs of correct items and all items"),
    "empty class": (RESULT | {"classes": {"up": []}}, "$.classes"),
    "other number of items": (
        RESULT | {"data": RESULT["data"] | {"test": SPLIT | {"items": 49}}},
        "its data.test.items is 49, and its videos are 48",
    ),
    "hits of other items": (RESULT | {"hits": HITS | {"items": 47}}, "its hits.items is 47, and its videos are 48"),
    "hits of another accuracy": (RESULT | {"hits": HITS, "top1": 51.0}, "its hits are not those of its top1"),
    "damaged hits": (RESULT | {"hits": HITS | {"bits": {"top1": "5"}}}, "its hits are not those of its top1"),
    "too few hits": (RESULT | {"hits": HITS | {"bits": {"top1": "qg=="}}}, "its hits are not those of its top1"),
    "counts without items": (RESULT | {"class_counts": {"class": {}}}, "its class_counts.class are not those of"),
    "too many correct": (RESULT | {"class_counts": {"class": {"up": [3, 2, 48]}}}, "are not those of its items"),
    "counts of two": (RESULT | {"class_counts": {"class": {"up": [24, 48]}}}, "$.class_counts"),
    "counts of other items": (RESULT | {"class_counts": {"class": {"up": [24, 48, 47]}}}, "are not those of its items"),
    "counts of another accuracy": (RESULT | {"class_counts": COUNTS, "top1": 51.0}, "those of its items and its top1"),
    "categories of numbers": (RESULT | {"categories": {"class": {"up": 3}}}, "$.categories"),
    "released": (sealed(released_result(K400)), "it is a result of released weights"),
    "start of another form": (RESULT | {"started_from": [{}]}, "$.started_from"),
    "no digest": (without(RESULT, "digest"), "its digest is not that of its content"),
    "edited": (RESULT | {"top1": 51.0}, "it was changed after the test: its digest is not that of its content"),
    "edited count": (RESULT | {"seconds": 1.0}, "it was changed after the test"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_or_edited_result_is_named_once_and_counts_as_not_done(
    kind: str, tmp_path: Path, lines: Lines
) -> None:
    content, reason = FOREIGN[kind]
    store = RunStore(tmp_path / "runs", results=tmp_path / "results")
    directory = store.run(K400.train_id)
    path = directory.metrics(K400.eval_id)
    write_atomically(path, content if isinstance(content, str) else json.dumps(content))
    assert store.test(K400) is None
    assert not directory.tested(K400, eval_only=False) and directory.state(K400) == "not run"
    (line,) = lines()
    assert line.startswith(f"reproduce: {path} is not taken as a result: ") and reason in line
    assert line.endswith("; restore or remove it, or `reproduce run` makes it again") and len(line) < 1100
    write_result(RunStore(tmp_path / "results"), K400, 60.0)
    assert value(store) == 60  # published results take its place
    publish(store)
    assert value(RunStore(tmp_path / "results")) == 60
    write_result(store, K400, 61.0)
    assert value(store) == 61 and lines() == []
    publish(store)
    assert value(RunStore(tmp_path / "results")) == 61


def test_a_result_with_hits_and_counts_of_its_accuracy_is_accepted(tmp_path: Path, lines: Lines) -> None:
    write_result(RunStore(tmp_path), K400, 50.0, hits=HITS, class_counts=COUNTS, categories={"class": {"up": "a"}})
    found = RunStore(tmp_path).test(K400)
    assert found is not None and found.record.class_counts["class"]["up"] == (24, 48, 48) and lines() == []


def test_a_result_of_trained_weights_is_none_of_released_ones(tmp_path: Path, lines: Lines) -> None:
    store = RunStore(tmp_path)
    path = store.run(K400.train_id).of_released.metrics(K400.eval_id)
    write_atomically(path, json.dumps(RESULT))
    assert store.test(K400) is None and "it names no released weights" in lines()[0]
    write_atomically(
        path, json.dumps(released_result(K400, released_weights={"file": "a", "sha256": "0", "warnings": [1]}))
    )
    assert store.test(K400) is None and "$.released_weights.warnings" in lines()[0]


def test_results_of_other_seeds_and_protocols_are_their_own(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    runs = (K400, replace(K400, seed=1), apply(K400, evaluation(views=1)))
    for number, run in enumerate(runs):
        write_result(store, run, float(number))
    assert [value(store, run) for run in runs] == [0, 1, 2]


def test_a_result_beside_another_config_is_refused(tmp_path: Path, lines: Lines) -> None:
    store = RunStore(tmp_path)
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
        assert store.test(K400) is None and reason in lines()[0]


MEMORY = sealed({
    "train_id": "aaa",
    "peak_gib": 7.4,
    "batch_size": 8,
    "precision": "16-mixed",
    "hardware": "a GPU",
    "versions": {"torch": "2"},
    "commit": "abc",
})  # fmt: skip
FOREIGN_MEASUREMENTS = [
    *((without(MEMORY, name), name) for name in MEMORY if name != "peak_gib"),
    (MEMORY | {"train_id": "bbb"}, "its train_id is bbb, that of the run is aaa"),
    (MEMORY | {"peak_gib": -5}, "its peak_gib is -5; it must be more than 0"),
    (MEMORY | {"peak_gib": float("nan")}, "its peak_gib is nan; it must be more than 0"),
    (MEMORY | {"peak_gib": float("inf")}, "its peak_gib is inf; it must be more than 0"),
    (MEMORY | {"peak_gib": 7.3}, "it was changed after"),
]


@pytest.mark.parametrize(("record", "reason"), FOREIGN_MEASUREMENTS)
def test_a_foreign_or_edited_measurement_is_named_and_ignored(
    record: dict, reason: str, tmp_path: Path, lines: Lines
) -> None:
    store = RunStore(tmp_path)
    write_atomically(store.run("aaa").measurement("memory"), json.dumps(record))
    assert store.measurement("aaa", "memory") is None
    (line,) = lines()
    assert "measured/memory.json is not taken as a result: " in line and reason in line


def test_measurements_made_here_precede_published_ones_of_the_same_kind(tmp_path: Path) -> None:
    published = RunStore(tmp_path / "results")
    store = RunStore(tmp_path / "runs", results=published.root)

    def peak(store: RunStore) -> float | None:
        found = store.measurement("aaa", "memory")
        return None if found is None else found.record["peak_gib"]

    assert peak(store) is None
    write_atomically(published.run("aaa").measurement("memory"), json.dumps(MEMORY))
    assert peak(store) == 7.4 and store.measurement("aaa", "turns-float32") is None
    own = store.run("aaa")
    write_atomically(own.measurement("memory"), json.dumps(sealed({**MEMORY, "peak_gib": 3.0})))
    assert peak(store) == 3
    store.publish(own, own.measurement("memory"))
    assert peak(published) == 3
    assert [file.name for file in published.root.rglob("*.*")] == ["memory.json"]


def test_a_result_is_published_with_the_config_of_its_run(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs", results=tmp_path / "results")
    write_atomically(store.run(K400.train_id).config, json.dumps(K400.description))
    publish(store)
    assert not (tmp_path / "results").exists()
    write_result(store, K400, released=True)
    publish(store)
    names = {file.name for file in (tmp_path / "results").rglob("*.json")}
    assert names == {"config.json", f"{K400.eval_id}.released.json"}


def test_classes_are_named_by_kind_and_those_without_a_name_of_their_own_by_their_number() -> None:
    one = ClassCounts(1, 2, 3)
    names, classes = ("take", "cut", "cup", "knife"), {"verb": 2, "noun": 2}
    assert named_counts({"verb": {0: one}, "noun": {1: one}}, classes, names) == {
        "verb": {"take": one}, "noun": {"knife": one},
    }  # fmt: skip
    same = named_counts({"class": dict.fromkeys(range(4), one)}, {"class": 4}, ("up", "down", "up"))
    assert list(same["class"]) == ["0", "down", "2", "3"]
    categories = named_categories({"noun": ("dishes", "tools")}, classes, names)
    assert categories == {"noun": {"cup": "dishes", "knife": "tools"}}
    assert named_counts({}, {"class": 4}, ("up",)) == {} == named_counts({}, {}, ())
