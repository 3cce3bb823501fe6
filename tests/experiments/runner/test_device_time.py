from collections.abc import Callable

import pytest

from experiments.motionformer.base import K400
from experiments.runner.device_time import Work, flops
from experiments.spec.edits import apply, data, evaluation
from experiments.spec.metrics import executed_gflops, published_gflops
from experiments.spec.run import RunConfig

LONGER_TEST, LONGER = apply(K400, evaluation(frames=32)), apply(K400, data(frames=32))


def test_the_cost_of_a_test_is_that_of_its_number_of_frames() -> None:
    assert flops(LONGER_TEST, Work(0, 7)) == flops(LONGER, Work(0, 7)) > flops(K400, Work(0, 7))
    assert flops(LONGER_TEST, Work(5, 0)) == flops(K400, Work(5, 0))
    assert flops(LONGER_TEST, Work(5, 7)) == flops(K400, Work(5, 0)) + flops(LONGER, Work(0, 7))


@pytest.mark.parametrize("gflops", [published_gflops, executed_gflops])
def test_gflops_are_those_of_a_view_of_the_test(gflops: Callable[[RunConfig], float]) -> None:
    assert gflops(LONGER_TEST) == gflops(LONGER) > gflops(K400)
