"""Metrics of masks in video: region similarity J and boundary accuracy F, with recall and decay over the frames.

Follows the official evaluation of DAVIS 2017 (https://github.com/davisvideochallenge/davis2017-evaluation).
T frames, H x W pixels. A mask is (H, W) and boolean.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Values = NDArray[np.float64]

NUM_BINS = 4  # parts of a sequence; decay is the mean of the first minus that of the last
RECALL_THRESHOLD = 0.5


class OverFrames(NamedTuple):
    """Mean of a metric over the frames, share of frames above 0.5, and decrease from the first to the last quarter."""

    mean: float
    recall: float
    decay: float


def region_similarity(predicted: Mask, truth: Mask) -> float:
    """J: intersection over union; 1 if both masks are empty."""
    union = int(np.count_nonzero(predicted | truth))
    return 1.0 if union == 0 else int(np.count_nonzero(predicted & truth)) / union


def boundary_accuracy(predicted: Mask, truth: Mask, tolerance: float = 0.008) -> float:
    """F: harmonic mean of the shares of each boundary that are near the other one.

    Args:
        tolerance: largest distance as a fraction of the diagonal of the picture, rounded up to whole pixels.
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
