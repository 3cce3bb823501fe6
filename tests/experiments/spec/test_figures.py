"""Figures as literals: the rows and columns that they name."""

from dataclasses import dataclass, replace

import pytest

from experiments.spec.catalog import load
from experiments.spec.figures import BarPanel, Bars, ClassDifferences, ClassPanel, Figure, Panel, Panels

TABLE = load("motionformer/table4")
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
