"""Run: all settings that determine a trained model and its test results, and the ids derived from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from data.config import DataConfig
from experiments.spec.ids import canonical, digest, hashed_fields, tag_of
from interface.evaluation import EvalConfig
from lightning_modules.classification import SingleLabel
from lightning_modules.optim import OptimConfig
from lightning_modules.task import Objective
from models.model import ModelConfig

if TYPE_CHECKING:
    from lightning_modules.module import TaskModule

START = "start"  # name of a parent that initialises the whole model


@dataclass(frozen=True, kw_only=True)
class Parent:
    """Run whose weights initialise another run.

    `part`: part of the model that they initialise, e.g. one of several experts; empty for the whole model.
    """

    run: "RunConfig"
    part: str = ""

    @property
    def name(self) -> str:
        """Last component of the parent's name in a table: "start" in `row.column.start`, or the part of the model."""
        return self.part or START


def named_parents(parents: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Parents as stored in ids and descriptions.

    A single parent of the whole model is stored as `start_from`, as before several parents were supported: ids of that
    time remain valid.

    Args:
        parents: part of the model, and id or description of the run, for each parent.
    """
    match parents:
        case []:
            return {}
        case [("", whole)]:
            return {"start_from": whole}
    return {"parents": tuple(parents)}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Training and test of a model, with the settings of the paper's implementation details.

    Args:
        optim: training recipe; None for a run that is only tested.
        parents: runs whose weights initialise the model. The model's config determines which tensors are copied.
    """

    model: ModelConfig
    data: DataConfig
    optim: OptimConfig | None = field(default_factory=OptimConfig)
    evaluation: EvalConfig = field(default_factory=EvalConfig)
    objective: Objective = field(default_factory=SingleLabel)
    parents: tuple[Parent, ...] = field(default=(), metadata={"omit_if": ()})
    seed: int = 0

    def __post_init__(self) -> None:
        names = [parent.name for parent in self.parents]
        for name in names:
            if names.count(name) > 1 or "." in name or (name == START) != (not self.parents[names.index(name)].part):
                raise ValueError(
                    f"parents: the parts {', '.join(names)} of the model; each must be named once, without a dot, and no "
                    f"part is named '{START}'"
                )

    @cached_property
    def train_id(self) -> str:
        """Hash of all settings that determine the weights."""
        parents = [(parent.part, parent.run.train_id) for parent in self.parents]
        return digest({**self._training_fields(), **named_parents(parents)})

    @property
    def pretrained(self) -> bool:
        return bool(self.parents) or self.model.pretrained

    @property
    def is_ensemble(self) -> bool:
        """Whether it is not trained itself, and the parts of its model are other runs."""
        return self.optim is None and any(parent.part for parent in self.parents)

    def with_seed(self, seed: int) -> "RunConfig":
        """The same run with another seed, if its result depends on it. The parts of an ensemble get the seed, too."""
        parents = self.parents
        if self.is_ensemble:
            parents = tuple(replace(parent, run=parent.run.with_seed(seed)) for parent in parents)
        elif seed == self.seed or not self._draws():
            return self
        return replace(self, seed=seed, parents=parents)

    def _draws(self) -> bool:
        """Whether it is trained, or has initial weights. Tests draw nothing, and a parent gives a model all its weights."""
        if self.optim is not None or self.parents:
            return self.optim is not None
        return bool([*self.model.on_meta(self.data.size, self.data.targets).parameters()])

    @cached_property
    def eval_id(self) -> str:
        return digest(self.evaluation)

    @cached_property
    def description(self) -> dict[str, object]:
        """Settings of `train_id` as JSON: for readers, and to check that a run directory belongs to this run."""
        fields = {name: canonical(part) for name, part in self._training_fields().items()}
        parents = named_parents([(parent.part, parent.run.description) for parent in self.parents])
        if isinstance(several := parents.get("parents"), tuple):
            parents["parents"] = [list(parent) for parent in several]  # JSON has no tuples
        return {"type": tag_of(type(self)), **fields, **parents}

    def _training_fields(self) -> dict[str, object]:
        """Fields that determine the weights, without the parents."""
        fields = hashed_fields(self).items()
        return {name: part for name, part in fields if name not in ("evaluation", "parents") and part is not None}

    def check(self) -> None:
        """Refuse runs that no machine can build, train or test."""
        self.check_model_and_recipe()
        self.data.check(self.evaluation)
        self.model.check_test_size(self.data.size, self.data.test_size(self.evaluation))

    def check_model_and_recipe(self) -> None:
        """Refuse all that `check` refuses, except test protocols that the data do not support."""
        self.model.check(self.data.size)
        for parent in self.parents:
            self.model.check_parent(parent.part, parent.run.model)
        for kind, count in self.data.targets.classes.items():
            if count < 1:
                name = self.data.dataset.name
                raise ValueError(
                    f"{name}: the number of classes of the label '{kind}' is {count}; it must be 1 or more"
                )
        self.objective.task(self.data.targets)
        if self.optim is not None and not self.objective.is_trained:
            raise ValueError(f"optim: {type(self.objective).__qualname__} trains nothing; set optim=None")
        if self.optim is not None:
            self.optim.check(lambda: self.model.on_meta(self.data.size, self.data.targets))
        elif not (self.pretrained or self.model.is_control):
            raise ValueError(
                "optim=None: the run would be tested with random weights; give it a training recipe, a parent, or a "
                "model with initial weights"
            )

    def build(self) -> "TaskModule":
        """LightningModule with random weights."""
        from lightning_modules.module import TaskModule  # here: tables are resolved without Lightning

        task = self.objective.task(self.data.targets)
        model = self.model.build(self.data.size, self.data.targets)
        return TaskModule(model, task, self.optim, self.evaluation, self.seed, self)
