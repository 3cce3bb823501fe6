"""Differences by class between two rows, of F1 or accuracy: classes, categories, means and seeds."""

import csv
import io
from dataclasses import replace

import pytest

from experiments.motionformer.base import EPIC100
from experiments.spec.catalog import load
from experiments.spec.claims import above, cell, claim
from experiments.spec.class_f1 import WeightedF1
from experiments.spec.edits import model
from experiments.spec.figures import ClassDifferences, ClassPanel
from experiments.spec.metrics import ACTION
from experiments.spec.scales import PAPER, TINY
from experiments.spec.table import Column, row
from models.mixers.joint import JointAttention
from reports.figures import figures
from reports.figures.class_differences import BARS, ClassDifferenceBars, differences, mean_difference
from reports.pages.markup import Unlinked
from reports.saved import JudgedReport
from tests.reports.conftest import Trial
from tests.reports.saved_reports import drawn

PANEL = ClassPanel(title="Nouns", row="ours", relative_to="joint", column="action", kind="noun", printed_mean=7.9)
JOINTLY = model(attention=JointAttention.Config())
CATEGORIES = {"noun": {"cup": "crockery", "plate": "crockery", "onion": "vegetables", "fork": "cutlery"}}
# correct, predicted, support; the F1 of joint is 75, 0 and 100, that of ours 100, 50 and 0
JOINT = {"cup": [3, 4, 4], "plate": [0, 2, 2], "onion": [2, 2, 2]}
OURS = {"cup": [4, 4, 4], "plate": [1, 2, 2], "onion": [0, 1, 2], "fork": [0, 1, 0]}
POINTS = {"cup": 25.0, "plate": 50.0, "onion": -100.0}


@pytest.fixture
def compared(trial: Trial) -> Trial:
    """Table without results."""
    table = replace(
        trial.table,
        labels=("Attention",),
        columns=(
            Column(key="action", header="Action", metric=ACTION, base=EPIC100),
            Column(key="noun", header="Noun F1", metric=WeightedF1("noun_f1", "noun"), base=EPIC100),
            Column(key="plates", header="F1", metric=WeightedF1("f1", "noun", "crockery"), base=EPIC100),
        ),
        rows=(row("joint", ("Joint",), JOINTLY, paper=()), row("ours", ("Ours",), paper=())),
        figure=ClassDifferences(panels=(PANEL,)),
    )
    return trial.of(table, PAPER)


def counts(nouns: dict[str, list[int]]) -> dict[str, object]:
    """Fields of a result with the counts of nouns."""
    num_items = sum(support for _, _, support in nouns.values())
    right = sum(correct for correct, _, _ in nouns.values())
    missed = num_items - sum(predicted for _, predicted, _ in nouns.values())
    return {
        "noun": 100 * right / num_items,
        "videos": {"evaluated": num_items - missed, "failed": missed, "missing": 0},
        "class_counts": {"noun": nouns},
        "categories": CATEGORIES,
    }


@pytest.fixture
def finished(compared: Trial) -> Trial:
    compared.finish("joint.action", **counts(JOINT))
    compared.finish("ours.action", **counts(OURS))
    return compared


def drawer_of(trial: Trial) -> ClassDifferenceBars:
    drawer = drawn(trial.report())
    assert isinstance(drawer, ClassDifferenceBars)
    return drawer


def with_panels(trial: Trial, *panels: ClassPanel) -> Trial:
    return trial.of(replace(trial.table, figure=ClassDifferences(panels=panels)))


def test_differences_are_points_of_f1_of_classes_with_items_in_descending_order(finished: Trial) -> None:
    lines = list(csv.DictReader(io.StringIO(drawer_of(finished).data())))
    assert {line["class"]: float(line["points"]) for line in lines} == POINTS
    assert [line["class"] for line in lines] == ["plate", "cup", "onion"]
    assert lines[1]["items"] == "4" and (lines[1]["score"], lines[1]["other_score"]) == ("100.0", "75.0")


def test_the_mean_is_weighted_by_the_numbers_of_items_and_shown_beside_the_printed_one(finished: Trial) -> None:
    weighted = (25 * 4 + 50 * 2 - 100 * 2) / 8
    found = mean_difference(finished.report(), PANEL)
    assert found is not None and found.points == pytest.approx(weighted) and found.items == 8
    drawer = drawer_of(finished)
    assert [part.strip() for part in drawer.text(Unlinked()).splitlines()[-1].split("|")[1:-1]] == [
        "Nouns",
        f"{weighted:+.1f}",
        f"{sum(POINTS.values()) / 3:+.1f}",
        "+7.9",
    ]
    assert drawer.text(Unlinked()) in finished.page()
    assert "the paper prints none" not in finished.page()
    assert "the paper prints none" in with_panels(finished, replace(PANEL, printed_mean=None)).page()
    assert drawer.draw(None).axes[0].get_title(loc="left") == "Nouns\nmean +0.0, printed +7.9"


def test_categories_have_the_weighted_mean_of_their_classes(finished: Trial) -> None:
    by_category = replace(PANEL, by_category=True)
    bars = differences(with_panels(finished, by_category).report(), by_category)
    found = {bar.name: (bar.items, bar.points) for bar in bars}
    assert found == {"crockery": (6, pytest.approx((25 * 4 + 50 * 2) / 6)), "vegetables": (2, -100)}


