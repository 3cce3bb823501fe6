"""Marks of cells: best values of columns, and results on other data than most."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from experiments.motionformer.base import K400
from experiments.spec.catalog import load
from experiments.spec.edits import Edit, model, optim
from experiments.spec.metrics import TOP1, Computed
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import PAPER, TINY, Scale
from experiments.spec.table import Column, Table, row
from models.motionformer.model import Motionformer
from reports.collect import collect
from reports.pages.marks import copy_text
from reports.pages.report import Report
from reports.pages.table_texts import legend, ours_text
from runner.store.records import DataRecord
from runner.store.store import RunStore

Finish = Callable[..., None]
RunOf = Callable[..., RunConfig]


def record(train: str = "aaaaaaaaaaaa", test: str = "bbbbbbbbbbbb", files: str = "ffff", **parts: object) -> dict:
    """Record of the data of a test, with fingerprints of the annotations and of the files of both splits."""
    splits = {"train": train, "test": test}
    return {
        "name": "kinetics400",
        "fingerprint": f"{test} {train}",
        **{
            split: {"items": 5, "annotations": value, "files": files, "missing": 0, "num_bytes": 7}
            for split, value in splits.items()
        },
        **parts,
    }


def marked(report: Report) -> set[str]:
    return {f"{row.row.key}.{cell.column.key}" for row in report.rows for cell in row.cells if cell.other_data}


def test_cells_of_other_data_than_most_are_marked(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "joint.k400"), 60.0, data=record(test="cccccccccccc"))
    finish(run_of(small, "joint.ssv2"), 50.0)
    finish(run_of(small, "short.k400"), 61.0, data=record())
    finish(run_of(small, "ours.k400"), 62.0, data=record())
    report = collect(table, small, store)
    assert marked(report) == {"joint.k400", "joint.delta"}
    assert ours_text(report.rows[1].cells[1]) == "60.0‖"
    assert ("‖", "measured on other data or under other conditions than the rest") in legend(report)
    data = msgspec.convert(record(), DataRecord)
    assert copy_text(data) == ("kinetics400 trained on 5 (aaaaaaaa / ffff), tested on 5 (bbbbbbbb / ffff)")


@pytest.mark.parametrize("change", [{"train": "c"}, {"test": "c"}, {"files": "c"}])
def test_every_part_of_the_data_is_compared(
    change: dict[str, str], table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    for cell in ("joint.k400", "short.k400"):
        finish(run_of(small, cell), 60.0, data=record())
    finish(run_of(small, "ours.k400"), 60.0, data=record())
    assert marked(collect(table, small, store)) == set()
    finish(run_of(small, "ours.k400"), 60.0, data=record(**change))
    assert marked(collect(table, small, store)) == {"ours.k400", "ours.delta"}


def test_older_results_are_compared_by_their_annotations(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    for cell in ("joint.k400", "short.k400"):
        finish(run_of(small, cell), 60.0, data={"name": "kinetics400", "fingerprint": record()["fingerprint"]})
    finish(run_of(small, "ours.k400"), 60.0, data=record())
    assert marked(collect(table, small, store)) == set()
    finish(run_of(small, "ours.k400"), 60.0, data=record(test="c"))
    assert "ours.k400" in marked(collect(table, small, store))


def test_a_training_on_unrecorded_data_is_marked(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    unrecorded = {name: value for name, value in record().items() if name != "train"}
    finish(run_of(small, "joint.k400"), 60.0, data=record())
    finish(run_of(small, "ours.k400"), 60.0, data=unrecorded)
    finish(run_of(small, "short.k400"), 60.0, data=unrecorded, released_weights={"file": "a.pyth", "sha256": "0"})
    assert marked(collect(table, small, store)) == {"ours.k400", "ours.delta"}


def test_data_of_parents_are_compared_between_runs_with_parents_of_the_same_data_sets(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    """A run without parents has no such data, and a parent of another data set is not compared."""
    ssv2, k400 = Parent(run=run_of(small, "ours.ssv2")), Parent(run=run_of(small, "ours.k400"))
    starts = {"none": (), "a": (ssv2,), "b": (ssv2,), "c": (ssv2,), "other": (k400,)}
    rows = tuple(
        row(key, ("Ours", "Small", True), (Edit("parents", parents), *optim(epochs=index)), paper=())
        for index, (key, parents) in enumerate(starts.items(), start=1)
    )
    column = Column(key="k400", header="Top-1", metric=TOP1, base=run_of(PAPER, "joint.k400"))
    several = replace(table, columns=(column,), rows=rows)
    for key in starts:
        parents = {"start": {"c": "cccccccccccc", "other": "dddddddddddd"}.get(key, "aaaaaaaaaaaa")}
        parts = record(parents=parents) if starts[key] else record()
        finish(several.run_of(f"{key}.k400", small, (), 0), 60.0, data=parts)
    assert marked(collect(several, small, store)) == {"c.k400"}


def test_different_data_sets_in_one_column_are_not_compared(table: Table, store: RunStore, finish: Finish) -> None:
    base = load("motionformer/table4").columns[1].base
    assert base is not None
    other = replace(base, data=replace(base.data, dataset=replace(base.data.dataset, name="kinetics600")))
    column = Column(key="k", header="Top-1", metric=TOP1)
    both = replace(table, columns=(column,), rows=tuple(row(run.data.dataset.name, ("a", "b", None), base=run, paper=())
                                                        for run in (base, other)))  # fmt: skip
    for number, name in enumerate(("kinetics400", "kinetics600")):
        finish(both.run_of(f"{name}.k", TINY, (), 0), 60.0, data={**record(test=str(number)), "name": name})
    assert marked(collect(both, TINY, store)) == set()


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
