from dataclasses import replace

import pytest

from experiments.spec.catalog import load
from experiments.spec.scales import PAPER, TINY, Scale
from experiments.spec.table import Cell, Table
from reports.collect import collect
from reports.pages.report import ReportCell
from reports.pages.table_texts import header_levels, label_texts, ours_text, printed_text, shown_headers, warning
from runner.store.store import RunStore
from tests.reports.saved_reports import render
from tests.runner.stored_metrics import write_result


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


def test_the_warning_names_the_data_of_the_runs(table: Table, toy: Scale, store: RunStore) -> None:
    report = collect(table, toy, store)

    def text(**data: object) -> str:
        shown = warning(replace(report, facts=replace(report.facts, **data)))
        return "" if shown is None else shown.partition(". ")[0]

    start = "These numbers come from small models on"
    assert text(generated=("a", "b"), given=()) == f"{start} generated stand-in videos"
    assert text(generated=("a",), given=(), unit="sounds") == f"{start} generated stand-in sounds"
    assert text(generated=(), given=("a", "b")) == f"{start} the videos given as a, b"
    assert text(generated=("a",), given=("b",)) == f"{start} generated stand-in videos (a) and the videos given as b"
    assert warning(collect(table, PAPER, store)) is None
    assert warning(collect(table, toy, store, rows=["other"])) is None  # quoted values alone


def test_headers_of_labels_have_levels_in_every_format(store: RunStore) -> None:
    report = collect(load("cast/table1e"), PAPER, store)
    assert [line[:3] for line in shown_headers(header_levels(report.table))] == [
        ("Window shape", "", "Top-1 Acc."),
        ("T2S", "S2T", "Verb"),
    ]
    assert "| Window shape   |" in render(report) and "| **T2S**        |" in render(report)
    assert r"\multicolumn{2}{c}{Window shape}" in render(report, "latex")
    assert "Window shape / T2S" in render(report, "csv") and '"Window shape / T2S": "time"' in render(report, "json")


def test_labels_of_pretraining_say_what_is_true_of_the_run(store: RunStore) -> None:
    table6a = load("motionformer/table6a")
    for scale, label in ((PAPER, "IN-21K+K-400"), (TINY, "none (IN-21K+K-400)")):
        rows = {row.row.key: row for row in collect(table6a, scale, store, rows=["vidtr-l", "mformer"]).rows}
        assert label_texts(table6a, rows["mformer"]) == ("Mformer", label)
        assert label_texts(table6a, rows["vidtr-l"]) == ("VidTr-L [49]", "IN-21K+K-400")
    run = table6a.run_of("mformer.top1", TINY, (), 0)
    write_result(store, run, released=True)
    (row,) = collect(table6a, TINY, store, rows=["mformer"]).rows
    assert label_texts(table6a, row)[1] == "IN-21K+K-400"  # released weights were pretrained