def test_scores_are_means_over_the_seeds_of_both_rows(finished: Trial) -> None:
    finished.finish(finished.run("ours.action", 1), **counts(JOINT))
    report = finished.report(seeds=(0, 1))
    assert {bar.name: bar.points for bar in differences(report, PANEL)} == POINTS  # joint has no second seed
    finished.finish(finished.run("joint.action", 1), **counts(JOINT))
    report = finished.report(seeds=(0, 1))
    assert {bar.name: bar.points for bar in differences(report, PANEL)} == {n: p / 2 for n, p in POINTS.items()}
    assert [bar.items for bar in differences(report, PANEL)] == [2, 4, 2]


def test_tests_of_other_items_and_results_without_counts_are_not_compared(finished: Trial) -> None:
    finished.finish("ours.action", **counts(OURS | {"cup": [4, 4, 5]}))
    assert figures.drawer(finished.report()) is None
    finished.finish("ours.action", 50.0)
    assert figures.drawer(finished.report()) is None and "Nouns" not in finished.page()


def test_many_classes_continue_in_further_columns_of_equal_scale(compared: Trial) -> None:
    for key, correct in (("joint", 1), ("ours", 2)):
        nouns = {f"noun {number}": [correct * (number % 2), 2, 2] for number in range(2 * BARS + 1)}
        compared.finish(f"{key}.action", **counts(nouns))
    axes = drawer_of(compared).draw("Look here.").axes
    assert [len(axis.patches) for axis in axes] == [41, 41, 39]
    assert len({axis.get_xlim() for axis in axes}) == 1
    assert [axis.get_title(loc="left") != "" for axis in axes] == [True, False, False]


def test_bars_have_signed_numbers_and_their_axis_says_what_is_in_parentheses(finished: Trial) -> None:
    by_category = replace(PANEL, by_category=True)
    first, second = drawer_of(with_panels(finished, PANEL, by_category)).draw(None).axes
    assert [text.get_text() for text in first.texts] == ["+50.0", "+25.0", "−100.0"]
    assert (first.get_ylabel(), second.get_ylabel()) == ("class (test videos)", "category (test videos)")


def test_weighted_scores_are_columns_and_claims_compare_them(finished: Trial) -> None:
    better = claim("C1", "section 1", "Nouns gain", above(cell("ours.noun") - cell("joint.noun")))
    report = finished.of(replace(finished.table, claims=(better,))).report()
    (judged,) = JudgedReport(report).claims
    assert [round(c.value, 2) for row in report.rows for c in row.cells[1:]] == [62.5, 50.0, 62.5, 83.33]  # type: ignore[arg-type]
    judgement = judged.judgements[0]
    assert judgement.margins == pytest.approx((0.0,))
    assert (judgement.verdict, judgement.reason) == ("undecided", "results do not tell the correct items")


# Accuracies by class: hits and items
CLASSES = load("motionformer/classes")
COMPARED = replace(TINY, comparable=True)  # whose results stand beside print
HITS = {"up": [10, 20], "down": [18, 20], "left": [5, 10], "right": [5, 10], "in": [2, 4], "out": [1, 4], "on": [0, 5]}
OTHER_HITS = HITS | {"up": [20, 20], "down": [9, 20], "in": [3, 4], "out": [0, 4], "on": [5, 5]}


def test_accuracies_of_classes_are_compared_with_the_printed_classes(trial: Trial) -> None:
    beside_print = trial.of(CLASSES, COMPARED)
    beside_print.finish("joint.ssv2", 64.0, classes=HITS)
    beside_print.finish("trajectory.ssv2", 66.5, classes=OTHER_HITS)
    drawer = drawer_of(beside_print)
    found = {line["class"]: float(line["points"]) for line in csv.DictReader(io.StringIO(drawer.data()))}
    assert found == {"on": 100, "up": 50, "in": 25, "left": 0, "right": 0, "out": -25, "down": -45}
    lines = [[part.strip() for part in line.split("|")[1:-1]] for line in drawer.text(Unlinked()).splitlines()[-6:]]
    assert [line[:2] for line in lines[:3]] == [["on", "+100.0"], ["up", "+50.0"], ["in", "+25.0"]]
    assert lines[0][2:] == ["Spilling [something] next to [something]", "+18"]
    assert [line[:2] for line in lines[-2:]] == [["out", "-25.0"], ["down", "-45.0"]]
    assert [line[3] for line in lines] == ["+18", "+15", "+14", "-8", "-9", "-10"]
    small = trial.of(CLASSES, TINY)
    assert not figures.drawer(small.report()) or "Spilling" not in small.page()


def test_of_many_classes_the_ends_are_drawn(trial: Trial) -> None:
    tiny = trial.of(CLASSES, TINY)
    for key, hits in (("joint", 1), ("trajectory", 2)):
        classes = {f"class {number}": [hits * (number % 2), 2] for number in range(30)}
        tiny.finish(f"{key}.ssv2", 64.0, classes=classes)
    assert len(drawer_of(tiny).draw(None).axes[0].patches) == 20
