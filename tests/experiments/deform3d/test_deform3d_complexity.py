"""Tables A1 and A2: counts of the fact that the printed complexities leave out, and fitted exponents."""

import pytest

from experiments.deform3d.base import PENN
from experiments.deform3d.tablesA1_and_A2 import STAGE_A1, STAGE_A2, exponent
from experiments.spec.catalog import load
from experiments.spec.metrics import Computed


def value(table: str, row: str, column: str) -> float | str | None:
    (cell,) = [c for c in load(table).cells(rows=[row]) if c.column.key == column]
    assert isinstance(cell.metric, Computed) and cell.run is not None
    return cell.metric.of(cell.run)


def number(table: str, row: str, column: str) -> float:
    found = value(table, row, column)
    assert isinstance(found, float | int)
    return found


# Ratios with the modal tokens of each frame, counted by hand: D ((w + 2) / (R + 2))^2 and D (w / T)^2 for D windows.
@pytest.mark.parametrize(
    ("table", "row", "ratio"),
    [
        ("tableA1", "r13-w2", 12 * (4 / 15) ** 2),
        ("tableA1", "r13-w3", 11 * (5 / 15) ** 2),
        ("tableA1", "r13-w4", 6 * (6 / 15) ** 2),
        ("tableA1", "r13-w6", 4 * (8 / 15) ** 2),
        ("tableA1", "r25-w4", 12 * (6 / 27) ** 2),
        ("tableA1", "r25-w12", 4 * (14 / 27) ** 2),
        ("tableA1", "r50-w4", 24 * (6 / 52) ** 2),
        ("tableA2", "t12-w4", 5 * (4 / 12) ** 2),
        ("tableA2", "t8-w6", 2 * (6 / 8) ** 2),
        ("tableA2", "t6-w3", 4 * (3 / 6) ** 2),
        ("tableA2", "t4-w3", 2 * (3 / 4) ** 2),
    ],
)
def test_ratio_of_scores(table: str, row: str, ratio: float) -> None:
    assert value(f"deform3d/{table}", row, "ratio") == pytest.approx(ratio)
    assert value(f"deform3d/{table}", row, "smaller") is (ratio < 1)


def test_multiply_adds_are_those_of_all_heads() -> None:
    full = (12 * 15) ** 2
    assert value("deform3d/tableA1", "r13-w4", "full") == full / 1e6
    assert value("deform3d/tableA1", "r13-w4", "full-macs") == 2 * full * 256 / 1e9


def test_the_printed_loops_leave_places_without_a_query() -> None:
    assert value("deform3d/tableA1", "r13-w4", "left-out") == 1
    assert value("deform3d/tableA2", "t12-w4", "left-out") == 2
    for table in ("tableA1", "tableA2"):
        cells = [c for c in load(f"deform3d/{table}").cells() if c.column.key == "left-out" and c.row.metric is None]
        assert cells and all(number(f"deform3d/{table}", c.row.key, "left-out") >= 1 for c in cells)


def test_exponents() -> None:
    (T1, R, wnd), (T2, *_) = STAGE_A1.axes, STAGE_A2.axes
    found = {axis.symbol: exponent(axis, "stride", PENN) for axis in (T1, R, wnd)}
    assert (found["T"], found["R"]) == (2.0, pytest.approx(1, abs=0.05)) and found["wnd"] < 1.5
    assert exponent(T2, "stride", PENN) == pytest.approx(1, abs=0.2)
    assert exponent(T2, "full", PENN) == pytest.approx(2, abs=0.01)
