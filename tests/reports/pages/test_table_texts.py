"""Texts of tables, and the facts about runs that they state: the unit of their items, and what the scale changes."""

from dataclasses import dataclass, replace

import pytest

from data.datasets.kinetics import Kinetics
from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import load
from experiments.spec.edits import Edit
from experiments.spec.metrics import TOP1
from experiments.spec.scales import PAPER, TINY, Recipe, Scale
from experiments.spec.table import Cell, Column, Table
from reports.pages.report import ReportCell
from reports.pages.table_texts import header_levels, label_texts, ours_text, printed_text, shown_headers, warning
from tests.reports.conftest import Trial
from tests.reports.saved_reports import render


def cell(table: Table, **parts: object) -> ReportCell:
    """Cell of a column of percentages, printed as 79.7."""
    column = replace(table.columns[1], digits=1)
    return ReportCell(cell=Cell(table.rows[3], column, 79.7), **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "texts"),
    [
        ({"state": "done", "value": 79.44}, ("79.4", "79.7")),
        ({"state": "not run"}, ("–", "79.7")),
        ({"state": "not applicable"}, ("n/a", "79.7")),
        ({"state": "failed"}, ("failed", "79.7")),
        ({"state": "quoted"}, ("79.7", "")),
    ],
)
def test_cells_keep_what_is_printed_beside_their_value_or_state(
    table: Table, parts: dict[str, object], texts: tuple[str, str]
) -> None:
    shown = cell(table, **parts)
    assert (ours_text(shown), printed_text(shown)) == texts


def test_the_warning_names_the_data_of_the_runs(trial: Trial, toy: Scale) -> None:
    small = trial.of(trial.table, toy)
    report = small.report()

    def text(**data: object) -> str:
        shown = warning(replace(report, facts=replace(report.facts, **data)))
        return "" if shown is None else shown.partition(". ")[0]

    start = "These numbers come from small models on"
    assert text(generated=("a", "b"), given=()) == f"{start} generated stand-in videos"
    assert text(generated=("a",), given=(), unit="sounds") == f"{start} generated stand-in sounds"
    assert text(generated=(), given=("a", "b")) == f"{start} the videos given as a, b"
    assert text(generated=("a",), given=("b",)) == f"{start} generated stand-in videos (a) and the videos given as b"
    assert warning(trial.of(trial.table, PAPER).report()) is None
    assert warning(small.report(rows=["other"])) is None  # quoted values alone


def test_headers_of_labels_have_levels_in_every_format(trial: Trial) -> None:
    report = trial.of(load("cast/table1e"), PAPER).report()
    assert [line[:3] for line in shown_headers(header_levels(report.table))] == [
        ("Window shape", "", "Top-1 Acc."),
        ("T2S", "S2T", "Verb"),
    ]
    assert "| Window shape   |" in render(report) and "| **T2S**        |" in render(report)
    assert r"\multicolumn{2}{c}{Window shape}" in render(report, "latex")
    assert "Window shape / T2S" in render(report, "csv") and '"Window shape / T2S": "time"' in render(report, "json")


def test_labels_of_pretraining_say_what_is_true_of_the_run(trial: Trial) -> None:
    table6a = load("motionformer/table6a")
    tiny = trial.of(table6a, TINY)
    for shown, label in ((tiny.of(table6a, PAPER), "IN-21K+K-400"), (tiny, "none (IN-21K+K-400)")):
        mformer, vidtr = shown.report(rows=["mformer", "vidtr-l"]).rows
        assert label_texts(table6a, mformer) == ("Mformer", label)
        assert label_texts(table6a, vidtr) == ("VidTr-L [49]", "IN-21K+K-400")
    tiny.finish("mformer.top1", released_weights={"file": "k400.pyth", "sha256": "0123"})
    (row,) = tiny.report(rows=["mformer"]).rows
    assert label_texts(table6a, row)[1] == "IN-21K+K-400"  # released weights were pretrained


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
