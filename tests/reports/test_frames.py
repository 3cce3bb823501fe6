import io
from collections.abc import Callable

import pandas as pd

from experiments.run import RunConfig
from experiments.scales import PAPER, Scale
from experiments.store import RunStore
from experiments.table import Table
from reports.collect import collect
from reports.render import render

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]


def test_csv_keeps_ours_and_the_printed_values_apart(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "joint.k400"), 60.123456)
    data = pd.read_csv(io.StringIO(render(collect(table, small, store), "csv"))).set_index("row")
    assert list(data["k400:state"]) == ["quoted", "done", "not run", "not run"]
    assert data.loc["joint", "k400"] == 60.123456
    assert list(data["k400"].notna()) == [False, True, False, False]
    assert list(data["k400:printed"]) == [99.0, 79.2, 70.0, 79.7]
    assert set(data["scale"]) == {"tiny"}


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
    assert r" &  & $\checkmark$ & 369.5 (369.5) & \textbf{61.0} (79.7) & -- & -- \\" in text
    assert "small models on generated stand-in videos" in text


def test_latex_escapes_what_would_not_compile(table: Table, store: RunStore) -> None:
    report = collect(table, PAPER, store, overrides=["data.dataset.name=a_b%"])
    assert r"data.dataset.name=a\_b\%" in render(report, "latex")
