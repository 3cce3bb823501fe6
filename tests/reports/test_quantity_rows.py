"""Rows that are quantities: a metric of their own for the runs of the columns, through every form of a report."""

from dataclasses import replace

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import Selection
from experiments.spec.claims import above, cell, claim, same
from experiments.spec.metrics import GFLOPS, TOP1, ByColumn, Computed, Mean
from experiments.spec.number_formats import Decimals, Scientific
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY, Scale
from experiments.spec.table import Column, row
from reports.costs import costs_of
from reports.pages.tidy_frame import frame, frame_as_csv
from reports.saved import JudgedReport
from reports.tensorboard.view import build_view
from reproduce.options import Show
from reproduce.verbs.show import show_json, show_text
from tests.reports.conftest import Trial
from tests.reports.saved_reports import lines_of, markdown, render
from tests.reports.tensorboard.test_view import line, read, trained_runs


def learning_rate(run: RunConfig) -> float:
    assert run.optim is not None
    return run.optim.lr


def epochs(run: RunConfig) -> float:
    assert run.optim is not None and run.optim.epochs is not None
    return run.optim.epochs


OPTIMISER = Computed("optimiser", lambda run: type(run.optim.optimizer).__qualname__ if run.optim else "none")
RATE = Computed("lr", learning_rate)
EPOCHS = Computed("epochs", epochs)
SMALL = Computed("small_rate", lambda run: learning_rate(run) < 1)
TWO = (Column(key="k400", header="K-400", base=K400), Column(key="ssv2", header="SSv2", base=SSV2))


@pytest.fixture
def settings(trial: Trial) -> Trial:
    rate = learning_rate(K400)
    table = replace(
        trial.table,
        labels=("Config",),
        columns=TWO,
        rows=(
            row("optimiser", ("Optimizer",), metric=OPTIMISER, paper=("AdamW", "SGD")),
            row("lr", ("Base learning rate",), metric=RATE, form=Scientific(), paper=(rate, 0.002)),
            row("epochs", ("Epochs",), metric=EPOCHS, paper=(35, 35)),
            row("rate", ("Rate below 1",), metric=SMALL, paper=(True, False)),
            row("gflops", ("GFLOPs",), metric=GFLOPS, form=Decimals(1), paper=(369.5, None)),
        ),
        claims=(
            claim("C1", "table", "More epochs", above(cell("epochs.k400") - cell("epochs.ssv2"))),
            claim("C2", "table", "The same optimiser", same(cell("optimiser.k400"), cell("optimiser.ssv2"))),
        ),
    )
    return trial.of(table, PAPER)


def test_each_row_shows_its_quantity_of_the_runs_of_the_columns(settings: Trial) -> None:
    text = settings.page()
    lines = lines_of(text)
    optimiser, rate = OPTIMISER.of(K400), Scientific().text(learning_rate(K400))
    assert lines["Optimizer"] == [f"{optimiser} (AdamW)", f"{OPTIMISER.of(SSV2)} (SGD)"]
    assert lines["Base learning rate"] == [f"{rate} ({rate})", f"{Scientific().text(learning_rate(SSV2))} (2e-3)"]
    assert lines["Epochs"][0] == "35 (35)"
    assert lines["Rate below 1"] == ["yes (yes)", "yes (no)"]
    assert lines["GFLOPs"][0] == "369.5 (369.5)" and "(" not in lines["GFLOPs"][1]
    names = "Optimizer, Base learning rate, Epochs, Rate below 1, GFLOPs"
    assert f"{names}: computed from the config, without a run." in text
    assert [cost.value for cost in costs_of(settings.report())] == ["187.5"] * 2


def test_values_are_those_of_the_paper_at_every_scale(settings: Trial) -> None:
    tiny, paper = (settings.of(settings.table, scale).report() for scale in (TINY, PAPER))
    assert [[c.value for c in row.cells] for row in tiny.rows] == [[c.value for c in row.cells] for row in paper.rows]
    assert {c.state for row in tiny.rows for c in row.cells} == {"measured"}
    assert "Every column is measured on the model at the paper's size." in markdown(tiny)


def test_every_format_has_texts_numbers_and_facts(settings: Trial) -> None:
    report = settings.report()
    tex = render(report, "latex")
    assert "yes (no)" in tex and f"{Scientific().text(learning_rate(K400))} (" in tex
    lines = {(line["row"], line["column"]): line for line in frame(report)}
    assert lines["rate", "k400"]["value"] is True and lines["rate", "ssv2"]["printed"] is False
    assert lines["epochs", "k400"]["value"] == 35 and lines["optimiser", "k400"]["value"] == OPTIMISER.of(K400)
    assert "True" in frame_as_csv(frame(report))
    metrics = dict.fromkeys(line["metric"] for line in lines.values())
    assert list(metrics) == ["optimiser", "lr", "epochs", "small_rate", "gflops"]


