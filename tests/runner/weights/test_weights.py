"""Weights of runs: where they are found, what is kept of a model with frozen parts, and where a run starts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file

from experiments.spec.run import Parent, RunConfig
from models.tensors import digest
from runner.machine.files import StoreError, write_atomically
from runner.store.records import ImportedWeights
from runner.store.store import RunStore
from runner.weights.weights import (
    DIGEST,
    FROZEN,
    ReleasedStart,
    Weights,
    existing_weights,
    load_weights,
    read_weights,
    saved_digest,
    start_weights,
    weights_of,
)
from tests.runner.points import POINTS, RunHarness, Tower
from tests.runner.tower_weights import BACKBONE, CHILD, FUSED, OTHER, TESTED, fresh, keep, same

pytestmark = pytest.mark.usefixtures("photos")


def test_a_runs_own_weights_precede_released_ones(store: RunStore) -> None:
    directory = store.run(POINTS.train_id)
    assert weights_of(POINTS, store) is None
    keep(POINTS, store, seed=3, released=True)
    assert weights_of(POINTS, store) == Weights(directory.released, ImportedWeights(file="3.pyth", sha256="sum 3"))
    keep(POINTS, store)
    assert weights_of(POINTS, store) == existing_weights(POINTS, store) == Weights(directory.weights, None)


def test_a_run_without_training_needs_only_the_weights_of_all_parents(store: RunStore) -> None:
    both = replace(FUSED, optim=None)
    assert weights_of(both, store) is None
    keep(POINTS, store)
    assert weights_of(both, store) is None
    keep(OTHER, store, released=True)
    assert weights_of(both, store) == Weights(None, None)
    pretrained = replace(POINTS, optim=None, model=replace(POINTS.model, file="tower"))  # it has no parents to wait for
    assert weights_of(pretrained, store) == Weights(None, None)
    assert weights_of(replace(POINTS, optim=None, seed=1), store) is None


def test_a_run_without_training_can_be_the_parent_of_another(store: RunStore) -> None:
    again = replace(TESTED, parents=(Parent(run=TESTED),))
    assert weights_of(again, store) is None
    tensors = keep(POINTS, store)
    assert weights_of(again, store) == Weights(None, None)
    model = fresh(again, 9)
    load_weights(model, again, store, Weights(None, None))
    assert same(model.state_dict(), tensors)


def test_a_run_with_training_is_not_tested_with_the_weights_of_its_parents(store: RunStore) -> None:
    keep(POINTS, store)
    assert weights_of(CHILD, store) is None


@pytest.mark.parametrize("run", [POINTS, TESTED, CHILD, replace(FUSED, optim=None)])
def test_the_error_names_the_run_without_weights_and_the_remedy(run: RunConfig, store: RunStore) -> None:
    missing = run if run == CHILD else POINTS
    with pytest.raises(ValueError, match=f"^run {missing.train_id} has no weights: train it with `reproduce run`, or "):
        existing_weights(run, store)
    directory = store.run(missing.train_id)
    write_atomically(directory.training, '{"device_hours": 1, "replaced_in_training": 0}')
    with pytest.raises(ValueError, match=f"run {missing.train_id} has lost its weights: move {directory.path} away"):
        existing_weights(run, store)


def test_initial_weights_are_loaded_first_by_the_config_and_then_from_the_parents(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = keep(POINTS, store, seed=1), keep(OTHER, store, seed=2)
    parents = (Parent(run=POINTS), Parent(run=OTHER, part="head"))
    run = replace(POINTS, model=Tower.Config(file="photos"), parents=parents)
    model = fresh(run)
    start_weights(model, run, store)
    state = model.state_dict()
    assert all(state[name].equal(first[name]) for name in BACKBONE)  # not those of the photos
    assert state["head.weight"].equal(second["head.weight"])
    reports = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in reports] == [
        "photos.safetensors",
        "the parent run",
        "the parent run of head",
    ]


def test_released_initial_weights_are_listed_with_the_parts_that_they_initialise(store: RunStore) -> None:
    keep(POINTS, store, seed=1, released=True)
    keep(OTHER, store, seed=2, released=True)
    starts = start_weights(fresh(FUSED), FUSED, store)
    assert starts == [ReleasedStart("backbone", "1.pyth", "sum 1"), ReleasedStart("head", "2.pyth", "sum 2")]
    keep(OTHER, store, seed=2)  # its own weights take their place
    assert start_weights(fresh(FUSED), FUSED, store) == starts[:1]


def test_the_error_for_damaged_weights_contains_the_remedy(store: RunStore) -> None:
    keep(POINTS, store)
    keep(POINTS, store, released=True)
    directory = store.run(POINTS.train_id)
    remedies = {
        directory.weights: f"move {directory.path} away to train this run again",
        directory.released: "import it again with `reproduce import-weights`",
        directory.kept_weights: f"remove {directory.kept_weights.parent} to train this run from its beginning",
        directory.path / "other.safetensors": "get it again",
    }
    whole = directory.weights.read_bytes()
    for path, remedy in remedies.items():
        path.write_bytes(whole[:50])
        with pytest.raises(StoreError) as error:
            read_weights(path)
        assert str(error.value) == f"{path} is cut short or damaged; {remedy}"


@pytest.mark.parametrize("released", [False, True])
def test_changed_weights_are_refused_wherever_they_are_used(store: RunStore, released: bool) -> None:
    keep(POINTS, store, released=released)
    path = existing_weights(POINTS, store).path
    assert path is not None
    load_weights(fresh(POINTS), POINTS, store, existing_weights(POINTS, store))
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    changed = f"{path} was changed after it was saved: its digest differs; restore it, or "
    for run in (POINTS, TESTED):
        with pytest.raises(StoreError, match=changed):
            load_weights(fresh(run), run, store, existing_weights(run, store))
    with pytest.raises(StoreError, match=changed):
        start_weights(fresh(CHILD), CHILD, store)


def test_weights_of_another_run_in_place_of_a_runs_own_are_refused(harness: RunHarness) -> None:
    for run in (POINTS, OTHER):
        harness.execute(run)
    own, other = (harness.store.run(run.train_id).weights for run in (POINTS, OTHER))
    digests = {
        run: json.loads(harness.store.run(run.train_id).training.read_text())["weights_digest"]
        for run in (POINTS, OTHER)
    }
    assert saved_digest(own) == digests[POINTS] != saved_digest(other) == digests[OTHER]
    own.write_bytes(other.read_bytes())
    with pytest.raises(StoreError, match="its digest differs; restore it, or move"):
        harness.execute(POINTS, eval_only=True)


def test_weights_of_versions_with_other_metadata_are_read(tmp_path: Path) -> None:
    tensors, path = fresh(POINTS).state_dict(), tmp_path / "weights.safetensors"
    for metadata, fingerprint in ((None, None), ({DIGEST: digest(tensors), FROZEN: '"0123"'}, "0123")):
        save_file(tensors, path, metadata)
        found = read_weights(path)
        assert same(found[0], tensors) and found[1] == fingerprint
    save_file(tensors, path, {DIGEST: "another", FROZEN: '"0123"'})
    with pytest.raises(StoreError, match="its digest differs"):
        read_weights(path)


@pytest.mark.parametrize("run", [CHILD, TESTED], ids=["training", "test alone"])
def test_metrics_contain_the_released_weights_that_a_run_started_from(run: RunConfig, harness: RunHarness) -> None:
    keep(POINTS, harness.store, seed=1, released=True)
    metrics = harness.execute(run)
    assert metrics["started_from"] == [{"part": "", "file": "1.pyth", "sha256": "sum 1"}]
