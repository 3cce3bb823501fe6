"""A fictitious paper for tests: classification of points of the plane, which trains within a second.

Its model has features that no model of the papers has: a backbone that can be frozen, pretrained weights of the
backbone, and parts that can be initialised by other runs.
"""

import hashlib
import itertools
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, Self

import pytest
import torch
from lightning import LightningModule, Trainer
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer
from torch import Tensor, nn

from data.config import DataConfig, DatasetConfig, Split
from data.items import TestItems, TrainItems
from data.labels import ItemList
from experiments.spec.run import RunConfig
from interface.evaluation import EvalConfig
from interface.sizes import InputSize
from interface.targets import ClassTarget, Targets
from lightning_modules.module import TaskModule
from lightning_modules.optim import OptimConfig
from models import model as base
from models.checkpoints import read_tensors
from models.imagenet import weights_folder
from models.tensors import LoadReport, fill
from runner.machine.files import read_json
from runner.machine.first_process import FirstProcess
from runner.machine.request import Request
from runner.machine.resources import Resources
from runner.machine.signals import StopRequest
from runner.store.store import RunStore
from runner.training.checkpointing import Checkpointing
from runner.training.kept_weights import BestWeights
from runner.training.train import train_and_test
from runner.training.trainer import make_trainer

NUM_CLASSES = 4  # the quadrants


@dataclass(frozen=True)
class PointSize(InputSize):
    kind = "point"

    @property
    def cost(self) -> int:
        return 2

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        return (torch.randn(batch_size, 2, device=device),)


@dataclass(frozen=True)
class PointList:
    """Random points of a split."""

    split: str
    count: int
    class_names: tuple[str, ...] = ("north-east", "north-west", "south-west", "south-east")

    @property
    def points(self) -> Tensor:
        seed = int(hashlib.sha256(self.split.encode()).hexdigest()[:8], 16)
        return torch.randn(self.count, 2, generator=torch.Generator().manual_seed(seed))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"{self.split} {index}" for index in range(self.count))

    @property
    def fingerprint(self) -> str:
        return f"{self.split} of {self.count}"

    def __len__(self) -> int:
        return self.count

    def label(self, index: int) -> int:
        x, y = self.points[index].tolist()
        return (0 if x > 0 else 1) if y > 0 else (3 if x > 0 else 2)


class Points:
    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        unit = "points"

        name: str = "points"
        num_train: int = 20
        num_test: int = 90  # more than one batch of a test

        @property
        def targets(self) -> ClassTarget:
            return ClassTarget(NUM_CLASSES)

        def build(self, root: Path, split: Split) -> ItemList:
            return PointList(split, self.num_train if split == "train" else self.num_test)

        def tiny(self) -> Self:
            return self


@dataclass(frozen=True, kw_only=True)
class PointData(DataConfig):
    dataset: Points.Config = field(default_factory=Points.Config)

    @property
    def size(self) -> PointSize:
        return PointSize()

    def check(self, evaluation: EvalConfig) -> None:
        """Accept all protocols."""

    def train_items(self, items: ItemList, seed: int) -> TrainItems:
        return TrainItems(items, seed, partial(self.noisy, items))

    def test_items(self, items: ItemList, evaluation: EvalConfig) -> TestItems:
        return TestItems(items, evaluation.views, partial(self.plain, items), ((1, 2), torch.float32))

    def noisy(self, items: ItemList, index: int) -> tuple[Tensor, ...]:
        assert isinstance(items, PointList)
        return (items.points[index] + 0.1 * torch.randn(2),)

    def plain(self, items: ItemList, index: int, views: Sequence[int]) -> list[tuple[Tensor, ...]]:
        """A point without noise. View v is shifted by 0.3 v."""
        assert isinstance(items, PointList)
        return [((items.points[index] + 0.3 * view).unsqueeze(0),) for view in views]

    def tiny(self) -> Self:
        return self

    def views_within(self, evaluation: EvalConfig, other: EvalConfig) -> tuple[int, ...] | None:
        """The last views of a protocol with more views."""
        if replace(other, views=evaluation.views) != evaluation or evaluation.views > other.views:
            return None
        return tuple(range(other.views - evaluation.views, other.views))


