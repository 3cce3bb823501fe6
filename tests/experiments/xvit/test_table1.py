"""Speed table: its rows have the published cost of the models that they stand for."""

import pytest
import torch

from experiments.spec.catalog import load
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY

TABLE = load("xvit/table1")
# Total GFLOPs of all views in Table 5 of the main paper.
TOTAL_GFLOPS = {
    "blvnet": 840, "tea": 2100, "i3d-nl": 10_800, "slowfast": 3480, "timesformer": 7140, "vivit-l": 17_352, "x-vit": 425
}  # fmt: skip
# Millions of parameters, published or counted in other implementations.
PARAMETERS = {
    "blvnet": 25.5, "tea": 24.9, "i3d-nl": 54.3, "slowfast": 59.9, "timesformer": 121.6, "vivit-l": 307.5, "x-vit": 93.8
}  # fmt: skip


def runs(key: str) -> dict[str, RunConfig]:
    """Runs of a row by column, at the paper's size."""
    return {cell.column.key: cell.paper_run for cell in TABLE.cells(PAPER, rows=[key]) if cell.paper_run is not None}


@pytest.mark.parametrize("key", TOTAL_GFLOPS)
def test_all_views_of_a_row_have_the_printed_cost(key: str) -> None:
    run = runs(key)["gflops"]
    cost = run.model.cost(run.data.size, run.data.targets)
    total = cost.macs * run.evaluation.views * run.evaluation.crops
    assert total / 1e9 == pytest.approx(TOTAL_GFLOPS[key], rel=0.02)
    assert cost.parameters / 1e6 == pytest.approx(PARAMETERS[key], rel=0.005)


def test_each_row_has_one_run_without_training() -> None:
    for row in TABLE.rows:
        found = runs(row.key)
        assert len({run.train_id for run in found.values()}) == 1
        assert all(run.optim is None and not run.pretrained for run in found.values())
    assert not any(cell.tested for cell in TABLE.cells(PAPER))


@pytest.mark.parametrize("key", TOTAL_GFLOPS)
def test_tiny_versions_classify_clips(key: str) -> None:
    run = TINY.of(runs(key)["speed"])
    model = run.model.build(run.data.size, run.data.targets).eval()
    with torch.inference_mode():
        (clip,) = run.data.size.example(2)
        logits = model(clip)
        half = model.bfloat16()(clip.bfloat16())
    assert logits.shape == (2, *run.data.targets.classes.values()) and logits.isfinite().all()
    assert half.isfinite().all() and half.dtype is torch.bfloat16
