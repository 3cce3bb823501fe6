"""What a report of smaller models on real data says: differences that show, published networks, rows without motion."""

import math

import pytest

from experiments.spec.catalog import load
from experiments.spec.scales import SMALL, TINY
from reports.collect import collect
from reports.pages.page import notice
from reports.pages.report import Report
from reports.pages.small_models import interaction, references
from runner.store.store import RunStore
from tests.reports.saved_reports import markdown
from tests.runner.stored_metrics import write_result


def report_of(store: RunStore, name: str = "motionformer/table4", seeds: tuple[int, ...] = (0, 1, 2)) -> Report:
    return collect(load(name), SMALL, store, seeds=seeds)


def text_above(store: RunStore) -> str:
    return notice(report_of(store))


def finish(store: RunStore, row: str, *values: float) -> None:
    """Write results on SSv2, one for each seed."""
    seeds = tuple(range(len(values)))
    (cell,) = (c for c in load("motionformer/table4").cells(SMALL, rows=[row], seeds=seeds) if c.column.key == "ssv2")
    for run, value in zip(cell.runs, values, strict=True):
        write_result(store, run, value)


def test_the_differences_that_show_follow_from_the_items_and_the_deviation_of_a_training(store: RunStore) -> None:
    assert (
        "ssv2: with 3 seeds, rows that differ by 1.4 points are told apart; with 5, by 1.2 "
        "(trainings deviate by 0.4, assumed)." in text_above(store)
    )
    finish(store, "joint", 60.0, 63.0)
    finish(store, "divided", 60.0, 61.0)
    deviation = math.sqrt((3**2 / 2 + 1 / 2) / 2)
    least = 2.8 * math.hypot(100 * math.sqrt(0.15 / 48), deviation * math.sqrt(2 / 3))
    assert f"by {least:.1f} points" in text_above(store) and f"by {deviation:.1f}, measured" in text_above(store)


def test_a_row_that_is_no_better_than_a_network_without_motion_is_named(store: RunStore) -> None:
    finish(store, "joint", 33.9)
    finish(store, "divided", 34.0)
    assert "No better than without motion (33.94): Joint Space-Time · SSv2." in text_above(store)


def test_published_networks_are_named_where_all_training_videos_are_used(store: RunStore) -> None:
    on_kinetics, on_ssv2 = references(report_of(store))
    assert on_kinetics.startswith(
        "Published on these 200 classes of kinetics400: ResNet-50 without a temporal module 72.14"
    )
    assert "classes of ssv2" in on_ssv2 and "(TAM) 65.44" in on_ssv2 and "75 epochs" in on_ssv2
    assert on_ssv2 in markdown(report_of(store))
    assert references(report_of(store, "msca/table2")) == []  # a third of the training videos


@pytest.mark.parametrize(
    ("name", "row", "is_mixing"),
    [
        ("xvit/main-fraction", "rho-0-avg", False),
        ("xvit/main-fraction", "rho-0", True),
        ("motionformer/table8", "ssv2", False),
        ("motionformer/table4", "divided", True),
        ("cast/figure4", "aim", True),
    ],
)
def test_models_that_see_one_frame_at_a_time_mix_none(name: str, row: str, is_mixing: bool) -> None:
    run = next(c.run for c in load(name).cells(TINY, rows=[row]) if c.run and c.run.data.dataset.name == "ssv2")
    assert (interaction(run) > 1e-3) == is_mixing and (interaction(run) < 1e-5) != is_mixing
