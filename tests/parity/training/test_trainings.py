"""Trainings of the authors' loops: equal rates, losses and weights from equal weights and batches, in float64."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from data.items import Draw, Item, TrainItems
from data.loaders import EpochBatches, TrainLoader, UnreadableItems
from experiments.spec.run import RunConfig
from interface.sizes import ClipSize, TokenSequenceSize
from interface.targets import ClassTarget, VerbNounTarget
from lightning_modules.module import TaskModule
from models.mixers.orthoformer import Orthoformer
from runner.machine.resources import Resources
from runner.training.trainer import make_trainer
from tests.parity.fixtures import FOLDER, Fixture, clip, uniform
from tests.parity.training.runs import run_of

LOSSES, FIGURES, RATES = 1e-10, 1e-9, 1e-14  # tolerances; figures relative to those above 1, rates to the peak
SLOW = ("cast", "xvit", "lra_listops_nystromformer")  # the others take half a minute together
NAMES = [
    pytest.param(path.stem, marks=[pytest.mark.slow] if path.stem.startswith(SLOW) else [])
    for path in sorted((FOLDER / "training").glob("*.json"))
]
# Patterns of our names in the encoder of Long Range Arena, and the authors'.
SEQUENCE_NAMES = (
    (r"^tokens\.", "model.embeddings.word_embeddings."),
    (r"^positions$", "model.embeddings.position_embeddings.weight"),
    (r"^norm\.", "model.norm."),
    (r"^head\.", "seq_classifer.mlpblock."),
    (r"^blocks\.(\d+)\.attention_norm\.", r"model.transformer_\1.norm1."),
    (r"^blocks\.(\d+)\.mlp_norm\.", r"model.transformer_\1.norm2."),
    (r"^blocks\.(\d+)\.mlp\.", r"model.transformer_\1.mlpblock."),
    (r"^blocks\.(\d+)\.attention\.qkv\.", r"model.transformer_\1.mha.W_{}."),
    (r"^blocks\.(\d+)\.attention\.proj\.", r"model.transformer_\1.mha.ff."),
    (r"^blocks\.(\d+)\.attention\.stage\.", r"model.transformer_\1.mha.attn."),
)


@pytest.fixture(autouse=True)
def in_float64() -> Iterator[None]:
    """Targets of mixup, too, are then float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class FixtureItems(TrainItems):
    """Items of a fixture. Those of an epoch follow those of the one before."""

    def __init__(self, fixture: Fixture, num_items: int) -> None:
        self.batches, self.num_items = fixture.content["batches"], num_items

    def __len__(self) -> int:
        return self.num_items

    def __getitem__(self, draw: Draw) -> Item:
        place = draw.epoch * self.num_items + draw.place
        number, index = divmod(place, self.batches["items"])
        labels = self.batches["labels"]
        numbers = [
            int(uniform(f"{self.batches['seed']}/{kind}/{number}", index + 1)[index] * labels[kind])
            for kind in ("label", "verb", "noun")
            if kind in labels
        ]
        inputs = self.tokens(number, index) if "tokens" in self.batches else self.clip(place)
        return Item((inputs,), numbers[0] if len(numbers) == 1 else tuple(numbers), draw.place)

    def clip(self, place: int) -> Tensor:
        """Normalised clip (frames, 3, size, size)."""
        pixels = torch.from_numpy(clip(self.batches["seed"] + place, self.batches["frames"], self.batches["size"]))
        mean, std = (torch.tensor(self.batches[name]) for name in ("mean", "std"))
        return ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)

    def tokens(self, number: int, index: int) -> Tensor:
        """Token ids (length,), with padding at the end."""
        length, least = self.batches["length"], self.batches["least"]
        numbers = uniform(f"{self.batches['seed']}/tokens/{number}/{index}", length + 1)
        ids = 1 + (numbers[1:] * self.batches["tokens"]).astype(np.int64)
        ids[least + int(numbers[0] * (length - least + 1)) :] = 0
        return torch.from_numpy(ids)


class Recorded(Callback):
    """Rates, first betas, losses, numbers of clipped steps and figures of a training.

    `places`: positions of the authors' tensors in ours, one after the other.
    """

    def __init__(self, fixture: Fixture, places: dict[str, Tensor], clip_norm: float | None) -> None:
        self.fixture, self.places, self.clip_norm = fixture, places, clip_norm
        self.rates: list[float] = []
        self.betas: list[float] = []
        self.losses: list[float] = []
        self.num_clipped = 0
        self.figures: dict[int, dict[str, list[float]]] = {}

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        groups = optimizer.param_groups
        self.rates.append(max(group["lr"] for group in groups))
        self.betas.append(groups[0].get("betas", (0.0,))[0])
        if self.clip_norm is not None:
            gradients = [parameter.grad for group in groups for parameter in group["params"]]
            self.num_clipped += bool(nn.utils.get_total_norm(gradients) > self.clip_norm)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(outputs, dict) and isinstance(pl_module, TaskModule)
        self.losses.append(float(outputs["loss"]) * trainer.accumulate_grad_batches / batch.weight)  # type: ignore[attr-defined]
        if trainer.global_step in self.fixture.content["after"]["steps"]:
            ours = values(pl_module.model)
            self.figures[trainer.global_step] = {
                key: self.figures_of(key, ours[places].numpy()) for key, places in self.places.items()
            }

    def figures_of(self, key: str, tensor: np.ndarray) -> list[float]:
        """Sum, sum of squares, first and last number, and two by rule."""
        positions = uniform(f"{self.fixture.content['seed']}/positions of {key}", 2) * tensor.size
        return [tensor.sum(), (tensor * tensor).sum(), tensor[0], tensor[-1], *tensor[positions.astype(np.int64)]]


