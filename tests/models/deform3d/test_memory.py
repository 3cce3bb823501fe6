"""Peak memory of the model at the size of the paper, on a CPU."""

import multiprocessing
import resource

import pytest
import torch

from interface.sizes import PoseClipSize
from interface.targets import ClassTarget
from models.deform3d.model import DeformableTransformer

GIB = 2**20  # kilobytes


def peak(side: int, training: bool) -> float:
    """Peak memory of a new process in GiB that runs one clip of 12 frames."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(run, (side, training))


def run(side: int, training: bool) -> float:
    size, targets = PoseClipSize(12, side, side, 13), ClassTarget(15)
    model = DeformableTransformer.Config().build(size, targets).train(training)
    with torch.set_grad_enabled(training):
        logits = model(*size.example(1))
        if training:
            logits.square().sum().backward()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB


# Measured: 0.8, 1.2, 1.0 and 2.3 GiB. One map of (12 * 786)^2 scores of 8 heads would take 2.7 GiB at 224 pixels.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "training", "most"), [(112, False, 1), (112, True, 2), (224, False, 2), (224, True, 4)]
)
def test_no_map_of_all_tokens_is_in_memory(side: int, training: bool, most: float) -> None:
    assert peak(side, training) < most
