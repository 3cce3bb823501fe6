"""Figures as literals: the rows and columns that they name, and what is drawn of them: row, run, video and point."""

from dataclasses import dataclass, replace

import pytest

from experiments.spec.catalog import find, load
from experiments.spec.figure_runs import selected_runs, shown_runs
from experiments.spec.figures import (
    AttentionQuery,
    AttentionStrips,
    BarPanel,
    Bars,
    ClassDifferences,
    ClassPanel,
    Figure,
    Panel,
    Panels,
)
from experiments.spec.ids import canonical, digest
from experiments.spec.scales import PAPER, TINY, Scale

TABLE, FIGURE4 = load("motionformer/table4"), load("motionformer/figure4")
BARS = BarPanel(title="A", y_label="top-1", rows=("joint", "divided"), columns=("k400",), ticks=("K-400",))
F1 = ClassPanel(title="B", row="trajectory", relative_to="joint", column="ssv2", kind="class")


@dataclass(frozen=True)
class Picture(Figure):
    """Type of figure that a paper defines."""

    shown: tuple[str, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        return self.shown

    @property
    def columns(self) -> tuple[str, ...]:
        return ("k400",)


def test_figures_name_their_rows_and_columns() -> None:
    panel = Panel(title="A", x_label="", y_label="", columns=("k400",), ticks=("K",), relative_to="joint")
    assert (Panels(grid=((panel,),)).rows, Panels(grid=((panel,),)).columns) == (("joint",), ("k400",))
    assert (Bars(panels=(BARS,)).rows, Bars(panels=(BARS,)).columns) == (("joint", "divided"), ("k400",))
    assert (ClassDifferences(panels=(F1,)).rows, ClassDifferences(panels=(F1,)).columns) == (
        ("trajectory", "joint"),
        ("ssv2",),
    )
    assert Bars(panels=(BARS,)).shown_of("joint", "k400", stand_in=True) is None


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Bars(panels=(replace(BARS, rows=("joint", "jiont")),)), "row 'jiont'"),
        (Bars(panels=(BARS, replace(BARS, columns=("k700",)))), "column 'k700'"),
        (ClassDifferences(panels=(replace(F1, relative_to="none"),)), "row 'none'"),
        (Picture(("joint", "none")), "row 'none'"),
    ],
)
def test_a_table_refuses_a_figure_of_other_rows_or_columns(figure: Figure, text: str) -> None:
    with pytest.raises(ValueError, match=f"table 'motionformer/table4': its figure shows {text}, which the table does"):
        replace(TABLE, figure=figure)
    assert all(replace(TABLE, figure=one).figure == one for one in (Bars(panels=(BARS,)), Picture(("joint",))))


def test_a_panel_has_a_tick_for_each_column() -> None:
    for panel in (BARS, Panel(title="A", x_label="", y_label="", columns=("k400",), ticks=("K-400",))):
        with pytest.raises(ValueError, match="panel 'A': 2 ticks for 1 columns; give one for each"):
            replace(panel, ticks=("K-400", "SSv2"))


@pytest.mark.parametrize("scale", [PAPER, TINY], ids=["paper", "tiny"])
def test_figure_4_draws_the_runs_of_table_4_and_follows_a_moving_thing(scale: Scale) -> None:
    drawn = selected_runs(find(["motionformer/figure4"]), scale, (), (0,))
    assert [one.row for one in drawn] == [row.key for row in FIGURE4.rows] == ["k400", "ssv2"]
    cells = TABLE.cells(scale, rows=["trajectory"])
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
