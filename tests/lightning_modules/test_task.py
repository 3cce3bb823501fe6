"""Defaults of tasks and objectives."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from interface.evaluation import EvalConfig
from interface.targets import ClassTarget
from lightning_modules.classification import SingleLabel
from lightning_modules.scores import ViewScores
from lightning_modules.task import Objective, Task
from lightning_modules.verb_noun import VerbNoun


class Mean(Task):
    """Task with all defaults of the base class."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.mean()

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.mean()

    def curves(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        return {}

    def new_scores(self, protocol: object) -> ViewScores:
        return SingleLabel().task(ClassTarget(3)).new_scores(EvalConfig(views=1, crops=1))

    def test(self, model: nn.Module, batch: object, scores: object) -> None: ...


def test_a_task_does_not_change_batches_by_default() -> None:
    inputs, targets = (torch.zeros(2), torch.ones(2)), torch.zeros(2)
    prepared = Mean().prepare(inputs, targets, torch.Generator())
    assert prepared.inputs is inputs
    assert prepared.targets is targets


def test_an_objective_has_one_headline_by_default() -> None:
    assert (Objective.num_headlines, SingleLabel.num_headlines, VerbNoun.num_headlines) == (1, 1, 3)
    assert SingleLabel.metrics == ("top1", "top5")


@pytest.mark.parametrize("base", [Task, Objective])
def test_the_base_classes_are_abstract(base: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        base()
