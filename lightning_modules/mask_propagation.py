"""Propagation of the masks of objects through a video: region similarity J and boundary accuracy F of a test.

Follows the semi-supervised task of the official evaluation of DAVIS 2017
(https://github.com/davisvideochallenge/davis2017-evaluation). F frames, K objects, H x W pixels.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.ranges import Share
from interface.targets import Targets
from lightning_modules.scores import STATES, Scores, TestResult
from lightning_modules.task import Objective, UntrainedTask

VOID = 255  # label of pixels that belong to no object for certain

Mask = NDArray[np.bool_]
Values = NDArray[np.float64]

NUM_BINS = 4  # parts of a sequence; decay is the mean of the first minus that of the last
RECALL_THRESHOLD = 0.5


class OverFrames(NamedTuple):
    """Mean of a metric over the frames, share of frames above 0.5, and decrease from the first to the last quarter."""

    mean: float
    recall: float
    decay: float


@dataclass(frozen=True, kw_only=True)
class MaskPropagation(Objective):
    """Scores of propagated masks. All options have the values of the official evaluation.

    `jf` is the mean of `j` and `f`.
    """

    metrics: ClassVar[tuple[str, ...]] = ("jf", "j", "f", "j_recall", "f_recall", "j_decay", "f_decay")
    num_headlines: ClassVar[int] = 3
    is_trained: ClassVar[bool] = False

    boundary_tolerance: Share = 0.008
    """Distance within which boundaries match, as a fraction of the diagonal of the picture."""
    scores_last_frame: bool = False
    """Whether the last frame is scored. The first one, whose mask is given, never is."""
    void_is_background: bool = True
    """Whether void pixels count as background. Otherwise, they are not scored."""
    averaged_over: Literal["objects", "sequences"] = "objects"
    """Means over all objects of all sequences, or over sequences of means over their objects."""

    def task(self, targets: Targets) -> "MaskPropagationTask":
        if targets.classes:
            raise self.unsuited("scores masks", targets)
        return MaskPropagationTask(self)


class MaskPropagationTask(UntrainedTask):
    """Test of a model that maps frames (B, F, 3, h, w) and first masks (B, 1, H, W) to masks (B, F, H, W)."""

    objective_name = "MaskPropagation"

    def __init__(self, objective: MaskPropagation) -> None:
        self.objective = objective

    def new_scores(self, protocol: EvalConfig) -> "MaskScores":
        return MaskScores(self.objective)


class SequenceScores(NamedTuple):
    """Region similarity and boundary accuracy (K, scored frames) of a sequence."""

    j: Values
    f: Values
    state: int
    """Index in STATES."""


@dataclass(eq=False)
class MaskScores(Scores):
    """J and F of each object and frame of sequences, and the predicted masks that were not taken yet."""

    objective: MaskPropagation
    sequences: dict[int, SequenceScores] = field(default_factory=dict)
    predicted: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    def test(self, model: nn.Module, batch: Batch) -> None:
        frames, masks = (part[:, 0] for part in batch.inputs)  # the only view
        first = torch.where(masks[:, :1] == VOID, 0, masks[:, :1])
        predicted = model(frames, first)  # (B, F, H, W)
        columns = (t.tolist() for t in (batch.items, batch.unreadable, batch.missing))
        for own, truth, index, is_unreadable, is_missing in zip(predicted, masks, *columns, strict=True):
            self.add(index, own.cpu().numpy(), truth.cpu().numpy(), is_unreadable + is_missing)

    def add(self, index: int, predicted: NDArray[np.uint8], truth: NDArray[np.uint8], state: int = 0) -> None:
        """Score the predicted masks (F, H, W) of a sequence. The first true mask has all objects.

        `state` is an index in STATES. Unreadable sequences have no objects.
        """
        count = 0 if state else int(truth[0][truth[0] != VOID].max(initial=0))
        scored = slice(1, len(truth) if self.objective.scores_last_frame else len(truth) - 1)
        j, f = (np.zeros((count, len(truth[scored]))) for _ in range(2))
        for frame, (own, true) in enumerate(zip(predicted[scored], truth[scored], strict=True)):
            if not self.objective.void_is_background:
                own = np.where(true == VOID, 0, own)
            for number in range(count):
                masks = own == number + 1, true == number + 1
                j[number, frame] = region_similarity(*masks)
                f[number, frame] = boundary_accuracy(*masks, self.objective.boundary_tolerance)
        self.sequences[index] = SequenceScores(j, f, state)
        if not state:
            self.predicted[index] = predicted

    def state(self) -> object:
        return self.sequences

    def merge(self, state: object) -> None:
        assert isinstance(state, dict)
        self.sequences = {**state, **self.sequences}

    def check(self, num_items: int) -> None:
        if missing := [index for index in range(num_items) if index not in self.sequences]:
            raise RuntimeError(f"sequence {missing[0]} of the test was not scored")
        if not any(len(sequence.j) for sequence in self.sequences.values()):
            raise ValueError(f"none of the {num_items} test sequences could be scored")

    def result(self) -> TestResult:
        """Means over objects or over sequences, in percent."""
        j, f = (self.mean(name) for name in "jf")
        states = [STATES[sequence.state] for sequence in self.sequences.values()]
        metrics = {
            "jf": (j.mean + f.mean) / 2, "j": j.mean, "f": f.mean, "j_recall": j.recall, "f_recall": f.recall,
            "j_decay": j.decay, "f_decay": f.decay,
        }  # fmt: skip
        percent = {name: 100 * value for name, value in metrics.items()}
        return TestResult(percent, *(states.count(state) for state in STATES))

    def mean(self, name: str) -> OverFrames:
        """Mean of a metric, and of its recall and decay. Sequences without objects do not count."""
        by_sequence = [[over_frames(row) for row in getattr(sequence, name)] for sequence in self.sequences.values()]
        if self.objective.averaged_over == "sequences":
            return mean_of([mean_of(objects) for objects in by_sequence if objects])
        return mean_of([one for objects in by_sequence for one in objects])

    def take_predictions(self) -> dict[int, NDArray[np.uint8]]:
        """Predicted masks (F, H, W) of the sequences since the last call."""
        taken, self.predicted = self.predicted, {}
        return taken

    def arrays(self) -> dict[str, NDArray]:
        """J and F of all scored frames of all objects, with their sequence and object (from 1); states of sequences."""
        indices = sorted(self.sequences)
        counts = [self.sequences[index].j.shape for index in indices]
        places = [
            (i, k + 1)
            for i, (count, frames) in zip(indices, counts, strict=True)
            for k in range(count)
            for _ in range(frames)
        ]
        values = {name: [getattr(self.sequences[i], name).ravel() for i in indices] for name in "jf"}
        return {
            **{name: np.concatenate([*parts, np.zeros(0)]) for name, parts in values.items()},
            "places": np.array(places, int).reshape(-1, 2),
            "status": np.array([self.sequences[index].state for index in indices]),
        }

    def load(self, arrays: Mapping[str, NDArray], views: tuple[int, ...]) -> None:
        places = arrays["places"]
        for index, state in enumerate(arrays["status"].tolist()):
            own = places[:, 0] == index
            count = int(places[own, 1].max(initial=0))
            j, f = (arrays[name][own].reshape(count, -1) if count else np.zeros((0, 0)) for name in "jf")
            self.sequences[index] = SequenceScores(j, f, state)


def mean_of(objects: list[OverFrames]) -> OverFrames:
    """Mean over objects; not a number without any."""
    if not objects:
        return OverFrames(math.nan, math.nan, math.nan)
    return OverFrames(*np.mean(np.array(objects), axis=0).tolist())


def region_similarity(predicted: Mask, truth: Mask) -> float:
    """J: intersection over union; 1 if both masks are empty."""
    union = int(np.count_nonzero(predicted | truth))
    return 1.0 if union == 0 else int(np.count_nonzero(predicted & truth)) / union


def boundary_accuracy(predicted: Mask, truth: Mask, tolerance: float = 0.008) -> float:
    """F: harmonic mean of the shares of each boundary that are near the other one.

    The tolerance is a fraction of the diagonal of the picture, rounded up to whole pixels.
    """
    radius = math.ceil(tolerance * math.hypot(*truth.shape))
    ours, theirs = np.argwhere(boundary(predicted)), np.argwhere(boundary(truth))  # (points, 2)
    if len(ours) == 0 or len(theirs) == 0:
        return float(len(ours) == len(theirs))
    precision, recall = share_near(ours, theirs, radius), share_near(theirs, ours, radius)
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def boundary(mask: Mask) -> Mask:
    """Pixels that differ from their right, lower or lower right neighbour. Outside of the picture, nothing differs."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, lower, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return (mask ^ right) | (mask ^ lower) | (mask ^ diagonal)


def share_near(points: NDArray[np.intp], others: NDArray[np.intp], radius: float) -> float:
    """Share of points (n, 2) that have one of the others (m, 2) within a distance."""
    from scipy.spatial import KDTree  # here: resolving a table does not need it

    distances, _ = KDTree(others).query(points, distance_upper_bound=radius + 0.5)  # of integers: exact
    return float(np.mean(distances <= radius))


def over_frames(values: Values) -> OverFrames:
    """Mean, recall and decay of the values (T,) of the scored frames."""
    ends = np.round(np.linspace(1, len(values), NUM_BINS + 1) + 1e-10).astype(int) - 1
    first, last = values[ends[0] : ends[1] + 1], values[ends[-2] : ends[-1] + 1]  # both ends included
    return OverFrames(
        float(values.mean()), float((values > RECALL_THRESHOLD).mean()), float(first.mean() - last.mean())
    )
