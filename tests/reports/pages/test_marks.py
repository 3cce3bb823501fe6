"""Best values of columns."""

from dataclasses import replace

import pytest

from experiments.motionformer.base import K400
from experiments.spec.edits import model
from experiments.spec.metrics import Computed
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER
from experiments.spec.table import Column, Table, row
from models.motionformer.model import Motionformer
from reports.collect import collect
from runner.store.store import RunStore


def depth_of(run: RunConfig) -> int:
    assert isinstance(run.model, Motionformer.Config)
    return run.model.depth


@pytest.mark.parametrize(
    ("depths", "best"),
    [
        ((12, 3), {3}),  # integers can be best
        ((3, 3), {3}),
        ((3, 3, 4), {3}),
        ((3, 3, 3, 4), set()),  # most are equally good: chance, or a setting
        ((3,), set()),
    ],
)
def test_the_best_values_are_marked_unless_most_are_as_good(
    depths: tuple[int, ...], best: set[int], table: Table, store: RunStore
) -> None:
    depth = Column(key="depth", header="Depth", metric=Computed("depth", depth_of), base=K400, best="min")
    rows = tuple(row(f"r{n}", ("A", "B", None), model(depth=d), paper=()) for n, d in enumerate(depths))
    report = collect(replace(table, columns=(depth,), rows=rows), PAPER, store)
    assert {line.cells[0].value for line in report.rows if line.cells[0].best} == best
