"""Task of mask propagation: objects, void, unscored frames, saved items."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.targets import ClassTarget, MaskTarget
from lightning_modules.mask_propagation import (
    VOID,
    Mask,
    MaskPropagation,
    MaskScores,
    boundary,
    boundary_accuracy,
    over_frames,
    region_similarity,
)

PROTOCOL = EvalConfig(views=1, crops=1)


def masks(num_frames: int = 6, seed: int = 0, num_objects: int = 2) -> NDArray[np.uint8]:
    """Random masks in blocks; the first one has all objects."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(num_objects + 1, size=(num_frames, 4, 5))
    coarse[0, 0, :num_objects] = np.arange(1, num_objects + 1)
    return np.kron(coarse, np.ones((1, 8, 8))).astype(np.uint8)


def scores_of(
    *pairs: tuple[NDArray[np.uint8], NDArray[np.uint8]], objective: MaskPropagation | None = None
) -> MaskScores:
    scores = MaskScores(objective or MaskPropagation())
    for index, pair in enumerate(pairs):
        scores.add(index, *pair)
    return scores


def test_true_masks_have_full_scores() -> None:
    metrics = scores_of((masks(), masks())).result().metrics
    assert metrics == {"jf": 100, "j": 100, "f": 100, "j_recall": 100, "f_recall": 100, "j_decay": 0, "f_decay": 0}
    assert set(metrics) == set(MaskPropagation.metrics)


def test_means_are_over_objects_not_over_sequences() -> None:
    truth, wrong = masks(num_objects=3), masks(seed=1, num_objects=1)
    scores = scores_of((truth, truth), (np.zeros_like(wrong), wrong))
    assert scores.result().metrics["j"] == pytest.approx(100 * 3 / 4)
    j, f = (scores.result().metrics[name] for name in ("j", "f"))
    assert scores.result().metrics["jf"] == pytest.approx((j + f) / 2)
    by_sequence = MaskScores(MaskPropagation(averaged_over="sequences"))
    by_sequence.merge(scores.state())
    assert by_sequence.result().metrics["j"] == pytest.approx(100 / 2)


def test_first_and_last_frame_are_not_scored() -> None:
    truth, predicted = masks(), masks()
    predicted[[0, -1]] = 0
    assert scores_of((predicted, truth)).result().metrics["jf"] == 100
    with_last = scores_of((predicted, truth), objective=MaskPropagation(scores_last_frame=True))
    assert with_last.result().metrics["jf"] < 100


def test_void_counts_as_background_unless_it_is_not_scored() -> None:
    truth = masks()
    truth[2, :8, :8] = VOID
    predicted = np.where(truth == VOID, 1, truth).astype(np.uint8)
    assert scores_of((predicted, truth)).result().metrics["j"] < 100
    assert (
        scores_of((predicted, truth), objective=MaskPropagation(void_is_background=False)).result().metrics["j"] == 100
    )


def test_void_of_the_first_mask_is_no_object() -> None:
    truth = masks(num_objects=1)
    truth[0, :2] = VOID
    truth[0, 2:4] = 1
    assert scores_of((truth, truth)).sequences[0].j.shape == (1, 4)


def test_an_object_that_is_never_predicted_counts_as_an_empty_mask() -> None:
    truth = masks(num_objects=2)
    predicted = np.where(truth == 2, 0, truth).astype(np.uint8)
    j = scores_of((predicted, truth)).sequences[0].j
    expected = [region_similarity(predicted[t] == 2, truth[t] == 2) for t in range(1, 5)]
    assert j[1].tolist() == expected and set(expected) <= {0.0, 1.0}
    assert (j[0] == 1).all()


def test_ids_of_objects_can_be_exchanged() -> None:
    truth, predicted = masks(num_objects=3), masks(seed=5, num_objects=3)
    exchanged = np.array([0, 3, 1, 2], np.uint8)
    before, after = scores_of((predicted, truth)), scores_of((exchanged[predicted], exchanged[truth]))
    assert after.result().metrics == pytest.approx(before.result().metrics)


def test_results_are_equal_after_saving_and_after_merging() -> None:
    pairs = [
        (masks(seed=n, num_frames=5 + n, num_objects=n + 1), masks(seed=n + 9, num_frames=5 + n, num_objects=n + 1))
        for n in range(3)
    ]
    whole = scores_of(*pairs)
    expected = whole.result()
    loaded, merged = (MaskScores(MaskPropagation()) for _ in range(2))
    loaded.load(whole.arrays(), (0,))
    merged.merge(whole.state())
    for other in (loaded, merged):
        other.check(3)
        assert other.result().metrics == pytest.approx(expected.metrics)
        assert other.result()[1:] == expected[1:] == (3, 0, 0)
    assert over_frames(whole.sequences[0].j[0]).mean == pytest.approx(loaded.sequences[0].j[0].mean())


def test_missing_sequences_are_refused() -> None:
    with pytest.raises(RuntimeError, match="sequence 1 of the test was not scored"):
        scores_of((masks(), masks())).check(2)


