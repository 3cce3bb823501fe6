"""A second fictitious paper of points: two experts with weights from elsewhere, alone, combined, or frozen in a model.

At the paper's size the experts start from files. At the scale `tiny` they start from runs that are trained first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from experiments.spec.edits import Edit
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import TINY, Recipe
from interface.evaluation import EvalConfig
from interface.sizes import InputSize
from interface.targets import Targets
from lightning_modules.optim import OptimConfig
from models import model as base
from models.imagenet import weights_folder
from models.tensors import LoadReport, fill
from tests.runner.points import PointData, Tower

PARTS = ("left", "right")


class Expert(Tower):
    """Tower without pretrained weights at the scale `tiny`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Tower.Config):
        def tiny(self) -> Self:
            return replace(self, file=None)


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig(base.ModelConfig):
    width: int = 8

    def check(self, size: InputSize) -> None:
        """Accept all sizes."""

    def tiny(self) -> Self:
        return self


class Pair(base.Model):
    """Model of two frozen linear experts and a trained linear head."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertsConfig):
        """`files`: names of the pretrained weights of both experts; empty for random ones."""

        files: tuple[str, ...] = ()

        def build(self, size: InputSize, targets: Targets) -> "Pair":
            return Pair(self.width, targets.num_outputs)

        def tiny(self) -> Self:
            return replace(self, files=())

        @property
        def pretrained(self) -> bool:
            return bool(self.files)

        def initialise(self, model: nn.Module, folder: Path | None = None) -> tuple[LoadReport, ...]:
            paths = [(folder or weights_folder()) / f"{file}.safetensors" for file in self.files]
            return tuple(
                fill(model.get_submodule(part), load_file(path), {"weight": "weight", "bias": "bias"}, source=path.name)
                for part, path in zip(PARTS, paths, strict=False)
            )

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            if part not in PARTS:
                return super().copy_from(model, tensors, part)
            names = {name: f"backbone.{name}" for name in ("weight", "bias")}
            unused = ("head.*", "scale")
            return fill(
                model.get_submodule(part), tensors, names, source=f"the parent run of {part}", known_unexpected=unused
            )

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.left, self.right = (nn.Linear(2, width).requires_grad_(False) for _ in PARTS)
        self.head = nn.Linear(2 * width, num_classes)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, points: Tensor) -> Tensor:
        """Logits (B, C) of points (B, 2)."""
        return self.head(torch.cat([self.left(points), self.right(points)], dim=1).tanh()) * self.scale


class Ensemble(base.Model):
    """Mean of the class probabilities of two experts."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertsConfig):
        def build(self, size: InputSize, targets: Targets) -> "Ensemble":
            return Ensemble(self.width, targets.num_outputs)

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            if part not in PARTS:
                return super().copy_from(model, tensors, part)
            expert = model.get_submodule(part)
            names = {name: name for name in expert.state_dict()}
            return fill(expert, tensors, names, source=f"the parent run of {part}")

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.left, self.right = (Tower(width, num_classes) for _ in PARTS)

    def forward(self, points: Tensor) -> Tensor:
        """Logarithms (B, C) of the mean probabilities of points (B, 2)."""
        return torch.stack([self.left(points).softmax(-1), self.right(points).softmax(-1)]).mean(0).log()


OPTIM = OptimConfig(epochs=6, batch_size=4, lr=0.1, validate_every=2)
LEFT = RunConfig(
    model=Expert.Config(file="left"), data=PointData(), optim=OPTIM, evaluation=EvalConfig(views=2, crops=1)
)
RIGHT = replace(LEFT, model=Expert.Config(file="right"))
FUSED = replace(LEFT, model=Pair.Config(files=PARTS))
ENSEMBLE = replace(
    LEFT, model=Ensemble.Config(), optim=None, parents=(Parent(run=LEFT, part="left"), Parent(run=RIGHT, part="right"))
)


def recipe(run: RunConfig) -> OptimConfig:
    """Recipe at the scale `tiny`: three epochs for the head of the fused model, two for experts."""
    assert run.optim is not None
    return replace(run.optim, epochs=3 if isinstance(run.model, Pair.Config) else 2)


EDITS = (Edit("optim", recipe, only_if_trained=True, of_run=True),)
# Runs of the scale `tiny` that train what the files hold at the paper's size.
PRETRAINED = {
    name: TINY.of(replace(LEFT, model=Expert.Config(), seed=seed), Recipe(edits=EDITS))
    for seed, name in enumerate(PARTS, start=10)
}


def pretrained(run: RunConfig) -> tuple[Parent, ...]:
    """Runs that train the experts of a run: one for a lone expert, two for the fused model, none for others."""
    match run.model:
        case Expert.Config(file=str(file)):
            return (Parent(run=PRETRAINED[file], part="backbone"),)
        case Pair.Config(files=files):
            return tuple(Parent(run=PRETRAINED[file], part=part) for part, file in zip(PARTS, files, strict=True))
    return ()


SMALL_RECIPE = Recipe(edits=EDITS, parents=pretrained)
