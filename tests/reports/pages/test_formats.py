"""Formats of a report: LaTeX, the styles of labels and numbers in all, and the tidy frame as CSV and JSON."""

import csv
import io
import json
import os
from dataclasses import replace

import pytest

from experiments.spec.catalog import captions, load
from experiments.spec.scales import PAPER
from experiments.spec.table import Bold, Underlined, bold, label_text, one_line, quoted, row
from reports.pages.latex import LATEX
from tests.reports.conftest import Trial
from tests.reports.saved_reports import Format, render


def test_latex_is_a_booktabs_table_with_levels_bold_italic_and_escapes(trial: Trial) -> None:
    trial.finish("joint.k400", 60.0)
    trial.finish("ours.k400", 61.0)
    text = render(trial.report(), "latex")
    assert r"\toprule" in text and r"\bottomrule" in text
    assert r"\multicolumn{2}{c}{Top-1}" in text and "\n\\cmidrule(lr){5-6}\n" in text
    assert r"Att\textsubscript{T} & GFLOPs & K-400 & SSv2 & $\Delta$ \\" in text
    assert r"\textit{Other [8] | x} & \textit{Large} & -- & \textit{100.0} & \textit{99.0}" in text
    assert r" &  & $\checkmark$ & 369.5 (369.5) & 61.0 (79.7) & -- (66.5) & -- (13.2) \\" in text
    alone = render(trial.report(rows=["joint", "ours"]), "latex")
    assert r"& \textbf{61.0} (79.7) &" in alone and r"\textbf{bold} values are the best of their column." in alone


def test_latex_escapes_special_characters(trial: Trial) -> None:
    assert r"data.dataset.name=a\_b\%" in render(trial.report(overrides=["data.dataset.name=a_b%"]), "latex")


def test_a_table_shrinks_to_its_column_and_a_wide_one_spans_both(trial: Trial) -> None:
    column = trial.table.columns[0]
    wide = render(trial.of_columns(replace(column, header=50 * "x")).report(), "latex")
    narrow = render(trial.of_columns(column).report(), "latex")
    for text, environment in ((wide, "table*"), (narrow, "table")):
        assert f"\\begin{{{environment}}}[t]" in text and f"\\end{{{environment}}}" in text
        assert r"\resizebox{\ifdim\width>\linewidth \linewidth\else\width\fi}{!}{%" in text
        assert text.count("{") == text.count("}")


def test_notes_stand_below_the_table_and_not_in_its_caption(trial: Trial) -> None:
    text = render(trial.of(trial.table, PAPER).report(), "latex")
    caption, notes = text.partition(r"\bottomrule")[::2]
    assert r"\caption{Every feature at once (arXiv:0000.00000, Table 1).}" in caption
    assert "Scale paper: ours (printed). -- not run" in notes and r"\textit{italic} rows are quoted" in notes


@pytest.mark.parametrize("name", captions())
def test_every_character_of_a_table_can_be_typeset(name: str) -> None:
    table = load(name)
    texts = [table.caption, table.source, *table.labels, *(one_line(column.header) for column in table.columns)]
    texts += [label_text(label) for row in table.rows for label in row.labels]
    texts += [value for row in table.rows for value in row.paper if isinstance(value, str)]
    assert {c for text in texts for c in text if not c.isascii()} <= LATEX.keys() | set("éö")  # letters of T1 fonts


@pytest.mark.parametrize(
    ("form", "line", "note"),
    [
        ("md", "| Joint | **Small** | ✗ | 369.5 (<ins>369.5</ins>) | 61.0 (**79.7**) | – (<ins>66.5</ins>) | "
               "– (13.2) | | *Other* | – | ✗ | *<ins>1.0</ins>* | ***99.0*** | *3.0* |",
         "printed numbers are **bold** or <ins>underlined</ins> as in the paper"),
        ("latex", r"Joint & \textbf{Small} & $\times$ & 369.5 (\underline{369.5}) & 61.0 (\textbf{79.7}) "
                  r"& -- (\underline{66.5}) & -- (13.2) \\ \textit{Other} & -- & $\times$ & \textit{\underline{1.0}} "
                  r"& \textit{\textbf{99.0}} & \textit{3.0} &",
         r"printed numbers are \textbf{bold} or \underline{underlined} as in the paper"),
    ],
)  # fmt: skip
def test_reports_show_labels_and_printed_numbers_in_their_styles(
    form: Format, line: str, note: str, trial: Trial
) -> None:
    trial.finish("ours.k400", 61.0)
    paper = (Underlined(369.5), *bold(79.7), Underlined(66.5), 13.2)
    other = quoted("other", ("Other", None, False), (Underlined(1), *bold(99), 3, None))
    plain = " ".join(render(trial.report(), form).split())
    table = replace(trial.table, rows=(row("ours", ("Joint", Bold("Small"), False), paper=paper), other))
    text = " ".join(render(trial.of(table).report(), form).split())
    assert line in text and note in text and note not in plain


def test_texts_of_bold_labels_are_plain() -> None:
    assert type(label_text(Bold("Ours"))) is str  # TensorBoard refuses others


def test_csv_has_a_line_a_cell_and_seed_with_measured_and_printed_values(trial: Trial) -> None:
    trial.finish("joint.k400", 60.123456, 62.0)
    text = render(trial.report(seeds=(0, 1)), "csv")
    lines = [line for line in csv.DictReader(io.StringIO(text)) if line["column"] == "k400"]
    assert [line["state"] for line in lines] == ["quoted", *["done"] * 2, *["not run"] * 4]
    assert [(line["seed"], line["value_of_seed"]) for line in lines[1:3]] == [("0", "60.123456"), ("1", "62.0")]
    assert {(line["value"], line["num_seeds"]) for line in lines[1:3]} == {("61.061728", "2")}
    assert [line["printed"] for line in lines] == ["99.0", *["79.2"] * 2, *["70.0"] * 2, *["79.7"] * 2]
    assert {(line["table"], line["scale"], line["printed_style"]) for line in lines} == {("paper/table1", "tiny", "")}


def test_json_has_the_lines_of_the_frame_with_facts_origins_costs_and_claims(trial: Trial) -> None:
    run = trial.run("joint.k400")
    trial.finish(run, 60.0)
    report = json.loads(render(trial.report(), "json"))
    assert (report["table"], report["scale"], report["comparable_with_printed"]) == ("paper/table1", "tiny", True)
    assert report["notes"] == ["A note."] and report["changes"] == {"optim.batch_size": "128 → 8"}
    assert report["claims"] == [] and {cost["value"] for cost in report["costs"]} == {"165.8", "187.5"}
    lines = {(line["row"], line["column"]): line for line in report["cells"]}
    k400 = lines["joint", "k400"]
    assert (k400["Attention"], k400["Att_T"], k400["metric"], k400["value"]) == ("Joint", None, "top1", 60.0)
    assert (k400["train_id"], k400["eval_id"], k400["commit"]) == (run.train_id, run.eval_id, "0123456789")
    assert k400["result"] == os.path.relpath(trial.store.run(run.train_id).metrics(run.eval_id))
    assert lines["joint", "gflops"]["value"] == pytest.approx(180.64, abs=0.01)
    assert (lines["short", "ssv2"]["state"], lines["short", "ssv2"]["value"]) == ("not run", None)
    assert lines["other", "delta"]["value"] == 1.0  # it follows from the printed cells
    (origin,) = report["origins"]
    assert (origin["row"], origin["columns"], origin["train_id"]) == ("Joint, Small", ["Top-1 / K-400"], run.train_id)