def test_a_test_without_readable_sequences_is_refused() -> None:
    scores = MaskScores(MaskPropagation())
    scores.add(0, masks(), masks(), state=1)
    with pytest.raises(ValueError, match="none of the 1 test sequences"):
        scores.check(1)
    scores.add(1, masks(), masks())
    assert scores.result()[1:] == (1, 1, 0) and scores.result().metrics["j"] == 100


class Remembers(nn.Module):
    """Model that keeps what it was given, and repeats the first mask."""

    def forward(self, frames: Tensor, first: Tensor) -> Tensor:
        self.first = first
        return first.expand(-1, frames.shape[1], -1, -1)


def test_the_model_sees_the_first_mask_alone_without_void() -> None:
    truth = torch.from_numpy(masks())
    truth[0, 0, 0] = VOID
    zero = torch.zeros(1, dtype=torch.long)
    batch = Batch((torch.zeros(1, 1, 6, 3, 4, 4), truth[None, None]), zero, zero, zero, zero > 0, zero > 0)
    task = MaskPropagation().task(MaskTarget())
    scores, model = task.new_scores(PROTOCOL), Remembers()
    scores.test(model, batch)
    assert model.first.shape == (1, 1, 32, 40) and VOID not in model.first
    assert (model.first[0, 0] == torch.where(truth[0] == VOID, 0, truth[0])).all()
    taken = scores.take_predictions()
    assert taken[0].shape == (6, 32, 40) and scores.take_predictions() == {}


def test_invalid_uses_are_refused() -> None:
    with pytest.raises(ValueError, match="these data have a class"):
        MaskPropagation().task(ClassTarget(3))
    for tolerance in (-0.1, float("nan"), 1e24):
        with pytest.raises(ValueError, match="boundary_tolerance"):
            MaskPropagation(boundary_tolerance=tolerance)
    with pytest.raises(ValueError, match="optim=None"):
        MaskPropagation().task(MaskTarget()).loss(torch.zeros(1), torch.zeros(1))


# Metrics

Box = tuple[int, int, int, int]
LARGE, SMALL = (480, 854), (64, 64)
FIRST = (100, 200, 100, 300)


def mask(size: tuple[int, int], box: Box | None) -> Mask:
    """Mask of a rectangle: rows a to b, columns c to d."""
    found = np.zeros(size, bool)
    if box is not None:
        found[box[0] : box[1], box[2] : box[3]] = True
    return found


# fmt: off
VECTORS = [
    (LARGE, FIRST,            (100, 200, 104, 304), 0.960784, 1.0),
    (LARGE, FIRST,            (100, 200, 108, 308), 0.923077, 1.0),
    (LARGE, FIRST,            (100, 200, 109, 309), 0.913876, 0.693333),
    (LARGE, FIRST,            (112, 212, 112, 312), 0.705321, 0.056667),
    (SMALL, (10, 30, 10, 40), (10, 30, 12, 42),     0.875,    0.62),
    (SMALL, (40, 64, 40, 64), (42, 64, 42, 64),     0.840278, 0.0),
    (SMALL, (0, 64, 0, 64),   (0, 64, 0, 64),       1.0,      1.0),
    (SMALL, None,             (10, 30, 10, 40),     0.0,      0.0),
    (SMALL, None,             None,                 1.0,      1.0),
]
# fmt: on


@pytest.mark.parametrize(("size", "predicted", "truth", "j", "f"), VECTORS)
def test_values_are_those_of_the_official_evaluation(
    size: tuple[int, int], predicted: Box | None, truth: Box | None, j: float, f: float
) -> None:
    masks = mask(size, predicted), mask(size, truth)
    assert region_similarity(*masks) == pytest.approx(j, abs=5e-7)
    assert boundary_accuracy(*masks) == pytest.approx(f, abs=5e-7)


def test_boundary_accuracy_equals_a_dilation_by_a_disc() -> None:
    rng = np.random.default_rng(1)
    radius = 3  # of 128 x 224 pixels
    for _ in range(5):
        masks = [np.kron(rng.uniform(size=(8, 14)) < 0.3, np.ones((16, 16), bool)) for _ in range(2)]
        edges = [boundary(found) for found in masks]
        dilated = [np.zeros_like(edge) for edge in edges]
        for edge, grown in zip(edges, dilated, strict=True):
            for row, column in np.argwhere(edge):
                ys, xs = np.ogrid[: edge.shape[0], : edge.shape[1]]
                grown |= (ys - row) ** 2 + (xs - column) ** 2 <= radius**2
        precision = (edges[0] & dilated[1]).sum() / edges[0].sum()
        recall = (edges[1] & dilated[0]).sum() / edges[1].sum()
        expected = 2 * precision * recall / (precision + recall)
        assert boundary_accuracy(masks[0], masks[1]) == pytest.approx(expected)


def test_recall_and_decay() -> None:
    found = over_frames(np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]))
    assert found == pytest.approx((0.55, 0.5, 0.5))
    assert over_frames(np.linspace(1, 0, 23)) == pytest.approx((0.5, 0.478261, 0.75), abs=5e-7)
    assert over_frames(np.r_[np.ones(300), np.zeros(300)]).decay == 1.0  # of a long sequence
