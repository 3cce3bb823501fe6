"""The LightningModule: seeding of steps, logging, tests over several processes, and checkpoints of frozen models."""

import random
from pathlib import Path
from typing import NamedTuple

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.targets import ClassTarget
from lightning_modules.classification import SingleLabel, SingleLabelTask
from lightning_modules.mixup import Mixup
from lightning_modules.module import FROZEN, TaskModule
from lightning_modules.optim import SGD, CosineSchedule, OptimConfig
from lightning_modules.parameter_groups import ParameterRule
from lightning_modules.scores import ViewScores
from lightning_modules.task import FIRST, Place, Prepared
from models.model import Model
from models.tensors import frozen_fingerprint

pytestmark = pytest.mark.filterwarnings("ignore")

SIZE, CLASSES, PROTOCOL = 6, 3, EvalConfig(views=2, crops=2)
OPTIM = OptimConfig(epochs=2, batch_size=4, lr=0.1, optimizer=SGD(), precision="32-true")


class Net(Model):
    """Backbone, which may be frozen, dropout, and a head."""

    def __init__(self, *, frozen: bool = False, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.backbone = nn.Sequential(nn.Linear(SIZE, 5), nn.BatchNorm1d(5))
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(5, CLASSES)
        self.backbone.requires_grad_(not frozen)

    def forward(self, clips: Tensor) -> Tensor:
        return self.head(self.dropout(self.backbone(clips.flatten(1))))


class Flat(nn.Linear, Model):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(1))


def linear() -> Flat:
    torch.manual_seed(0)
    return Flat(SIZE, CLASSES)


