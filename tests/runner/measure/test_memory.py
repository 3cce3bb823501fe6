"""Measurements of memory. Most tests need no GPU."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from experiments.motionformer.base import EPIC100, K400
from experiments.spec.catalog import find, load
from experiments.spec.edits import apply, optim
from experiments.spec.run import RunConfig
from experiments.spec.scales import SMALL, TINY
from models.motionformer.model import Motionformer
from runner.measure.memory import (
    GIB,
    OTHER_GB,
    NotMeasurableError,
    bytes_of_step,
    bytes_saved,
    bytes_saved_by,
    peak_memory,
    saved_bytes,
    saved_for_backward,
    training_step,
)
from runner.measure.training_step import PRECISIONS, mixed_precision
from tests.runner.points import POINTS, Tower

TABLE = "motionformer/table3a"


@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed", "32-true"])
@pytest.mark.parametrize("base", [K400, EPIC100], ids=["class", "verb and noun"])
def test_the_first_step_allocates_optimiser_state_and_frees_gradients(base: RunConfig, precision: str) -> None:
    run = TINY.of(apply(base, optim(precision=precision)))
    optimizer = training_step(run, 2, torch.device("cpu"))()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert len(optimizer.state) == len(parameters) > 0
    assert all(parameter.isfinite().all() and parameter.grad is None for parameter in parameters)


def test_a_run_without_training_has_no_training_step() -> None:
    run = replace(TINY.of(K400), optim=None)
    with pytest.raises(NotMeasurableError, match="this run trains nothing, so there is no training step to measure"):
        training_step(run, 2, torch.device("cpu"))


def test_peak_memory_requires_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NotMeasurableError, match="there is none"):
        peak_memory(K400, 4)


@pytest.mark.parametrize("row", ["exact", "performer", "nystromformer", "orthoformer"])
@pytest.mark.parametrize("depth", [1, 5])
def test_bytes_saved_for_backward_equal_those_of_a_real_forward_pass(row: str, depth: int) -> None:
    (cell, *_) = load(TABLE).cells(rows=[row])
    assert cell.paper_run is not None
    tiny = TINY.of(cell.paper_run)
    assert isinstance(tiny.model, Motionformer.Config)
    run = replace(tiny, model=replace(tiny.model, depth=depth, drop_path=0.1))
    model = run.model.build(run.data.size, run.data.targets).train()
    assert saved_for_backward(run) == saved_bytes(model, run.data.size.example(1)) > 0


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_bytes_saved_in_a_precision_equal_those_of_a_real_forward_pass_and_are_linear_in_items(precision: str) -> None:
    run = TINY.of(K400)
    saved = [bytes_saved(run.model, run.data.size, run.data.targets, number, precision) for number in (2, 3, 5)]
    model = run.model.build(run.data.size, run.data.targets).train()
    with mixed_precision(torch.device("cpu"), PRECISIONS[precision]):
        assert saved[-1] == saved_bytes(model, run.data.size.example(5))
    assert saved[2] - saved[1] == 2 * (saved[1] - saved[0]) > 0


def test_a_step_keeps_weights_gradients_moments_and_saved_tensors() -> None:
    run = apply(TINY.of(K400), optim(precision="32-true"))
    weights = 4 * sum(parameter.numel() for parameter in run.build().parameters())
    assert bytes_of_step(run, 1) == 4 * weights + saved_for_backward(run)


def test_bytes_saved_for_backward_of_a_model_without_identical_blocks() -> None:
    assert isinstance(POINTS.model, Tower.Config)
    values = (
        2 + 3 * POINTS.model.width + 1
    )  # a point; outputs of tanh and dropout, and the mask of the latter; a factor
    assert saved_for_backward(POINTS) == 4 * values


def test_saved_bytes_exclude_weights_and_count_storages_once() -> None:
    model, x = nn.Linear(4, 4, bias=False), torch.randn(2, 4)

    def twice() -> Tensor:
        return model(x) + model(x)

    assert bytes_saved_by(twice, model) == 4 * x.numel()
    assert bytes_saved_by(twice, nn.Identity()) == 4 * x.numel()  # weights are saved only for gradients of inputs
    inner = torch.randn(2, 4, requires_grad=True)
    assert bytes_saved_by(lambda: model(inner), nn.Identity()) == 4 * (x.numel() + 16)
    assert bytes_saved_by(lambda: model(inner), model) == 4 * x.numel()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_peak_gpu_memory_grows_with_the_batch_and_includes_optimiser_state() -> None:
    run = TINY.of(K400)
    small, large = (peak_memory(run, batch_size)["peak_gib"] for batch_size in (1, 8))
    weights = 4 * sum(parameter.numel() for parameter in run.build().parameters()) / GIB
    assert isinstance(small, float) and isinstance(large, float)
    assert large > small > 3 * weights  # the optimiser stores two moments per weight


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("row", ["xvit/main-mixing:k", "deform3d/ablation:default", "motionformer/table4:trajectory"])
def test_the_peak_of_a_small_run_is_what_its_step_keeps_and_a_little_more(row: str) -> None:
    ((table, rows),) = find([row])
    run = next(cell.run for cell in table.cells(SMALL, rows=rows) if cell.run is not None)
    assert run.optim is not None
    peak, kept = peak_memory(run, run.optim.batch_size)["peak_gib"], bytes_of_step(run, run.optim.batch_size)
    assert isinstance(peak, float)
    assert kept / 2 < peak * GIB < kept + 1e9 * OTHER_GB < 24e9