def values(model: nn.Module) -> Tensor:
    """All numbers of a model's parameters, one after the other."""
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def load(
    run: RunConfig, model: nn.Module, tensors: dict[str, Tensor], size: ClipSize | TokenSequenceSize, folder: Path
) -> None:
    """Load tensors under the authors' names, from a file in their format."""
    if isinstance(size, ClipSize):
        torch.save({"model_state": tensors, "cfg": "TRAIN:\n  DATASET: kinetics\n"}, folder / "released.pyth")
        run.model.load_released(model, folder / "released.pyth", size)
        return
    theirs = {name: name for name in model.state_dict()}
    for pattern, replacement in SEQUENCE_NAMES:
        theirs = {ours: re.sub(pattern, replacement, name) for ours, name in theirs.items()}
    model.load_state_dict(
        {
            ours: torch.cat([tensors[name.format(part)] for part in "qkv"]) if "{}" in name else tensors[name]
            for ours, name in theirs.items()
        }
    )


def places_of(
    run: RunConfig, model: nn.Module, fixture: Fixture, size: ClipSize | TokenSequenceSize, folder: Path
) -> dict[str, Tensor]:
    """Positions of the authors' trained tensors in ours: those to which loading moves numbered elements."""
    numbered, count = {}, 0
    for key, (shape, _, _) in fixture.content["tensors"].items():
        numbered[key] = torch.arange(count, count + int(np.prod(shape))).double().reshape(shape)
        count += numbered[key].numel()
    load(run, model, numbered, size, folder)
    place = torch.full((count,), -1)
    loaded = values(model).long()
    place[loaded] = torch.arange(len(loaded))
    found = {key: place[numbered[key].flatten().long()] for key in fixture.content["after"]["figures"]}
    trained = torch.cat([torch.full((p.numel(),), p.requires_grad) for p in model.parameters()])
    assert torch.equal(torch.cat(list(found.values())).sort().values, trained.nonzero().squeeze(1))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_training_is_that_of_the_authors(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fixture = Fixture(f"training/{name}")
    content, config, batches = fixture.content, fixture.config, fixture.content["batches"]
    run, accumulation = run_of(content), content["accumulation"]
    labels = batches["labels"]
    targets = ClassTarget(labels["label"]) if "label" in labels else VerbNounTarget(labels["verb"], labels["noun"])
    if "tokens" in batches:
        size = TokenSequenceSize(config["length"], config["vocabulary"])
    else:
        size = ClipSize(batches["frames"], batches["size"], batches["size"])
    model = run.model.build(size, targets).double()
    places = places_of(run, model, fixture, size, tmp_path)
    load(run, model, fixture.tensors, size, tmp_path)

    assert run.optim is not None
    num_items = batches["items"] * batches.get("per_epoch", content.get("steps"))
    monkeypatch.setattr("data.loaders.random_order", lambda count, seed, epoch: list(range(count)))
    order = EpochBatches(num_items, batches["items"], 0, accumulate=accumulation, rest_multiple=run.optim.rest_multiple)
    loader = TrainLoader(FixtureItems(fixture, num_items), order, UnreadableItems("train", num_items, 0), 0)
    lambdas = iter(content.get("mixup", {}).get("lambda", ()))
    monkeypatch.setattr(np.random, "beta", lambda alpha, beta: next(lambdas))
    monkeypatch.setattr(
        Orthoformer, "uniform_numbers", lambda stage, rows, count, sets: torch.full((len(rows), 1), 0.37)
    )
    recorded = Recorded(fixture, places, run.optim.clip_norm)
    trainer = make_trainer(run, Resources(devices=1), callbacks=[recorded])
    trainer.accumulate_grad_batches = accumulation
    trainer.fit(TaskModule(model, run.objective.task(targets), run.optim, run.evaluation, 0), loader)  # pyright: ignore[reportArgumentType]

    np.testing.assert_allclose(recorded.rates, content["lr"], rtol=0, atol=RATES * max(content["lr"]))
    np.testing.assert_allclose(recorded.losses, content["loss"], rtol=0, atol=LOSSES)
    if "beta1" in content:
        np.testing.assert_allclose(recorded.betas, content["beta1"], rtol=0, atol=RATES)
    assert recorded.num_clipped == content.get("clipped_steps", 0)
    for key, figures_after in content["after"]["figures"].items():
        for step, expected in zip(content["after"]["steps"], figures_after, strict=True):
            found = np.array(recorded.figures[step][key][: len(expected)])
            np.testing.assert_array_less(abs(found - expected), FIGURES * np.maximum(1, np.abs(expected)), key)
