"""Facts about the runs of a report: the unit of their items, and what the scale changes."""

from dataclasses import dataclass, replace

from data.datasets.kinetics import Kinetics
from experiments.motionformer.base import K400, SSV2
from experiments.spec.edits import Edit
from experiments.spec.metrics import TOP1
from experiments.spec.scales import PAPER, TINY, Recipe, Scale
from experiments.spec.table import Column
from tests.reports.conftest import Trial


@dataclass(frozen=True, kw_only=True)
class Sounds(Kinetics.Config):
    """Data set with another name and unit."""

    name: str = "sounds"
    unit = "sounds"


def test_the_unit_of_items_is_that_of_their_data_set(trial: Trial) -> None:
    videos = Column(key="k400", header="K-400", metric=TOP1, base=K400)
    sounds = replace(K400, data=replace(K400.data, dataset=Sounds(num_classes=5)))
    heard = Column(key="sounds", header="Sounds", metric=TOP1, base=sounds)
    for columns, unit in (((videos,), "videos"), ((videos, heard), "items"), ((heard,), "sounds")):
        assert trial.of_columns(*columns, scale=PAPER).report().facts.unit == unit
    gflops = trial.table.columns[0]
    assert trial.of(trial.table, TINY).report(rows=["other"]).facts.unit == "videos"  # a quoted row
    assert trial.of_columns(gflops, scale=TINY).report().facts.unit == "videos"
    row_of_its_own = trial.of_columns(replace(gflops, base=None), base=K400, scale=TINY)
    assert row_of_its_own.report().facts.unit == "videos"


def test_a_removed_parent_is_a_change_and_a_scaled_parent_is_none(trial: Trial, toy: Scale) -> None:
    ssv2 = trial.of_columns(Column(key="ssv2", header="SSv2", metric=TOP1, base=SSV2), scale=toy)
    assert dict(ssv2.report().facts.changes) == {"optim.batch_size": "128 → 8"}
    alone = replace(ssv2.table, recipes={toy.name: Recipe(edits=(Edit("parents", ()),))})
    assert dict(ssv2.of(alone).report().facts.changes)["parents"] == "(start) → ()"
