"""Runs of figures, and what is shown of them: row, run, video and point."""

from dataclasses import replace

import pytest

from experiments.spec.catalog import find, load
from experiments.spec.figure_runs import selected_runs, shown_runs
from experiments.spec.figures import AttentionQuery, AttentionStrips
from experiments.spec.ids import canonical, digest
from experiments.spec.scales import PAPER, TINY, Scale

FIGURE4 = load("motionformer/figure4")


@pytest.mark.parametrize("scale", [PAPER, TINY], ids=["paper", "tiny"])
def test_figure_4_draws_the_runs_of_table_4_and_follows_a_moving_thing(scale: Scale) -> None:
    drawn = selected_runs(find(["motionformer/figure4"]), scale, (), (0,))
    assert [one.row for one in drawn] == [row.key for row in FIGURE4.rows] == ["k400", "ssv2"]
    cells = load("motionformer/table4").cells(scale, rows=["trajectory"])
    assert [one.run.train_id for one in drawn] == [cell.run.train_id for cell in cells if cell.tested and cell.run]
    assert {one.shown for one in drawn} == {AttentionQuery(of_moving=True)}


def test_first_of_several_seeds_is_drawn() -> None:
    (one,) = selected_runs(find(["motionformer/figure4:ssv2"]), TINY, ("optim.epochs=3",), (4, 5))
    assert one.run.optim is not None
    assert (one.row, one.run.seed, one.run.optim.epochs) == ("ssv2", 4, 3)


def test_tables_without_attention_figures_have_no_queries() -> None:
    assert selected_runs(find(["motionformer/table4", "motionformer/figure3"]), TINY, (), (0,)) == []


def test_rows_without_a_query_and_other_columns_are_omitted() -> None:
    assert isinstance(FIGURE4.figure, AttentionStrips)
    cells = FIGURE4.cells(TINY)
    fewer = replace(FIGURE4.figure, queries=FIGURE4.figure.queries[1:])
    assert [one.row for one in shown_runs(fewer, cells)] == ["ssv2"]
    assert not list(shown_runs(replace(FIGURE4.figure, column="other"), cells))


def test_the_default_attention_is_no_part_of_ids() -> None:
    assert canonical(AttentionQuery()) == {
        "type": "AttentionQuery", "video": 0, "frame": 0, "x": 0.5, "y": 0.5, "block": None, "head": None
    }  # fmt: skip
    assert digest(AttentionQuery(attention="s2t")) != digest(AttentionQuery())
