from collections.abc import Callable

import pytest

from experiments.motionformer.base import K400
from experiments.spec.catalog import load
from experiments.spec.edits import apply, data, evaluation
from experiments.spec.metrics import executed_gflops, published_gflops
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from runner.measure.device_time import CORES, STEP_SECONDS, TRAINING_PASSES, Speed, Work, device_seconds, flops

LONGER_TEST, LONGER = apply(K400, evaluation(frames=32)), apply(K400, data(frames=32))


def test_the_cost_of_a_test_is_that_of_its_number_of_frames() -> None:
    assert flops(LONGER_TEST, Work(0, 7)) == flops(LONGER, Work(0, 7)) > flops(K400, Work(0, 7))
    assert flops(LONGER_TEST, Work(5, 0)) == flops(K400, Work(5, 0))
    assert flops(LONGER_TEST, Work(5, 7)) == flops(K400, Work(5, 0)) + flops(LONGER, Work(0, 7))


@pytest.mark.parametrize("gflops", [published_gflops, executed_gflops])
def test_gflops_are_those_of_a_view_of_the_test(gflops: Callable[[RunConfig], float]) -> None:
    assert gflops(LONGER_TEST) == gflops(LONGER) > gflops(K400)


def test_small_steps_take_the_time_of_their_launches_and_clips_that_of_reading() -> None:
    fast = Speed(1e30, False, "")
    listops = load("motionformer/table5").run_of("exact.listops", PAPER, (), 0)
    assert listops.optim is not None
    steps = Work(TRAINING_PASSES * 5000 * listops.optim.batch_size, 0)
    assert device_seconds(listops, steps, fast) == pytest.approx(5000 * STEP_SECONDS)
    assert device_seconds(listops, steps, fast, num_devices=2) == pytest.approx(2 * 5000 * STEP_SECONDS)
    epoch = Work(TRAINING_PASSES * 240_000, 0)
    assert device_seconds(K400, epoch, fast) == pytest.approx(240_000 * K400.data.read_seconds / CORES)
    assert device_seconds(K400, epoch, Speed(1e12, False, "")) == flops(K400, epoch) / 1e12
