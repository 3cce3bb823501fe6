"""J and F on the vectors of the official evaluation, and their recall and decay."""

import numpy as np
import pytest

from lightning_modules.mask_metrics import Mask, boundary, boundary_accuracy, over_frames, region_similarity

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


@pytest.mark.parametrize(
    ("size", "box", "pixels"), [(LARGE, FIRST, 600), (SMALL, (10, 30, 10, 40), 100), (SMALL, (40, 64, 40, 64), 49)]
)
def test_numbers_of_boundary_pixels(size: tuple[int, int], box: Box, pixels: int) -> None:
    assert np.count_nonzero(boundary(mask(size, box))) == pixels


def test_boundary_equals_its_definition_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    found = rng.uniform(size=(9, 7)) < 0.5
    expected = np.zeros_like(found)
    rows, columns = found.shape
    for i in range(rows):
        for j in range(columns):
            neighbours = [(i + a, j + b) for a, b in ((0, 1), (1, 0), (1, 1))]
            inside = [(min(a, rows - 1), min(b, columns - 1)) for a, b in neighbours]
            expected[i, j] = any(found[i, j] != found[place] for place in inside)
    assert (boundary(found) == expected).all()


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


def test_decay_of_long_sequences_does_not_overflow() -> None:
    values = np.r_[np.ones(300), np.zeros(300)]
    assert over_frames(values).decay == 1.0
