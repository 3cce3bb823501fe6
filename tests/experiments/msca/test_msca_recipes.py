"""MSCA's runs at the paper's size, as the paper and TokenShift's configs state them."""

import pytest

from data.sampling.strides import CyclicSampling
from data.video_data import VideoData
from experiments.spec.catalog import captions, load
from experiments.spec.metrics import GFLOPS, PARAMETERS
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from lightning_modules.optim import SGD

RUNS = {
    f"{name}:{cell.row.key}": cell.run
    for name in captions()
    if name.startswith("msca/")
    for cell in load(name).cells(PAPER)
    if cell.tested and cell.run is not None
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_all_rows_have_the_recipe_and_the_cost_of_the_frame_wise_vit(run: RunConfig) -> None:
    assert run.optim is not None and isinstance(run.data, VideoData)
    assert (run.optim.epochs, run.optim.batch_size, run.optim.lr, run.optim.clip_norm) == (12, 420, 0.1, 1.0)
    assert (run.optim.rest_multiple, run.optim.keep, run.optim.validate_every) == (42, "best", 1)
    assert run.optim.optimizer == SGD(momentum=0.9) and run.optim.weight_decay == 0
    assert [run.optim.schedule.multiplier(epoch, 12) for epoch in (0, 9.9, 10)] == pytest.approx([1, 1, 0.1])
    assert (run.data.frames, run.data.sampling) == (8, CyclicSampling.Config(stride=32))
    assert (run.evaluation.views, run.evaluation.crops, run.evaluation.merge) == (10, 3, "mean of logits")
    assert (run.evaluation.resizing, run.evaluation.crops_along) == ("bicubic", "width")
    assert not run.evaluation.late_short_clips
    assert GFLOPS.of(run) == pytest.approx(140.658, abs=0.001)
    assert PARAMETERS.of(run) == pytest.approx(86.106256)