class Tower(base.Model):
    """Model of a linear backbone and a linear head."""

    @dataclass(frozen=True, kw_only=True)
    class Config(base.ModelConfig):
        """`frozen`: freeze the backbone. `file`: name of its pretrained weights; None for random ones."""

        width: int = 8
        frozen: bool = False
        file: str | None = None

        def check(self, size: InputSize) -> None:
            """Accept all sizes."""

        def build(self, size: InputSize, targets: Targets) -> "Tower":
            tower = Tower(self.width, targets.num_outputs)
            tower.backbone.requires_grad_(not self.frozen)
            return tower

        def tiny(self) -> Self:
            return self

        @property
        def pretrained(self) -> bool:
            return self.file is not None

        def initialise(self, model: nn.Module, folder: Path | None = None) -> tuple[LoadReport, ...]:
            if self.file is None:
                return ()
            file = (folder or weights_folder()) / f"{self.file}.safetensors"
            assert isinstance(model, Tower)
            tensors = load_file(file)
            return (fill(model.backbone, tensors, {name: name for name in tensors}, source=file.name),)

        def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
            return fill(model, read_tensors(path), {name: name for name in model.state_dict()}, source=path.name)

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            if part not in ("backbone", "head"):
                return super().copy_from(model, tensors, part)
            own = {name.removeprefix(f"{part}."): t for name, t in tensors.items() if name.startswith(f"{part}.")}
            names = {name: name for name in own}
            return fill(model.get_submodule(part), own, names, source=f"the parent run of {part}")

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.backbone = nn.Linear(2, width)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(width, num_classes)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, points: Tensor) -> Tensor:
        """Logits (B, C) of points (B, 2)."""
        return self.head(self.drop(torch.tanh(self.backbone(points)))) * self.scale


POINTS = RunConfig(
    model=Tower.Config(),
    data=PointData(),
    optim=OptimConfig(epochs=4, batch_size=4, lr=0.1, validate_every=1),
    evaluation=EvalConfig(views=2, crops=1),
)


assert POINTS.optim is not None
# An epoch has five whole steps and one of three items.
REST = replace(
    POINTS, data=PointData(dataset=Points.Config(num_train=23)), optim=replace(POINTS.optim, rest_multiple=3)
)


class NoSignalHandlers(StopRequest):
    def install_handlers(self) -> None:
        """Install none, so that pytest's remain."""


def carry_out(
    run: RunConfig, store: RunStore, resources: Resources, stop: StopRequest | None = None, *, eval_only: bool = False
) -> dict:
    """Train and test a run in this process, whose signal handlers remain; returns the metrics of its own weights."""
    request = Request(run=run, resources=resources, runs=store.root, eval_only=eval_only)
    train_and_test(request, store, stop or NoSignalHandlers(), FirstProcess(resources.rank))
    return read_json(store.run(run.train_id).metrics(run.eval_id)) or {}


class Killed(BaseException):
    """Ends a training immediately like a kill: nothing more is written."""


class Validation(NamedTuple):
    """Metric value of a validation, and the weights that it validated."""

    value: float
    weights: dict[str, Tensor]


