"""Facts about the runs of a report: the unit of their items, and what the scale changes."""

from dataclasses import dataclass, replace

from data.datasets.kinetics import Kinetics
from experiments.motionformer.base import K400, SSV2
from experiments.spec.edits import Edit
from experiments.spec.metrics import TOP1
from experiments.spec.scales import PAPER, TINY, Recipe, Scale
from experiments.spec.table import Column, Table
from reports.collect import collect
from runner.store.store import RunStore
from tests.reports.conftest import TableOf


@dataclass(frozen=True, kw_only=True)
class Sounds(Kinetics.Config):
    """Data set with another name and unit."""

    name: str = "sounds"
    unit = "sounds"


def test_the_unit_of_items_is_that_of_their_data_set(table: Table, table_of: TableOf, store: RunStore) -> None:
    videos = Column(key="k400", header="K-400", metric=TOP1, base=K400)
    sounds = replace(K400, data=replace(K400.data, dataset=Sounds(num_classes=5)))
    heard = Column(key="sounds", header="Sounds", metric=TOP1, base=sounds)
    for columns, unit in (((videos,), "videos"), ((videos, heard), "items"), ((heard,), "sounds")):
        assert collect(table_of(*columns), PAPER, store).facts.unit == unit
    assert collect(table, TINY, store, rows=["other"]).facts.unit == "videos"  # a quoted row
    assert collect(table_of(table.columns[0]), TINY, store).facts.unit == "videos"  # GFLOPs alone
    row_of_its_own = table_of(replace(table.columns[0], base=None), base=K400)
    assert collect(row_of_its_own, TINY, store).facts.unit == "videos"


def test_a_removed_parent_is_a_change_and_a_scaled_parent_is_none(
    table_of: TableOf, toy: Scale, store: RunStore
) -> None:
    ssv2 = table_of(Column(key="ssv2", header="SSv2", metric=TOP1, base=SSV2))
    assert dict(collect(ssv2, toy, store).facts.changes) == {"optim.batch_size": "128 → 8"}
    alone = replace(ssv2, recipes={toy.name: Recipe(edits=(Edit("parents", ()),))})
    assert dict(collect(alone, toy, store).facts.changes)["parents"] == "(start) → ()"