def test_quantities_are_shown_in_their_format_and_have_no_runs(settings: Trial) -> None:
    selection, options = Selection(settings.table, None), Show(tables=(settings.table.name,))
    text = show_text(selection, options)
    assert "2e-3" in text and "yes" in text and "AdamW" in text and "True" not in text
    assert not any(line.endswith(":") for line in text.splitlines()[3:])
    assert all(not c["runs"] for found in show_json(selection, options)["rows"] for c in found["cells"])  # type: ignore[attr-defined]
    assert not any(found.tested for found in settings.table.cells(TINY))


def test_claims_compare_quantities(settings: Trial) -> None:
    first, second = JudgedReport(settings.report()).claims
    assert (first.judgements[0].printed, first.judgements[0].printed_margins) == ("not supported", (0.0,))
    assert first.judgements[0].verdict == ("supported" if epochs(K400) > epochs(SSV2) else "not supported")
    assert (second.judgements[0].printed, second.judgements[0].verdict) == ("not supported", "supported")


def test_tensorboard_has_one_line_per_row_with_texts(settings: Trial) -> None:
    runs = read(build_view([settings.of(settings.table, TINY).report()], settings.store))
    values = {name.partition(" ")[2]: line(runs, name) for name in trained_runs(runs)}
    assert sorted(values) == ["Base learning rate", "Epochs", "GFLOPs", "Optimizer", "Rate below 1"]
    for found in runs.Runs().values():
        assert not found["scalars"] and "table/k400" not in found["tensors"]
    assert values["Rate below 1"] == {"Config": "Rate below 1", "K-400": "yes", "SSv2": "yes"}
    assert values["Epochs"] == {"Config": "Epochs", "K-400": "35", "SSv2": "35"}


def test_rows_with_and_without_metrics_of_their_own_share_a_table(settings: Trial, toy: Scale) -> None:
    table = replace(
        settings.table,
        columns=(
            *(replace(column, metric=TOP1, best="max") for column in TWO),
            Column(key="mean", header="Mean", metric=Mean("mean", ("k400", "ssv2"))),
        ),
        rows=(
            row("top1", ("Top-1",), paper=(79.7, 66.5, 73.1)),
            row("top1-again", ("Top-1 again",), metric=TOP1, form=Decimals(2), paper=(79.7, 66.5, None)),
            row("gflops", ("GFLOPs",), metric=GFLOPS, form=Decimals(1), paper=(369.5, 369.5, None)),
        ),
        claims=(),
    )
    mixed = settings.of(table)
    for column, top1 in (("k400", 60.0), ("ssv2", 50.0)):
        mixed.finish(f"top1.{column}", top1)
    report = mixed.report()
    lines = lines_of(markdown(report))
    assert lines["Top-1"] == ["60.0 (79.7)", "50.0 (66.5)", "55.0 (73.1)"]  # 369.5 is no better accuracy
    assert lines["Top-1 again"][:2] == ["60.00 (79.70)", "50.00 (66.50)"]
    assert lines["GFLOPs"][0] == "369.5 (369.5)"
    assert [found.best for found in report.rows[2].cells] == [False] * 3
    assert "Only GFLOPs is measured at the paper's size." in markdown(replace(report, scale=toy))


def test_a_row_may_have_a_metric_in_each_column(settings: Trial) -> None:
    width, depth = (Computed(name, lambda run, name=name: getattr(run.model, name)) for name in ("width", "depth"))
    sizes = row("sizes", ("Sizes",), metric=ByColumn("sizes", {"k400": width, "ssv2": depth}), paper=(768, 12))
    columns = (*TWO, Column(key="lr", header="Rate", metric=RATE, base=K400, digits=None))
    report = settings.of(replace(settings.table, columns=columns, rows=(replace(sizes, paper=()),), claims=())).report()
    assert [c.value for c in report.rows[0].cells] == [768, 12, learning_rate(K400)]
    assert "Rate, Sizes: computed from the config" in markdown(report)
    printed = settings.of(replace(settings.table, rows=(sizes,), claims=())).page()
    assert lines_of(printed)["Sizes"] == ["768 (768)", "12 (12)"]
    missing = replace(sizes, metric=ByColumn("sizes", {"k400": width}))
    with pytest.raises(ValueError, match="row 'sizes': no metric in column 'ssv2'"):
        replace(settings.table, rows=(missing,), claims=())
