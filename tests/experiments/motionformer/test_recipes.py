"""Recipes at the paper's scale, as the authors' configs state them."""

import pytest

from experiments.spec.catalog import load
from experiments.spec.scales import PAPER
from lightning_modules.optim import OptimConfig

NODES, GPUS_PER_NODE = 4, 8  # of all released configs


def optim(table: str, row: str) -> OptimConfig:
    """Training recipe of a row, which is that of all its tested columns."""
    (found,) = {cell.run.optim for cell in load(table).cells(PAPER, rows=[row]) if cell.tested and cell.run}
    assert found is not None
    return found


@pytest.mark.parametrize("table", ["motionformer/table6a", "motionformer/table6b", "motionformer/table6c",
                                   "motionformer/table6d"])  # fmt: skip
@pytest.mark.parametrize(
    ("row", "per_node", "lr"), [("mformer", 32, 1e-4), ("mformer-l", 12, 3.75e-5), ("mformer-hr", 12, 3.75e-5)]
)
def test_batches_of_all_models_are_those_of_four_nodes(table: str, row: str, per_node: int, lr: float) -> None:
    recipe = optim(table, row)
    assert recipe.batch_size == NODES * GPUS_PER_NODE * (per_node // GPUS_PER_NODE)  # whole clips per GPU
    assert recipe.lr == lr


def test_the_larger_model_has_the_schedule_of_the_base_model() -> None:
    assert optim("motionformer/table7", "mformer-h") == optim("motionformer/table7", "mformer-b")
