"""Scores of a test: stored per item and view, merged over views, converted to metrics and to predictions.

I: items. C: classes of all kinds of label. B: items of a batch. V: variants of a view, such as its crops.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interface.batches import Batch
from interface.evaluation import EvalConfig

EVALUATED, FAILED, MISSING = "evaluated", "failed", "missing"
STATES = (EVALUATED, FAILED, MISSING)


class TestResult(NamedTuple):
    """Metrics of a test, and the numbers of evaluated, unreadable and missing items."""

    metrics: dict[str, float]
    """Values in percent of all items, unless the metric defines another unit."""
    evaluated: int
    failed: int
    missing: int


class Prediction(NamedTuple):
    """Prediction of an item for one kind of label."""

    kind: str
    label: int
    best: tuple[tuple[int, float], ...]
    """Classes with the best scores, best first, each with its share of the scores."""

    @property
    def is_correct(self) -> bool:
        return self.best[0][0] == self.label


class Predictions(NamedTuple):
    """Predictions of all items, in the order of the test."""

    shares: Tensor
    """Shares of the classes of each kind (I, C), which sum to 1 over the classes of a kind."""
    labels: Tensor
    """(I, kinds)."""
    readable: Tensor
    """Whether the items are readable, (I,). The others have no prediction."""
    classes: Mapping[str, int]
    """Number of classes per kind of label, in the order of the shares."""

    def of_item(self, index: int) -> tuple[Prediction, ...]:
        """Predictions of an item, one for each kind of label, with the two best classes."""
        parts = self.shares[index].split(tuple(self.classes.values()))
        found = []
        for kind, part, label in zip(self.classes, parts, self.labels[index].tolist(), strict=True):
            best = part.topk(min(2, len(part)))
            pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            found.append(Prediction(kind, label, tuple(pairs)))
        return tuple(found)

    def confusion(self, kind: str) -> NDArray[np.int64]:
        """Numbers of readable items by label (rows) and predicted class (columns): (classes, classes)."""
        place, num_classes = list(self.classes).index(kind), self.classes[kind]
        part = self.shares.split(tuple(self.classes.values()), dim=1)[place]
        pairs = (self.labels[:, place] * num_classes + part.argmax(1))[self.readable]
        return pairs.bincount(minlength=num_classes**2).reshape(num_classes, num_classes).numpy()


class ClassCounts(NamedTuple):
    """Numbers of items of a class: correctly predicted, predicted, and labelled."""

    correct: int
    predicted: int
    support: int


def counts_of(predicted: Tensor, labels: Tensor, readable: Tensor, num_classes: int) -> dict[int, ClassCounts]:
    """Counts of the classes that are a label or a prediction (I,). Items that are not readable have no prediction."""
    correct = labels[readable & (predicted == labels)]
    counts = (classes.bincount(minlength=num_classes).tolist() for classes in (correct, predicted[readable], labels))
    by_class = {number: ClassCounts(*of_class) for number, of_class in enumerate(zip(*counts, strict=True))}
    return {number: found for number, found in by_class.items() if any(found)}


class Scores(ABC):
    """Results of a test, collected in any order and from any number of processes."""

    @abstractmethod
    def test(self, model: nn.Module, batch: Batch) -> None:
        """Add the results of a model for a batch."""

    @abstractmethod
    def state(self) -> object:
        """All collected results, for transfer to other processes."""

    @abstractmethod
    def merge(self, state: object) -> None:
        """Add the results of another process."""

    @abstractmethod
    def check(self, num_items: int) -> None:
        """Reject an incomplete test (RuntimeError), and scores that are not finite (ValueError)."""

    @abstractmethod
    def result(self) -> TestResult:
        """Metrics over all items."""

    def correct(self) -> dict[str, NDArray[np.bool_]]:
        """Mask (I,) of the correct items, for each metric that is their share. Items are in the order of the test."""
        return {}

    def readable(self) -> NDArray[np.bool_]:
        """Mask (I,) of the items that could be read, where `correct` has masks."""
        return np.zeros(0, bool)

    def counts_by_class(self) -> dict[str, dict[int, ClassCounts]]:
        """Counts of the classes of each kind of label that are a label or a prediction; empty without classes."""
        return {}

    def predictions(self) -> Predictions | None:
        """Predictions beside the labels; None if the labels are no classes."""
        return None

    def arrays(self) -> dict[str, NDArray]:
        """Arrays to be saved with the metrics, by name. Empty if none are saved."""
        return {}

    def load(self, arrays: Mapping[str, NDArray], views: tuple[int, ...]) -> None:
        """Add some views of another, saved test."""
        raise ValueError("the scores of this task cannot be loaded")

    def take_predictions(self) -> dict[int, NDArray[np.uint8]]:
        """Predictions of the items since the last call, for data that store them as files; empty if there are none."""
        return {}


@dataclass
class ItemScore:
    """Scores of one item."""

    label: int | tuple[int, ...]
    views: dict[int, Tensor] = field(default_factory=dict)
    """Scores (C,) of each view, summed over its variants."""
    states: dict[int, int] = field(default_factory=dict)
    """State of each view, as an index in STATES."""

    @property
    def state(self) -> str:
        """State of the item: the worst state of its views."""
        return STATES[max(self.states.values())]


@dataclass(eq=False)
class ViewScores(Scores):
    """Class scores of the views of items."""

    protocol: EvalConfig
    softmax: Callable[[Tensor], Tensor]
    """Softmax of outputs (..., C), over the classes of each kind of label."""
    hits: Callable[[Tensor, Tensor], Mapping[str, Tensor]]
    """Mask (I,) of the correct items for each metric, from scores (I, C) and labels (I,) or (I, kinds)."""
    classes: Mapping[str, int]
    """Number of classes per kind of label, in the order of the scores."""
    items: dict[int, ItemScore] = field(default_factory=dict)

    def test(self, model: nn.Module, batch: Batch) -> None:
        outputs = self.outputs(model, batch)
        self.add(outputs, batch.targets, batch.items, batch.views, batch.unreadable, batch.missing)

    def outputs(self, model: nn.Module, batch: Batch) -> Tensor:
        """Outputs (B, V, C) of a model for a batch, whose inputs are (B, V, ...)."""
        shape = batch.inputs[0].shape[:2]
        return model(*(part.flatten(0, 1) for part in batch.inputs)).unflatten(0, shape)

    def add(
        self, outputs: Tensor, labels: Tensor, items: Tensor, views: Tensor, unreadable: Tensor, missing: Tensor
    ) -> None:
        """Add a batch of views. Views that were added before are ignored.

        Args:
            outputs: (B, V, C), outputs of the model.
            labels: (B,) or (B, kinds of label).
            items, views, unreadable, missing: (B,).
        """
        outputs = outputs.float()
        values = self.softmax(outputs) if self.protocol.merge.endswith("softmax") else outputs
        columns = (t.tolist() for t in (labels, items, views, unreadable, missing))
        for label, item, view, is_unreadable, is_missing, score in zip(*columns, values.sum(1).cpu(), strict=True):
            label = tuple(label) if isinstance(label, list) else label
            entry = self.items.setdefault(item, ItemScore(label))
            if view not in entry.views:
                # A copy: a row of the batch would be saved, and sent to other processes, with the whole batch.
                entry.views[view], entry.states[view] = score.clone(), is_unreadable + is_missing

    def state(self) -> object:
        return self.items

    def merge(self, state: object) -> None:
        assert isinstance(state, dict)
        for index, other in state.items():
            own = self.items.setdefault(index, ItemScore(other.label))
            own.views = {**other.views, **own.views}
            own.states = {**other.states, **own.states}

    def check(self, num_items: int) -> None:
        needed = set(range(self.protocol.views))
        for index in range(num_items):
            seen = self.items[index].views.keys() if index in self.items else set()
            if seen != needed:
                raise RuntimeError(f"item {index} of the test was scored on {len(seen)} views instead of {len(needed)}")
        diverged = sum(not torch.stack(list(item.views.values())).isfinite().all() for item in self.items.values())
        if diverged:
            raise ValueError(
                f"the scores of {diverged} of {num_items} test items are not finite: these weights are of no use; "
                f"where they were trained here, train them with a smaller optim.lr"
            )

    def merged(self, index: int) -> Tensor:
        """Scores (C,) of an item, merged over all its views by the rule of the protocol."""
        return self.mean(index) if self.protocol.merge.startswith("mean") else self.total(index)

    def total(self, index: int) -> Tensor:
        """Sum (C,) over all views and crops of an item."""
        views = self.items[index].views
        return sum((views[view] for view in sorted(views)), start=torch.zeros(()))

    def mean(self, index: int) -> Tensor:
        """Mean (C,) over all views and crops of an item."""
        return self.total(index) / (len(self.items[index].views) * self.protocol.crops)

    def result(self) -> TestResult:
        """Metrics in percent of all items. Unreadable items count as incorrect."""
        states = [item.state for item in self.items.values()]
        percent = {name: 100.0 / len(mask) * int(mask.sum()) for name, mask in self.correct().items()}
        return TestResult(percent, *(states.count(state) for state in STATES))

    def correct(self) -> dict[str, NDArray[np.bool_]]:
        """Mask (I,) of the correct items for each metric. Unreadable items are incorrect."""
        if not self.items:
            return {}
        scores, labels, readable = self.merged_items()
        return {name: (hit & readable).numpy() for name, hit in self.hits(scores, labels).items()}

    def readable(self) -> NDArray[np.bool_]:
        return np.array([self.items[index].state == EVALUATED for index in sorted(self.items)])

    def counts_by_class(self) -> dict[str, dict[int, ClassCounts]]:
        """Counts of the classes of each kind of label. Unreadable items have a label, and no prediction."""
        if not (self.items and self.classes):
            return {}
        scores, labels, readable = self.merged_items()
        parts = scores.split(tuple(self.classes.values()), dim=1)
        of_kinds = labels.reshape(len(labels), -1).unbind(1)  # (I,) each
        return {
            kind: counts_of(part.topk(1).indices[:, 0], label, readable, self.classes[kind])
            for kind, part, label in zip(self.classes, parts, of_kinds, strict=True)
        }

    def predictions(self) -> Predictions | None:
        if not (self.items and self.classes):
            return None
        scores, labels, readable = self.merged_items()
        if self.protocol.merge.endswith("logits"):
            scores = self.softmax(scores)
        parts = [part / part.sum(1, keepdim=True) for part in scores.split(tuple(self.classes.values()), dim=1)]
        return Predictions(torch.cat(parts, dim=1), labels.reshape(len(labels), -1), readable, self.classes)

    def merged_items(self) -> "MergedItems":
        """Merged scores and labels of all items, in the order of the test."""
        indices = sorted(self.items)
        return MergedItems(
            torch.stack([self.merged(i) for i in indices]),
            torch.tensor([self.items[i].label for i in indices]),
            torch.tensor([self.items[i].state == EVALUATED for i in indices]),
        )

    def arrays(self) -> dict[str, NDArray]:
        """Scores (I, views, C), labels (I,) or (I, kinds), states (I, views): 0 evaluated, 1 failed, 2 missing."""
        items = [self.items[index] for index in sorted(self.items)]
        return {
            "scores": torch.stack(
                [torch.stack([item.views[view] for view in sorted(item.views)]) for item in items]
            ).numpy(),
            "labels": np.array([item.label for item in items]),
            "status": np.array([[item.states[view] for view in sorted(item.views)] for item in items]),
        }

    def load(self, arrays: Mapping[str, NDArray], views: tuple[int, ...]) -> None:
        rows = zip(arrays["scores"], arrays["labels"].tolist(), arrays["status"].tolist(), strict=True)
        for index, (scores, label, states) in enumerate(rows):
            label = tuple(label) if isinstance(label, list) else label
            chosen = {place: torch.from_numpy(scores[view]) for place, view in enumerate(views)}
            self.items[index] = ItemScore(label, chosen, {place: states[view] for place, view in enumerate(views)})


class MergedItems(NamedTuple):
    """Scores (I, C), labels (I,) or (I, kinds), and whether the items are readable (I,)."""

    scores: Tensor
    labels: Tensor
    readable: Tensor
