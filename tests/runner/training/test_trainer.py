"""The Trainer of a run: its length, its validations, its precision, and what a recipe asks of it."""

from types import SimpleNamespace

import pytest
import torch
from lightning import Trainer

from experiments.motionformer.base import K400
from experiments.spec.edits import apply, optim
from runner.machine.resources import Resources
from runner.training.trainer import make_trainer

ONE = Resources(devices=1)


def of_recipe(**values: object) -> Trainer:
    return make_trainer(apply(K400, optim(**values)), ONE)


def test_mixed_precision_is_used_only_on_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert of_recipe(precision="16-mixed").precision == "32-true"


def test_lightnings_checkpoints_and_samplers_are_disabled() -> None:
    trainer = make_trainer(K400, ONE)
    assert trainer.checkpoint_callbacks == [] and trainer.num_sanity_val_steps == 0
    assert trainer._accelerator_connector.use_distributed_sampler is False
    assert not torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]


def test_the_trainer_counts_devices_per_node_and_takes_the_cpu_where_there_is_an_accelerator_without_cuda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, object] = {}

    def trainer(**options: object) -> SimpleNamespace:
        asked.update(options)
        return SimpleNamespace(world_size=8 if options["strategy"] == "ddp" else 1)

    monkeypatch.setattr("runner.training.trainer.Trainer", trainer)
    for on_gpu, accelerator in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda on_gpu=on_gpu: on_gpu)
        make_trainer(K400, Resources(devices=4, nodes=2))
        assert (asked["devices"], asked["num_nodes"], asked["strategy"]) == (4, 2, "ddp")
        make_trainer(K400, ONE)
        assert (asked["devices"], asked["num_nodes"], asked["strategy"]) == (1, 1, "auto")
        assert asked["accelerator"] == accelerator
