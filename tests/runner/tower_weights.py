"""Runs of the paper of points that start from the weights of others, and random weights for them."""

import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from experiments.spec.run import Parent, RunConfig
from runner.store.store import RunStore
from runner.weights.weights import save_weights
from tests.runner.points import POINTS, Tower

BACKBONE = ("backbone.weight", "backbone.bias")
OTHER = replace(POINTS, seed=1)
CHILD = replace(POINTS, parents=(Parent(run=POINTS),))
TESTED = replace(CHILD, optim=None)
FROZEN_TOWER = replace(POINTS, model=Tower.Config(frozen=True, file="photos"))
# Its frozen backbone is that of one run, its head starts as that of another.
FUSED = replace(
    POINTS,
    model=Tower.Config(frozen=True),
    parents=(Parent(run=POINTS, part="backbone"), Parent(run=OTHER, part="head")),
)


def write_photos(file: Path, value: float) -> None:
    save_file({"weight": torch.full((8, 2), value), "bias": torch.full((8,), -value)}, file)


def fresh(run: RunConfig, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return run.build().model


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(tensor.equal(theirs[name]) for name, tensor in ours.items())


def keep(run: RunConfig, store: RunStore, *, seed: int = 0, released: bool = False) -> dict[str, Tensor]:
    """Keep random weights as those of a run, or as released ones; returns them."""
    directory = store.run(run.train_id)
    model = fresh(run, seed)
    save_weights(model, directory.released if released else directory.weights)
    if released:
        directory.released_record.write_text(json.dumps({"file": f"{seed}.pyth", "sha256": f"sum {seed}"}))
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
