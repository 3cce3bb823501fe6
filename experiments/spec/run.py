"""A run: everything that decides a trained model and its score, and the ids made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data.config import DataConfig
from data.evaluation import EvalConfig
from experiments.spec.ids import canonical, digest, hashed_fields, tag_of
from lightning_modules.classification import SingleLabel
from lightning_modules.optim import OptimConfig
from lightning_modules.task import Objective
from models.model import ModelConfig

if TYPE_CHECKING:
    from lightning_modules.module import TaskModule

START = "start"  # the name of a parent that fills the whole model


@dataclass(frozen=True, kw_only=True)
class Parent:
    """A run whose weights another run starts from.

    `part`: the part of the model that they fill, e.g. one expert of several; empty for the whole model.
    """

    run: "RunConfig"
    part: str = ""

    @property
    def name(self) -> str:
        """The last part of the names of its cells: `row.column.start`, or the part of the model."""
        return self.part or START


def named_parents(described: Sequence[tuple[str, object]]) -> dict[str, object]:
    """The parents as they stand in ids and descriptions.

    A lone parent that fills the whole model is called `start_from`, as when runs could have no other.

    Args:
        described: part of the model, and id or description of the run.
    """
    match described:
        case []:
            return {}
        case [("", whole)]:
            return {"start_from": whole}
    return {"parents": tuple(described)}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One training and its test, as the paper's implementation details state them.

    Args:
        optim: None for a run that trains nothing and is only tested.
        parents: runs to start from; which tensors they share, the model's config knows.
    """

    model: ModelConfig
    data: DataConfig
    optim: OptimConfig | None = field(default_factory=OptimConfig)
    evaluation: EvalConfig = field(default_factory=EvalConfig)
    objective: Objective = field(default_factory=SingleLabel)
    parents: tuple[Parent, ...] = field(default=(), metadata={"omit_if": ()})
    seed: int = 0

    @property
    def train_id(self) -> str:
        """Hash of all that decides the weights."""
        parents = [(parent.part, parent.run.train_id) for parent in self.parents]
        return digest({**self._decisive_fields(), **named_parents(parents)})

    @property
    def eval_id(self) -> str:
        """Hash of the test protocol."""
        return digest(self.evaluation)

    @property
    def description(self) -> dict[str, object]:
        """All that decides the weights as JSON, for people and for the check that a run directory holds this run."""
        fields = {name: canonical(part) for name, part in self._decisive_fields().items()}
        parents = named_parents([(parent.part, parent.run.description) for parent in self.parents])
        if isinstance(several := parents.get("parents"), tuple):
            parents["parents"] = [list(parent) for parent in several]  # as JSON reads them back
        return {"type": tag_of(type(self)), **fields, **parents}

    def _decisive_fields(self) -> dict[str, object]:
        """The fields that decide the weights, but for the parents."""
        fields = hashed_fields(self).items()
        return {name: part for name, part in fields if name not in ("evaluation", "parents") and part is not None}

    def check(self) -> None:
        """Refuse what cannot be built, trained or tested, whatever the machine.

        Raises:
            ValueError: naming the field and what would fit.
        """
        self.model.check(self.data.size)
        self.data.check(self.evaluation)
        for kind, count in self.data.targets.classes.items():
            if count < 1:
                raise ValueError(
                    f"{self.data.dataset.name}: the number of classes of the label '{kind}' is {count}; it must be 1 or more"
                )
        self.objective.task(self.data.targets)

    def build(self) -> "TaskModule":
        """The LightningModule, with random weights.

        Raises:
            ValueError: as `check`.
        """
        from lightning_modules.module import TaskModule  # here: resolving a table does not import Lightning

        task = self.objective.task(self.data.targets)
        model = self.model.build(self.data.size, self.data.targets)
        return TaskModule(model, task, self.optim, self.evaluation, self.seed)
