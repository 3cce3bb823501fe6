"""Accuracy differences by class between two rows."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.spec.catalog import load
from experiments.spec.figures import ClassMargins
from experiments.spec.scales import TINY
from reports.collect import collect
from reports.figures import class_margins, figures
from reports.pages.render import markdown, stale, write
from reports.pages.report import Report
from runner.store.store import RunStore

COMPARED = replace(TINY, small=False)  # whose results stand beside print
CLASSES = load("motionformer/classes")
JOINT = {"up": [10, 20], "down": [18, 20], "left": [5, 10], "right": [5, 10], "in": [2, 4], "out": [1, 4], "on": [0, 5]}
TRAJECTORY = JOINT | {"up": [20, 20], "down": [9, 20], "in": [3, 4], "out": [0, 4], "on": [5, 5]}
Finish = Callable[..., None]


@pytest.fixture
def results(finish: Finish) -> None:
    finish(CLASSES.run_of("joint.ssv2", COMPARED, (), 0), 64.0, classes=JOINT)
    finish(CLASSES.run_of("trajectory.ssv2", COMPARED, (), 0), 66.5, classes=TRAJECTORY)


def drawn(report: Report) -> class_margins.ClassMarginBars:
    """Drawer of a report of the table."""
    drawer = figures.drawer(report)
    assert isinstance(drawer, class_margins.ClassMarginBars)
    return drawer


def extremes(report: Report) -> list[list[str]]:
    """Cells of the table of largest gains and losses beside the printed ones, one list per line."""
    lines = drawn(report).text().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_margins_are_percentage_points_of_each_class_in_descending_order(store: RunStore, results: None) -> None:
    lines = list(csv.DictReader(io.StringIO(drawn(collect(CLASSES, COMPARED, store)).data())))
    found = {line["class"]: float(line["points"]) for line in lines}
    assert found == {"on": 100, "up": 50, "in": 25, "left": 0, "right": 0, "out": -25, "down": -45}
    assert list(found)[:3] == ["on", "up", "in"]
    assert list(found)[-2:] == ["out", "down"]
    assert lines[1] == {"class": "up", "videos": "20", "trajectory": "100.0", "joint": "50.0", "points": "50.0"}


def test_the_largest_gains_and_losses_are_shown_beside_those_in_the_paper(store: RunStore, results: None) -> None:
    report = collect(CLASSES, COMPARED, store)
    assert drawn(report).text() in markdown(report)
    cells = extremes(report)
    assert [line[:2] for line in cells[:3]] == [["on", "+100.0"], ["up", "+50.0"], ["in", "+25.0"]]
    assert cells[0][2:] == ["Spilling [something] next to [something]", "+18"]
    assert [line[:2] for line in cells[-2:]] == [["out", "-25.0"], ["down", "-45.0"]]
    assert [line[3] for line in cells] == ["+18", "+15", "+14", "-8", "-9", "-10"]


def test_all_classes_are_shown_if_there_are_fewer_than_in_the_paper(store: RunStore, finish: Finish) -> None:
    finish(CLASSES.run_of("joint.ssv2", COMPARED, (), 0), 64.0, classes={"up": [1, 4], "down": [3, 4]})
    finish(CLASSES.run_of("trajectory.ssv2", COMPARED, (), 0), 66.5, classes={"up": [2, 4], "down": [0, 4]})
    shown = [line[:2] for line in extremes(collect(CLASSES, COMPARED, store))]
    assert shown == [["up", "+25.0"], ["down", "-75.0"]] * 2


def test_only_gains_are_shown_if_the_paper_has_only_gains(store: RunStore, results: None) -> None:
    assert isinstance(CLASSES.figure, ClassMargins)
    gains = replace(CLASSES, figure=replace(CLASSES.figure, printed=CLASSES.figure.printed[:2]))
    shown = [line[:2] for line in extremes(collect(gains, COMPARED, store))]
    assert shown == [["on", "+100.0"], ["up", "+50.0"]]


def test_hits_are_summed_over_the_seeds_of_both_rows(store: RunStore, results: None, finish: Finish) -> None:
    finish(CLASSES.run_of("trajectory.ssv2", COMPARED, (), 1), 60.0, classes=JOINT | {"up": [0, 20]})
    report = collect(CLASSES, COMPARED, store, seeds=(0, 1))
    assert isinstance(CLASSES.figure, ClassMargins)
    assert {m.name: m.points for m in class_margins.class_margins(report, CLASSES.figure)}["up"] == 50
    finish(CLASSES.run_of("joint.ssv2", COMPARED, (), 1), 60.0, classes=JOINT)
    report = collect(CLASSES, COMPARED, store, seeds=(0, 1))
    by_name = {m.name: m for m in class_margins.class_margins(report, CLASSES.figure)}
    assert (by_name["up"].percent, by_name["up"].other_percent, by_name["up"].videos) == (50, 50, 20)


def test_there_is_no_figure_without_hits_by_class(store: RunStore, finish: Finish, tmp_path: Path) -> None:
    finish(CLASSES.run_of("joint.ssv2", COMPARED, (), 0), 64.0, classes=JOINT)
    finish(CLASSES.run_of("trajectory.ssv2", COMPARED, (), 0), 66.5)
    report = collect(CLASSES, COMPARED, store)
    assert figures.files(report, tmp_path / "classes.md") == {}
    assert "Spilling" not in markdown(report)


def test_rows_with_different_videos_or_seeds_are_not_compared(
    store: RunStore, results: None, finish: Finish, tmp_path: Path
) -> None:
    for classes in (TRAJECTORY | {"up": [20, 21]}, {"else": [1, 2]}):
        finish(CLASSES.run_of("trajectory.ssv2", COMPARED, (), 0), 66.5, classes=classes)
        report = collect(CLASSES, COMPARED, store)
        assert figures.files(report, tmp_path / "classes.md") == {}
        assert "Spilling" not in markdown(report)
    finish(CLASSES.run_of("trajectory.ssv2", COMPARED, (), 1), 66.5, classes=TRAJECTORY)
    assert "Spilling" not in markdown(collect(CLASSES, COMPARED, store, seeds=(0, 1)))


def test_bars_have_the_minus_sign_of_the_axis(store: RunStore, results: None) -> None:
    [axis] = drawn(collect(CLASSES, COMPARED, store)).draw(None).axes
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["+100.0", "+50.0", "+25.0", "+0.0", "+0.0", "−25.0", "−45.0"]
    assert axis.get_ylabel() == "class (test videos)"


def test_the_picture_is_saved_and_stale_when_results_change(
    store: RunStore, results: None, finish: Finish, tmp_path: Path
) -> None:
    report = collect(CLASSES, COMPARED, store)
    path = write(report, tmp_path)
    assert f"]({path.with_suffix('.png').name})" in path.read_text()
    assert not stale(report, tmp_path)
    finish(CLASSES.run_of("joint.ssv2", COMPARED, (), 0), 64.0, classes=JOINT | {"up": [11, 20]})
    assert stale(collect(CLASSES, COMPARED, store), tmp_path)
