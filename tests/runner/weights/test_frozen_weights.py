"""Weights of models with frozen parts: what is saved, where it is loaded from, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from experiments.spec.run import Parent, RunConfig
from lightning_modules.module import TaskModule
from models.tensors import frozen_fingerprint
from runner.inference.evaluate import load_chosen_weights
from runner.store.store import RunStore
from runner.weights.released import import_weights
from runner.weights.weights import existing_weights, load_weights, read_weights, save_weights, start_weights
from tests.runner.points import POINTS, RunHarness
from tests.runner.tower_weights import BACKBONE, FROZEN_TOWER, FUSED, OTHER, fresh, keep, same, write_photos

pytestmark = pytest.mark.usefixtures("photos")
RUNS = pytest.mark.parametrize("run", [FROZEN_TOWER, FUSED], ids=["file", "parents"])


def test_only_a_fingerprint_of_a_frozen_part_is_saved(tmp_path: Path) -> None:
    model, path = fresh(FROZEN_TOWER), tmp_path / "weights.safetensors"
    save_weights(model, path)
    tensors, fingerprint = read_weights(path)
    assert tensors.keys() == {"head.weight", "head.bias", "scale"}  # a buffer is kept too
    assert fingerprint == frozen_fingerprint(model) is not None
    assert same(tensors, load_file(path))


def test_equal_weights_are_equal_files(tmp_path: Path) -> None:
    model, path, contents = fresh(FROZEN_TOWER), tmp_path / "weights.safetensors", set()
    for _ in range(8):
        save_weights(model, path)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def keep_frozen(store: RunStore, photos: Path, *, seed: int = 1) -> None:
    """Keep the weights of which both runs have frozen ones, other ones for each seed."""
    write_photos(photos, 0.5 * seed)
    keep(POINTS, store, seed=seed)
    keep(OTHER, store, seed=5, released=True)


@RUNS
def test_a_frozen_part_is_loaded_from_where_it_was_and_refused_if_it_has_changed(
    run: RunConfig, store: RunStore, photos: Path
) -> None:
    keep_frozen(store, photos)
    model, again = fresh(run), fresh(run, seed=9)
    start_weights(model, run, store)
    nn.init.ones_(model.get_parameter("head.weight"))  # trained
    save_weights(model, store.run(run.train_id).weights)
    load_weights(again, run, store, existing_weights(run, store))
    assert same(again.state_dict(), model.state_dict())
    keep_frozen(store, photos, seed=2)
    changed = (
        r"the frozen weights of this model \(\w+\) are not those that its other weights .*"
        "get the weights that were used then, or train again"
    )
    with pytest.raises(ValueError, match=changed):
        load_weights(fresh(run), run, store, existing_weights(run, store))


def test_a_frozen_part_of_a_parent_initialises_its_children(store: RunStore) -> None:
    parent = fresh(FROZEN_TOWER)
    start_weights(parent, FROZEN_TOWER, store)
    save_weights(parent, store.run(FROZEN_TOWER.train_id).weights)
    for part in ("", "backbone"):
        run = replace(POINTS, parents=(Parent(run=FROZEN_TOWER, part=part),))
        model = fresh(run, seed=5)
        start_weights(model, run, store)
        assert model.state_dict()["backbone.bias"].eq(-0.5).all()
        assert model.state_dict()["head.weight"].equal(parent.state_dict()["head.weight"]) == (part == "")


@RUNS
def test_training_neither_changes_nor_saves_a_frozen_part_and_resumes_with_the_same_one(
    run: RunConfig, harness: RunHarness, photos: Path
) -> None:
    keep_frozen(harness.store, photos)
    started, model = fresh(run), fresh(run, seed=9)
    start_weights(started, run, harness.store)
    assert harness.execute(run)["videos"]["evaluated"] == 90
    whole = harness.weights(run)
    assert whole.keys() == {"head.weight", "head.bias", "scale"}
    load_weights(model, run, harness.store, existing_weights(run, harness.store))
    assert all(model.state_dict()[name].equal(started.state_dict()[name]) for name in BACKBONE)
    loaded = TaskModule.load_from_checkpoint(harness.store.run(run.train_id).weights)
    assert same(loaded.model.state_dict(), model.state_dict())
    harness.use_new_store("killed")
    keep_frozen(harness.store, photos)
    harness.execute_and_kill(run, "step", 12)
    checkpoint = harness.store.run(run.train_id).checkpoint
    stopped = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert not any("backbone" in name for name in stopped)
    resumed = TaskModule.load_from_checkpoint(checkpoint)
    assert same({**resumed.state_dict(), **stopped}, resumed.state_dict())
    assert all(resumed.model.state_dict()[name].equal(started.state_dict()[name]) for name in BACKBONE)
    keep_frozen(harness.store, photos, seed=2)
    with pytest.raises(ValueError, match=r"the frozen weights \(\w+\) are not those of the checkpoint"):
        harness.execute(run)
    keep_frozen(harness.store, photos)
    harness.execute(run)
    assert same(harness.weights(run), whole)


@RUNS
def test_an_imported_checkpoint_of_the_whole_model_needs_no_other_file(
    run: RunConfig, harness: RunHarness, photos: Path
) -> None:
    released, file = fresh(run, seed=5).state_dict(), photos.with_name("released.pt")
    torch.save({"module": {name: tensor.half() for name, tensor in released.items()}}, file)
    photos.unlink()
    record = import_weights(run, harness.store, file, None)
    assert record.matched == len(released)
    assert load_file(harness.store.run(run.train_id).released).keys() == released.keys()
    harness.execute(run, eval_only=True)
    model = fresh(run, seed=9)
    load_weights(model, run, harness.store, existing_weights(run, harness.store))
    assert same(model.state_dict(), {name: tensor.half().float() for name, tensor in released.items()})
    assert harness.store.run(run.train_id).tested(run, eval_only=True)


@RUNS
def test_a_list_of_items_is_evaluated_with_any_weights_of_the_model(
    run: RunConfig, store: RunStore, photos: Path, tmp_path: Path
) -> None:
    keep_frozen(store, photos)
    trained, own = fresh(run), store.run(run.train_id).weights
    start_weights(trained, run, store)
    save_weights(trained, own)
    torch.save({"module": trained.state_dict()}, tmp_path / "released.pt")
    for file in (None, own, tmp_path / "released.pt"):
        model = fresh(run, seed=9)
        load_chosen_weights(model, run, store, file, untrained=False, released=None)
        assert same(model.state_dict(), trained.state_dict())
