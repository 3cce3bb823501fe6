from dataclasses import replace

import pytest

from experiments.spec.catalog import captions, load
from experiments.spec.scales import PAPER
from experiments.spec.table import label_text, one_line
from reports.pages.latex import LATEX
from tests.reports.conftest import Trial
from tests.reports.saved_reports import render


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
