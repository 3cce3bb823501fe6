"""What a report of smaller models on real data says: sizes, differences that show, networks, lack of motion."""

import math
from dataclasses import replace

import pytest

from experiments.motionformer.base import K400
from experiments.spec.catalog import load
from experiments.spec.scales import PAPER, SMALL, TINY
from reports.pages.report import Report
from reports.pages.small_models import compute_share, interaction, sizes_text
from reports.pages.table_texts import warning
from tests.reports.conftest import Trial
from tests.reports.saved_reports import markdown


@pytest.fixture
def table4(trial: Trial) -> Trial:
    return trial.of(load("motionformer/table4"), SMALL)


def report_of(trial: Trial) -> Report:
    return trial.report(seeds=(0, 1, 2))


def text_above(trial: Trial) -> str:
    return warning(report_of(trial)) or ""


def test_numbers_of_videos_are_those_of_the_complete_data_until_there_are_results(table4: Trial) -> None:
    def text() -> str:
        return sizes_text(report_of(table4))

    assert "Real data: kinetics400 (200 classes) 9,947 test and 121,215 training videos" in text()
    splits = {split: {"items": items, "annotations": "a"} for split, items in (("test", 9900), ("train", 121_000))}
    data = {"name": "kinetics400", "fingerprint": "0", **splits}
    table4.finish("joint.k400", 50.0, data=data)
    assert "kinetics400 (200 classes) 9,900 test and 121,000 training videos; ssv2 (87 classes) 11,799 test" in text()
    table4.finish("divided.k400", 50.0, data={**data, "test": {"items": 9947, "annotations": "b"}})
    assert "kinetics400 (200 classes) 9,900 to 9,947 test and 121,000 training videos" in text()


def test_the_size_stands_above_a_page_at_this_scale_alone(table4: Trial) -> None:
    report = report_of(table4)
    assert f"{sizes_text(report)} " in markdown(report)
    for scale in (TINY, PAPER):
        assert "training compute" not in text_above(table4.of(table4.table, scale))


def test_compute_is_that_of_steps_and_of_a_step() -> None:
    assert K400.optim is not None
    short = replace(K400, optim=replace(K400.optim, epochs=K400.optim.length // 5))
    assert K400.optim.length == 35 and compute_share(short, K400) == pytest.approx(0.2)
    shallow = replace(short, model=short.model.with_depth(6))
    assert compute_share(shallow, K400) == pytest.approx(0.1, rel=0.02)
    assert compute_share(replace(K400, optim=None), K400) is None


def test_the_differences_that_show_follow_from_the_items_and_the_deviation_of_a_training(table4: Trial) -> None:
    assert (
        "ssv2: with 3 seeds, rows that differ by 1.4 points are told apart; with 5, by 1.2 "
        "(trainings deviate by 0.4, assumed)." in text_above(table4)
    )
    table4.finish("joint.ssv2", 60.0, 63.0)
    table4.finish("divided.ssv2", 60.0, 61.0)
    deviation = math.sqrt((3**2 / 2 + 1 / 2) / 2)
    least = 2.8 * math.hypot(100 * math.sqrt(0.15 / 48), deviation * math.sqrt(2 / 3))
    assert f"by {least:.1f} points" in text_above(table4) and f"by {deviation:.1f}, measured" in text_above(table4)


def test_a_row_that_is_no_better_than_a_network_without_motion_is_named(table4: Trial) -> None:
    table4.finish("joint.ssv2", 33.9)
    table4.finish("divided.ssv2", 34.0)
    assert "No better than without motion (33.94): Joint Space-Time · SSv2." in text_above(table4)


def test_published_networks_are_named_where_all_training_videos_are_used(table4: Trial) -> None:
    def references(report: Report) -> list[str]:
        return [note for note in report.facts.notes if note.startswith("Published on these")]

    on_kinetics, on_ssv2 = references(report_of(table4))
    assert "on these 200 classes of kinetics400: ResNet-50 without a temporal module 72.14" in on_kinetics
    assert "classes of ssv2" in on_ssv2 and "(TAM) 65.44" in on_ssv2 and "75 epochs" in on_ssv2
    assert on_ssv2 in markdown(report_of(table4))
    assert references(report_of(table4.of(load("msca/table2")))) == []  # a third of the training videos


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
