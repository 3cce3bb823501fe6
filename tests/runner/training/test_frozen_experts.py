"""A model of two frozen experts, from two files or two parents: training, kill, resumption, test and import."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from experiments.spec.edits import apply, optim
from experiments.spec.run import Parent, RunConfig
from lightning_modules.parameter_groups import ParameterRule
from runner.inference.evaluate import load_chosen_weights
from runner.store.store import RunStore
from runner.weights.released import import_weights
from runner.weights.weights import existing_weights, load_weights, save_weights
from tests.runner.experts import FUSED, PARTS, Expert, Pair
from tests.runner.points import POINTS, RunHarness
from tests.runner.tower_weights import same

PARENTS = tuple(replace(POINTS, model=Expert.Config(), seed=seed) for seed in (2, 3))
FROM_PARENTS = replace(
    FUSED,
    model=Pair.Config(),
    parents=tuple(Parent(run=run, part=part) for part, run in zip(PARTS, PARENTS, strict=True)),
)
RUNS = pytest.mark.parametrize("run", [FUSED, FROM_PARENTS], ids=["files", "parents"])


@pytest.fixture(autouse=True)
def experts(harness: RunHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Weights of both experts, in two files and as those of two runs; returns the value of each."""
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "pretrained"))
    (tmp_path / "pretrained").mkdir()
    values = {"left": 0.5, "right": -0.25}
    for (part, value), run in zip(values.items(), PARENTS, strict=True):
        write_expert(tmp_path, part, value)
        save_expert(harness.store, run, value)
    return values


def write_expert(folder: Path, part: str, value: float) -> None:
    weights = {"weight": torch.full((8, 2), value).half(), "bias": torch.full((8,), value).half()}
    save_file(weights, folder / "pretrained" / f"{part}.safetensors")


def save_expert(store: RunStore, run: RunConfig, value: float) -> None:
    model = run.build().model
    for parameter in model.get_submodule("backbone").parameters():
        nn.init.constant_(parameter, value)
    save_weights(model, store.run(run.train_id).weights)


def loaded_model(run: RunConfig, store: RunStore) -> nn.Module:
    """Model with the weights of the run's test, from other random ones."""
    torch.manual_seed(99)
    model = run.build().model
    load_weights(model, run, store, existing_weights(run, store))
    return model


@RUNS
def test_another_expert_is_refused_when_a_training_resumes_and_in_a_test(
    run: RunConfig, harness: RunHarness, tmp_path: Path
) -> None:
    harness.execute_and_kill(run, "step", 12)
    write_expert(tmp_path, "right", 0.75)
    save_expert(harness.store, PARENTS[1], 0.75)
    with pytest.raises(ValueError, match=r"the frozen weights \(\w+\) are not those of the checkpoint"):
        harness.execute(run)
    write_expert(tmp_path, "right", -0.25)
    save_expert(harness.store, PARENTS[1], -0.25)
    harness.execute(run)
    write_expert(tmp_path, "right", 0.75)
    save_expert(harness.store, PARENTS[1], 0.75)
    with pytest.raises(ValueError, match=r"the frozen weights of this model \(\w+\) are not those"):
        loaded_model(run, harness.store)


@RUNS
def test_an_imported_checkpoint_of_the_whole_model_needs_no_other_file(
    run: RunConfig, harness: RunHarness, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    released = run.build().model.state_dict()
    torch.save({"module": {name: tensor.half() for name, tensor in released.items()}}, tmp_path / "released.pt")
    for file in (tmp_path / "pretrained").iterdir():
        file.unlink()
    for parent in PARENTS:
        harness.store.run(parent.train_id).weights.unlink()
    record = import_weights(run, harness.store, tmp_path / "released.pt", None)
    assert record.matched == len(released)
    assert load_file(harness.store.run(run.train_id).released).keys() == released.keys()
    harness.execute(run, eval_only=True)
    expected = {name: tensor.half().float() for name, tensor in released.items()}
    assert same(loaded_model(run, harness.store).state_dict(), expected)
    assert harness.store.run(run.train_id).tested(run, eval_only=True)


def test_layer_decay_and_rules_apply_to_the_trained_part_only(harness: RunHarness) -> None:
    rules = (
        ParameterRule(max_dims=1, weight_decay=0.0),
        ParameterRule(names="*_positions", weight_decay=0.0, may_match_none=True),
    )
    run = apply(FUSED, optim(layer_decay=0.75, rules=rules))
    assert run.optim is not None
    run.check_model_and_recipe()
    optimizer, _ = run.optim.build(run.build().model, 30)
    shapes = [([tuple(p.shape) for p in group["params"]], group["weight_decay"]) for group in optimizer.param_groups]
    assert shapes == [([(4, 16)], 0.05), ([(4,)], 0.0)]


@RUNS
def test_a_list_of_items_is_evaluated_with_any_weights_of_the_model(
    run: RunConfig, harness: RunHarness, tmp_path: Path
) -> None:
    harness.execute(run)
    trained = loaded_model(run, harness.store).state_dict()
    torch.save({"module": trained}, tmp_path / "released.pt")
    for file in (None, harness.store.run(run.train_id).weights, tmp_path / "released.pt"):
        model = run.build().model
        load_chosen_weights(model, run, harness.store, file, untrained=False, released=None)
        assert same(model.state_dict(), trained)
