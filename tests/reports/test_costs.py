"""Costs of this implementation beside those that the paper counts."""

from experiments.motionformer.base import K400
from experiments.spec.catalog import load
from experiments.spec.metrics import Computed
from experiments.spec.scales import PAPER, TINY
from experiments.spec.table import Column
from reports.costs import costs_of
from tests.reports.conftest import Trial


def test_executed_gflops_are_stated_for_columns_of_published_gflops(trial: Trial) -> None:
    counted = Computed("twice", lambda run: 2.0, executed=lambda run: 1.5)
    for metric, values in ((counted, ["1.5"]), (Computed("twice", lambda run: 2.0), [])):
        found = trial.of_columns(Column(key="a", header="A", metric=metric, base=K400), scale=PAPER)
        assert [cost.value for cost in costs_of(found.report())] == values
        assert not costs_of(found.report(overrides=["model.depth=6"]))


def test_saved_bytes_are_stated_for_columns_of_memory(trial: Trial) -> None:
    costs = costs_of(trial.of(load("motionformer/table5"), TINY).report(rows=["exact"]))
    saved = [cost for cost in costs if cost.kind == "saved for one sequence, GB"]
    assert [(cost.row, cost.column, cost.value) for cost in saved] == [
        ("Exact [83]", "Mem. (MB)", "0.22"),
        ("Exact [83]", "Mem. of ours (MB)", "0.019"),
    ]


def test_the_share_of_waiting_is_stated_once_for_each_training_that_knows_it(trial: Trial) -> None:
    trial.finish("joint.k400", 50.0, waiting_share=0.246)
    trial.finish("ours.k400", 50.0)
    (cost,) = [cost for cost in costs_of(trial.report()) if cost.kind.startswith("waiting")]
    assert (cost.row, cost.kind, cost.value) == ("Joint, Small", "waiting for data, % of the training", "25")
    assert "Waiting: share" in trial.page() and cost.value in trial.page()