def train_batch(seed: int = 0, unreadable: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    clips, labels = torch.randn(4, 1, 1, 2, 3, generator=generator), torch.randint(CLASSES, (4,), generator=generator)
    none = torch.zeros(4, dtype=torch.bool)
    return Batch(
        (clips,), labels, torch.arange(4), torch.zeros(4, dtype=torch.long), torch.arange(4) < unreadable, none
    )


def view_batch(item: int, view: int, seed: int = 0) -> Batch:
    """Two crops of a view of an item."""
    clips = torch.randn(1, 2, 1, 1, 2, 3, generator=torch.Generator().manual_seed(100 * seed + 10 * item + view))
    no = torch.tensor([False])
    return Batch((clips,), torch.tensor([item % CLASSES]), torch.tensor([item]), torch.tensor([view]), no, no)


def loader(batches: list[Batch]) -> DataLoader:
    return DataLoader(batches, batch_size=None, collate_fn=None)  # pyright: ignore[reportArgumentType]


def built(
    model: Model | None = None, objective: SingleLabel | None = None, optim: OptimConfig | None = OPTIM, seed: int = 7
) -> TaskModule:
    task = (objective or SingleLabel(label_smoothing=0.1)).task(ClassTarget(CLASSES))
    return TaskModule(model or Net(), task, optim, PROTOCOL, seed)


def trainer(**options: object) -> pl.Trainer:
    arguments = {"accelerator": "cpu", "max_epochs": 2, "logger": False, "enable_checkpointing": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    return pl.Trainer(**{**arguments, **quiet, **options})  # pyright: ignore[reportArgumentType]


# Steps


class Recorded(SingleLabelTask):
    """Records one draw from the generator of each batch, and one from the global generator."""

    def __init__(self) -> None:
        super().__init__(SingleLabel(), {"class": CLASSES})
        self.drawn: list[tuple[float, float]] = []
        self.places: list[Place] = []

    def prepare(
        self, inputs: tuple[Tensor, ...], targets: Tensor, generator: torch.Generator, place: Place = FIRST
    ) -> Prepared:
        self.drawn.append((torch.rand((), generator=generator).item(), torch.rand(()).item()))
        self.places.append(place)
        return super().prepare(inputs, targets, generator, place)


def draws(seed: int = 7, epochs: int = 2) -> list[tuple[float, float]]:
    task = Recorded()
    module = TaskModule(Net(), task, OPTIM, PROTOCOL, seed)
    batches = [train_batch(number) for number in range(3)]
    torch.manual_seed(random.randrange(2**31))  # a random outer state
    trainer(max_epochs=epochs).fit(module, loader(batches))
    return task.drawn


def test_a_step_is_prepared_with_a_generator_seeded_by_its_number() -> None:
    whole = draws()
    assert len(set(whole)) == 6
    assert draws() == whole
    assert draws(epochs=1) == whole[:3]
    assert draws(seed=8) != whole
    for step, drawn in enumerate(whole):
        seed = hash((7, step, 0)) % 2**63
        assert drawn[0] == torch.rand((), generator=torch.Generator().manual_seed(seed)).item()


def test_a_batch_is_prepared_with_its_place_and_its_loss_has_its_weight() -> None:
    task, losses = Recorded(), []

    class Losses(pl.Callback):
        def on_train_batch_end(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: Batch, batch_idx: int
        ) -> None:
            assert isinstance(outputs, dict)
            losses.append((outputs["loss"], trainer.callback_metrics["train/loss"]))

    batches = [train_batch(number)._replace(start=4 * number, weight=1 - number / 4) for number in range(2)]
    trainer(max_epochs=2, callbacks=[Losses()]).fit(TaskModule(Net(), task, OPTIM, PROTOCOL, 7), loader(batches))
    assert task.places == [Place(7, epoch, start) for epoch in (0, 1) for start in (0, 4)]
    for (loss, logged), weight in zip(losses, (1, 0.75, 1, 0.75), strict=True):
        torch.testing.assert_close(loss, weight * logged)


def test_the_rank_of_a_process_changes_its_seed() -> None:
    class OfRank(TaskModule):
        rank = 0

        @property
        def global_rank(self) -> int:
            return self.rank

    seeds = set()
    for rank in (0, 1):
        module = OfRank(Net(), Recorded(), OPTIM, PROTOCOL, 7)
        module.rank = rank
        module._trainer = trainer()  # pyright: ignore[reportAttributeAccessIssue]
        module.trainer.fit_loop.max_batches = 3
        module.on_train_batch_start(train_batch(), 1)
        seeds.add((module.step_seed, torch.rand(()).item()))
    assert len(seeds) == 2


def logged(module: TaskModule, batches: list[Batch], **options: object) -> dict[str, float]:
    run = trainer(max_epochs=1, **options)
    run.fit(module, loader(batches))
    return {name: value.item() for name, value in run.callback_metrics.items()}


def test_a_step_logs_loss_curves_rate_and_replaced_items() -> None:
    batch, model = train_batch(unreadable=1), linear()
    outputs = model(*batch.inputs)
    metrics = logged(built(model), [batch])
    assert metrics["train/loss"] == pytest.approx(
        nn.functional.cross_entropy(outputs, batch.targets, label_smoothing=0.1).item()
    )
    assert metrics["train/top1"] == pytest.approx(100 * (outputs.argmax(-1) == batch.targets).float().mean().item())
    assert metrics["train/lr"] == pytest.approx(0.1)
    assert metrics["train/replaced_items"] == 1
    epoch = logged(built(), [train_batch(unreadable=number) for number in (1, 0, 3)])
    assert epoch["train/replaced_items"] == 4


def test_the_rate_that_is_logged_is_the_largest_of_all_groups() -> None:
    optim = OptimConfig(
        epochs=1,
        lr=0.1,
        optimizer=SGD(),
        rules=(ParameterRule(names="head.*", lr_scale=5.0), ParameterRule(max_dims=1, lr_scale=0.5)),
    )
    assert logged(built(optim=optim), [train_batch()])["train/lr"] == pytest.approx(0.5)


def test_the_schedule_is_updated_at_every_optimiser_step() -> None:
    optim = OptimConfig(epochs=2, lr=1.0, optimizer=SGD(momentum=0.0), schedule=CosineSchedule(warmup_epochs=1))
    rates = []

    class Watch(pl.Callback):
        def on_before_optimizer_step(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
        ) -> None:
            rates.append(optimizer.param_groups[0]["lr"])

    batches = [train_batch(number) for number in range(4)]
    run = trainer(max_epochs=2, accumulate_grad_batches=2, callbacks=[Watch()])
    run.fit(built(optim=optim), loader(batches))
    assert rates == pytest.approx([0, 0.5, 1, 0.5])


def test_training_uses_mixed_batches_and_curves_use_labels() -> None:
    objective = SingleLabel(label_smoothing=0.1, mixup=Mixup.Config(probability=1.0))
    losses = [logged(built(objective=objective), [train_batch()])["train/loss"] for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0] != logged(built(), [train_batch()])["train/loss"]
    module = built(objective=objective)
    seen = []
    curves = module.task.curves
    module.task.curves = lambda outputs, targets: seen.append(targets) or curves(outputs, targets)  # pyright: ignore[reportAttributeAccessIssue]
    logged(module, [train_batch()])
    assert torch.equal(seen[0], train_batch().targets)


def test_validation_logs_loss_without_smoothing_and_curves() -> None:
    model, batches = linear(), [view_batch(item, 0) for item in range(3)]
    batches = [batch._replace(inputs=(batch.inputs[0][:, :1],)) for batch in batches]
    outputs = torch.cat([model(batch.inputs[0][:, 0]) for batch in batches])
    labels = torch.cat([batch.targets for batch in batches])
    run = trainer()
    (metrics,) = run.validate(built(model), loader(batches), verbose=False)
    assert metrics["val/loss"] == pytest.approx(nn.functional.cross_entropy(outputs, labels).item())
    assert metrics["val/top1"] == pytest.approx(100 * (outputs.argmax(-1) == labels).float().mean().item(), rel=1e-5)


# Tests


VIEWS = [(item, view) for item in range(5) for view in range(2)]


def expected_scores(model: Net) -> ViewScores:
    scores = SingleLabel().task(ClassTarget(CLASSES)).new_scores(PROTOCOL)
    for item, view in VIEWS:
        batch = view_batch(item, view)
        no = torch.tensor([False])
        scores.add(model(batch.inputs[0][0])[None], batch.targets, batch.items, batch.views, no, no)
    return scores


def test_a_test_scores_every_view_and_starts_with_empty_scores() -> None:
    model = Net().eval()
    module, run = built(model, optim=None), trainer()
    for seed in (0, 1):
        model.load_state_dict(Net(seed=seed).state_dict())
        (metrics,) = run.test(module, loader([view_batch(*place) for place in VIEWS]), verbose=False)
        module.scores.check(5)
        expected = expected_scores(model)
        assert metrics == {f"test/{name}": pytest.approx(v) for name, v in expected.result().metrics.items()}
        assert isinstance(module.scores, ViewScores)
        for item in range(5):
            torch.testing.assert_close(module.scores.merged(item), expected.merged(item))


# Checkpoints


class Saved(NamedTuple):
    module: TaskModule
    path: Path


def saved(folder: Path, *, frozen: bool, seed: int = 0) -> Saved:
    """A module after an epoch, and its checkpoint."""
    module = built(Net(frozen=frozen, seed=seed))
    run = trainer(max_epochs=1)
    run.fit(module, loader([train_batch(number) for number in range(3)]))
    run.save_checkpoint(folder / "last.ckpt")
    return Saved(module, folder / "last.ckpt")


@pytest.mark.parametrize("frozen", [True, False])
def test_a_checkpoint_has_trained_weights_buffers_and_a_fingerprint_of_frozen_weights(
    frozen: bool, tmp_path: Path
) -> None:
    module, path = saved(tmp_path, frozen=frozen)
    checkpoint = torch.load(path, weights_only=False)
    left_out = {f"backbone.{name}" for name in ("0.weight", "0.bias", "1.weight", "1.bias")} if frozen else set()
    assert set(checkpoint["state_dict"]) == {f"model.{name}" for name in module.model.state_dict().keys() - left_out}
    assert checkpoint.get(FROZEN) == frozen_fingerprint(module.model) and (FROZEN in checkpoint) == frozen
    assert torch.equal(checkpoint["state_dict"]["model.head.weight"], module.model.head.weight)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]


@pytest.mark.parametrize(
    ("frozen", "other"), [(False, Net(frozen=True)), (True, Net(frozen=False)), (True, Net(frozen=True, seed=1))]
)
def test_a_checkpoint_requires_the_same_frozen_parts_and_weights(frozen: bool, other: Net, tmp_path: Path) -> None:
    module, path = saved(tmp_path, frozen=frozen)
    theirs, ours = frozen_fingerprint(module.model), frozen_fingerprint(other)
    with pytest.raises(ValueError, match=rf"^the frozen weights \({ours}\) are not those .* \({theirs}\): get the"):
        trainer().fit(built(other), loader([train_batch()]), ckpt_path=path, weights_only=False)
