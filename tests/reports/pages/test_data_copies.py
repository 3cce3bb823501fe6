"""Results on other copies of their data than most."""

from dataclasses import replace

import msgspec
import pytest

from experiments.spec.catalog import load
from experiments.spec.edits import Edit, optim
from experiments.spec.metrics import TOP1
from experiments.spec.run import Parent
from experiments.spec.scales import PAPER, TINY
from experiments.spec.table import Column, row
from reports.pages.data_copies import copy_text
from reports.pages.report import Report
from reports.pages.table_texts import legend, ours_text
from runner.store.records import DataRecord
from tests.reports.conftest import Trial


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


def test_cells_of_other_data_than_most_are_marked(trial: Trial) -> None:
    trial.finish("joint.k400", 60.0, data=record(test="cccccccccccc"))
    trial.finish("joint.ssv2", 50.0)
    trial.finish("short.k400", 61.0, data=record())
    trial.finish("ours.k400", 62.0, data=record())
    report = trial.report()
    assert marked(report) == {"joint.k400", "joint.delta"}
    assert ours_text(report.rows[1].cells[1]) == "60.0‖"
    assert ("‖", "measured on other data or under other conditions than the rest") in legend(report)
    data = msgspec.convert(record(), DataRecord)
    assert copy_text(data) == ("kinetics400 trained on 5 (aaaaaaaa / ffff), tested on 5 (bbbbbbbb / ffff)")
    copied = msgspec.convert(record(copy="prepared: b", training_copy="mp4 with a"), DataRecord)
    assert copy_text(copied) == f"{copy_text(data)}, copy: prepared: b, trained on another copy: mp4 with a"


OLD = {"name": "kinetics400", "fingerprint": record()["fingerprint"]}
UNRECORDED = {name: value for name, value in record().items() if name != "train"}
RELEASED = {"released_weights": {"file": "a.pyth", "sha256": "0"}}


@pytest.mark.parametrize(
    ("usual", "other", "is_marked"),
    [
        (record(), {"data": record()}, False),
        (record(), {"data": record(train="c")}, True),
        (record(), {"data": record(test="c")}, True),
        (record(), {"data": record(files="c")}, True),
        (OLD, {"data": record()}, False),  # older results are compared by their annotations
        (OLD, {"data": record(test="c")}, True),
        (record(), {"data": UNRECORDED}, True),
        (record(), {"data": UNRECORDED, **RELEASED}, False),
    ],
)
def test_every_part_of_the_data_is_compared(trial: Trial, usual: dict, other: dict, is_marked: bool) -> None:
    for cell in ("joint.k400", "short.k400"):
        trial.finish(cell, 60.0, data=usual)
    trial.finish("ours.k400", 60.0, **other)
    assert marked(trial.report()) == ({"ours.k400", "ours.delta"} if is_marked else set())


def test_data_of_parents_are_compared_between_runs_with_parents_of_the_same_data_sets(trial: Trial) -> None:
    """A run without parents has no such data, and a parent of another data set is not compared."""
    ssv2, k400 = Parent(run=trial.run("ours.ssv2")), Parent(run=trial.run("ours.k400"))
    starts = {"none": (), "a": (ssv2,), "b": (ssv2,), "c": (ssv2,), "other": (k400,)}
    rows = tuple(
        row(key, ("Ours", "Small", True), (Edit("parents", parents), *optim(epochs=index)), paper=())
        for index, (key, parents) in enumerate(starts.items(), start=1)
    )
    column = Column(key="k400", header="Top-1", metric=TOP1, base=trial.table.run_of("joint.k400", PAPER, (), 0))
    several = trial.of(replace(trial.table, columns=(column,), rows=rows))
    for key in starts:
        parents = {"start": {"c": "cccccccccccc", "other": "dddddddddddd"}.get(key, "aaaaaaaaaaaa")}
        parts = record(parents=parents) if starts[key] else record()
        several.finish(f"{key}.k400", 60.0, data=parts)
    assert marked(several.report()) == {"c.k400"}


def test_different_data_sets_in_one_column_are_not_compared(trial: Trial) -> None:
    base = load("motionformer/table4").columns[1].base
    assert base is not None
    other = replace(base, data=replace(base.data, dataset=replace(base.data.dataset, name="kinetics600")))
    column = Column(key="k", header="Top-1", metric=TOP1)
    rows = tuple(row(run.data.dataset.name, ("a", "b", None), base=run, paper=()) for run in (base, other))
    both = trial.of(replace(trial.table, columns=(column,), rows=rows), TINY)
    for number, name in enumerate(("kinetics400", "kinetics600")):
        both.finish(f"{name}.k", 60.0, data={**record(test=str(number)), "name": name})
    assert marked(both.report()) == set()
