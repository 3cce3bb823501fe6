from collections.abc import Callable

from experiments.runner.store import RunStore
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, Scale
from experiments.spec.table import Table
from reports.collect import collect
from reports.render import render

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]


def test_latex_is_a_booktabs_table_with_levels_bold_italic_and_escapes(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "joint.k400"), 60.0)
    finish(run_of(small, "ours.k400"), 61.0)
    text = render(collect(table, small, store), "latex")
    assert r"\toprule" in text and r"\bottomrule" in text
    assert r"\multicolumn{2}{c}{Top-1}" in text
    assert r"Att\textsubscript{T} & GFLOPs & K-400 & SSv2 & $\Delta$ \\" in text
    assert r"\textit{Other [8] | x} & \textit{Large} & -- & \textit{100.0} & \textit{99.0}" in text
    assert r" &  & $\checkmark$ & 369.5 (369.5) & 61.0 (79.7) & -- (66.5) & -- (13.2) \\" in text
    alone = render(collect(table, small, store, rows=["joint", "ours"]), "latex")
    assert r"& \textbf{61.0} (79.7) &" in alone and "Bold values are the best of their column." in alone
    assert "small models on the videos given as kinetics400, ssv2" in text


def test_latex_escapes_special_characters(table: Table, store: RunStore) -> None:
    report = collect(table, PAPER, store, overrides=["data.dataset.name=a_b%"])
    assert r"data.dataset.name=a\_b\%" in render(report, "latex")
