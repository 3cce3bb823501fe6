"""Figures: what is drawn, kept beside the report, and found stale."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from experiments.catalog import load
from experiments.drawing import Panels
from experiments.run import RunConfig
from experiments.scales import TINY
from experiments.store import RunStore, StoreError
from experiments.table import Table
from reports import figures, line_panels
from reports.collect import collect
from reports.render import markdown, stale, write

Finish = Callable[..., None]
FIGURE3 = load("motionformer/figure3")


def run_of(cell: str, seed: int = 0) -> RunConfig:
    return FIGURE3.run_of(cell, TINY, (), seed)


@pytest.fixture
def results(finish: Finish) -> None:
    for index, column in enumerate(FIGURE3.columns):
        for row, lead in (("joint", -2.0), ("divided", -3.0), ("trajectory", 0.0)):
            finish(run_of(f"{row}.{column.key}"), 60.0 + index * (1 + lead / 10) + lead)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_data_hold_every_value_and_its_margin_to_trajectory_attention(store: RunStore, results: None) -> None:
    found = lines(figures.data(collect(FIGURE3, TINY, store)))
    assert len(found) == 2 * 3 * 9
    by_key = {(line["y_label"], line["row"], line["column"]): float(line["y"]) for line in found}
    for column in FIGURE3.columns:
        trajectory = by_key["top-1 accuracy (%)", "trajectory", column.key]
        assert by_key["margin (points)", "trajectory", column.key] == 0
        for row in ("joint", "divided"):
            margin = by_key["top-1 accuracy (%)", row, column.key] - trajectory
            assert by_key["margin (points)", row, column.key] == pytest.approx(margin)
    assert [line["x"] for line in found[:5]] == ["1", "2", "4", "8", "whole clip"]


def test_margins_compare_seed_with_seed(store: RunStore, finish: Finish) -> None:
    for seed, (ours, joint) in enumerate([(70.0, 60.0), (80.0, 72.0)]):
        finish(run_of("trajectory.k400-4", seed), ours)
        finish(run_of("joint.k400-4", seed), joint)
    finish(run_of("joint.k400-4", 2), 99.0)  # no run of trajectory attention with this seed: no margin
    found = lines(figures.data(collect(FIGURE3, TINY, store, seeds=(0, 1, 2))))
    margin = next(line for line in found if line["y_label"] == "margin (points)" and line["row"] == "joint")
    assert (float(margin["y"]), margin["num_seeds"]) == (-9.0, "2")
    assert float(margin["std"]) == pytest.approx(2**0.5)


def test_what_has_not_run_is_left_out_and_nothing_is_drawn_of_nothing(
    store: RunStore, finish: Finish, tmp_path: Path
) -> None:
    report = collect(FIGURE3, TINY, store)
    assert "](" not in markdown(report)
    path = write(report, tmp_path)
    assert not path.with_suffix(".png").exists()
    with pytest.raises(ValueError, match="nothing to draw yet: `reproduce run motionformer/figure3` first"):
        figures.save_picture(report, tmp_path / "picture.png")
    finish(run_of("joint.k400-1"), 50.0)
    found = lines(figures.data(collect(FIGURE3, TINY, store)))
    shown = [(line["row"], line["column"], line["y"], line["released"]) for line in found]
    assert shown == [("joint", "k400-1", "50.0", "False")]
    finish(run_of("joint.k400-1"), 50.0, released_weights={"file": "a.pyth", "sha256": "0"})
    assert lines(figures.data(collect(FIGURE3, TINY, store)))[0]["released"] == "True"


def test_a_margin_is_marked_where_either_of_its_rows_has_released_weights(store: RunStore, finish: Finish) -> None:
    finish(run_of("joint.k400-1"), 50.0)
    finish(run_of("trajectory.k400-1"), 58.0, released_weights={"file": "a.pyth", "sha256": "0"})
    found = lines(figures.data(collect(FIGURE3, TINY, store)))
    marks = {(line["row"], line["y_label"]): line["released"] for line in found}
    assert marks == {
        ("joint", "margin (points)"): "True",
        ("trajectory", "margin (points)"): "True",
        ("joint", "top-1 accuracy (%)"): "False",
        ("trajectory", "top-1 accuracy (%)"): "True",
    }


def test_lines_stand_in_the_panels_of_the_paper(store: RunStore, results: None) -> None:
    assert isinstance(FIGURE3.drawing, Panels)
    axes = line_panels.draw(collect(FIGURE3, TINY, store), FIGURE3.drawing, None).axes
    assert [axis.get_title() for axis in axes] == ["Kinetics-400", "Something–Something V2", "", ""]
    assert [axis.get_ylabel() for axis in axes] == ["margin (points)"] * 2 + ["top-1 accuracy (%)"] * 2
    assert [len(axis.get_lines()) for axis in axes] == [3] * 4
    joint = axes[2].get_lines()[0]
    expected = [58.0 + 0.8 * index for index in range(5)]
    assert list(joint.get_ydata()) == pytest.approx(expected)  # type: ignore[arg-type]


def test_a_kept_figure_is_the_same_each_time_and_stale_once_results_differ(
    store: RunStore, results: None, finish: Finish, tmp_path: Path
) -> None:
    report = collect(FIGURE3, TINY, store)
    path = write(report, tmp_path)
    picture, data = path.with_suffix(".png"), path.with_suffix(".csv")
    before = picture.read_bytes()
    with Image.open(picture) as image:
        assert min(image.size) > 500
    assert f"]({picture.name})" in path.read_text()
    assert f"]({data.name})" in path.read_text()
    write(report, tmp_path)
    assert picture.read_bytes() == before
    assert not stale(report, tmp_path)
    finish(run_of("joint.k400-1"), 1.0)
    changed = collect(FIGURE3, TINY, store)
    path.write_text(markdown(changed))
    assert stale(changed, tmp_path)
    write(changed, tmp_path)
    assert not stale(changed, tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".csv"])
@pytest.mark.parametrize("content", [None, b"", b"\xff broken", "half"])
def test_a_lost_or_broken_file_makes_a_figure_stale(
    store: RunStore, results: None, tmp_path: Path, suffix: str, content: bytes | str | None
) -> None:
    report = collect(FIGURE3, TINY, store)
    file = write(report, tmp_path).with_suffix(suffix)
    whole = file.read_bytes()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    assert stale(report, tmp_path)


def test_a_picture_says_whose_numbers_it_shows(
    store: RunStore, results: None, finish: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = []
    draw = line_panels.draw
    monkeypatch.setattr(line_panels, "draw", lambda *parts: notices.append(parts[2]) or draw(*parts))
    write(collect(FIGURE3, TINY, store), tmp_path)
    finish(run_of("joint.k400-1"), 58.0, released_weights={"file": "joint.pyth", "sha256": "0"})
    released = collect(FIGURE3, TINY, store)
    (tmp_path / "motionformer" / "figure3.tiny.md").write_text(markdown(released))
    assert stale(released, tmp_path)  # the same numbers, but of others' weights
    write(released, tmp_path)
    assert not stale(released, tmp_path)
    finish(FIGURE3.run_of("joint.k400-1", TINY, ("optim.epochs=1",), 0), 20.0)
    figures.picture(collect(FIGURE3, TINY, store, overrides=("optim.epochs=1",)))
    small = "Scale tiny: small models on generated stand-in videos."
    assert notices == [
        small,
        f"{small}\nReleased weights, tested here: Joint Space-Time.",
        f"{small}\nNot the table's runs: optim.epochs=1.",
    ]


def test_a_picture_that_cannot_be_written_is_one_clear_error(store: RunStore, results: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*picture\.png"):
        figures.save_picture(collect(FIGURE3, TINY, store), tmp_path / "file" / "picture.png")


def test_tables_have_no_picture(table: Table, store: RunStore, finish: Finish, tmp_path: Path) -> None:
    finish(table.run_of("joint.k400", TINY, (), 0), 50.0)
    report = collect(table, TINY, store)
    assert figures.files(report, tmp_path / "table.md") == {}


def test_a_report_without_printed_numbers_does_not_speak_of_them(store: RunStore, results: None) -> None:
    text = markdown(collect(FIGURE3, TINY, store))
    assert "All numbers are ours; the paper prints none." in text
    assert "not comparable with those of the paper." in text
    assert "(printed)" not in text