class RunHarness:
    """Trains and tests runs in this process, and simulates kills.

    It records the global step of each training batch and each validation. For recipes that keep the best weights, it
    also records the validations. Each event file of TensorBoard seems to be the first of its process, a second after
    the one before: they are sorted by name, in which the number of a file in its process has no leading zeros.
    """

    def __init__(self, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.resources = Resources(data=(("points", store.root.parent),), devices=1)
        self.trainers: list[Trainer] = []
        self.steps: list[int] = []
        self.validated_after: list[int] = []
        self.validations: list[Validation] = []
        self.kill_before: Callable[[str], bool] = lambda event: False
        training_step, validation_step = TaskModule.training_step, TaskModule.validation_step
        select, save = BestWeights.on_validation_end, Checkpointing.save

        def watched_step(module: TaskModule, batch: object, batch_idx: int) -> Tensor:
            self.notify("step")
            self.steps.append(module.global_step)
            return training_step(module, batch, batch_idx)  # type: ignore[arg-type]

        def watched_validation(module: TaskModule, batch: object, batch_idx: int) -> None:
            self.notify(f"validation batch {batch_idx}")
            if batch_idx == 0:
                self.validated_after.append(module.global_step)
            validation_step(module, batch, batch_idx)  # type: ignore[arg-type]

        def watched_selection(callback: BestWeights, trainer: Trainer, module: LightningModule) -> None:
            assert isinstance(module, TaskModule)
            state = {name: tensor.clone() for name, tensor in module.model.state_dict().items()}
            self.validations.append(Validation(float(trainer.callback_metrics[f"val/{callback.curve}"]), state))
            select(callback, trainer, module)

        def watched_save(callback: Checkpointing, trainer: Trainer) -> None:
            self.notify("checkpoint")
            save(callback, trainer)

        def watched_trainer(*arguments: object, **options: object) -> Trainer:
            trainer = make_trainer(*arguments, **options)  # type: ignore[arg-type]
            self.trainers.append(trainer)
            return trainer

        monkeypatch.setattr(TaskModule, "training_step", watched_step)
        monkeypatch.setattr(TaskModule, "validation_step", watched_validation)
        monkeypatch.setattr(BestWeights, "on_validation_end", watched_selection)
        monkeypatch.setattr(Checkpointing, "save", watched_save)
        monkeypatch.setattr("runner.training.train.make_trainer", watched_trainer)
        seconds = itertools.count(int(time.time()))
        monkeypatch.setattr(event_file_writer, "time", SimpleNamespace(time=lambda: next(seconds)))

    def notify(self, event: str) -> None:
        """Raise `Killed` if a kill is planned before this event."""
        if self.kill_before(event):
            raise Killed(event)

    def plan_kill(self, event: str, time: int) -> None:
        """Plan a kill before the given occurrence of an event, counted from 1."""
        count = 0

        def is_planned(current: str) -> bool:
            nonlocal count
            count += current == event
            return current == event and count == time

        self.kill_before = is_planned

    def execute(self, run: RunConfig, *, eval_only: bool = False, request: StopRequest | None = None) -> dict:
        return carry_out(run, self.store, self.resources, request, eval_only=eval_only)

    def execute_and_kill(self, run: RunConfig, event: str, time: int) -> None:
        """Execute a run and kill it before the given occurrence of an event."""
        self.plan_kill(event, time)
        with pytest.raises(Killed):
            self.execute(run)
        self.kill_before = lambda event: False

    def weights(self, run: RunConfig) -> dict[str, Tensor]:
        return load_file(self.store.run(run.train_id).weights)

    def curves(self, run: RunConfig) -> dict[str, list[tuple[int, float]]]:
        """Steps and values of each curve, as TensorBoard reads them."""
        events = EventAccumulator(str(self.store.run(run.train_id).tensorboard)).Reload()
        return {tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]}

    def use_new_store(self, name: str) -> None:
        """Replace the store by an empty one and clear the records."""
        self.store = RunStore(self.store.root.parent / name)
        for records in (self.trainers, self.steps, self.validated_after, self.validations):
            records.clear()


class StopsAfter(NoSignalHandlers):
    """Asks for the end once so many steps are taken."""

    def __init__(self, harness: RunHarness, steps: int, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.harness, self.steps, self.number = harness, steps, number

    @property
    def pending(self) -> int | None:
        return self.number if len(self.harness.steps) >= self.steps else None
