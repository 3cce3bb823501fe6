"""Figures: each type has a drawer; pictures are saved beside the page, and stale when their data are."""

import importlib
import inspect
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import experiments.spec.figures
from experiments.spec.catalog import load
from experiments.spec.figures import Figure
from experiments.spec.scales import TINY
from reports.figures import figures
from reports.figures.drawer import Drawer, png
from reports.pages.report import Report
from reports.publication import publish
from runner.machine.files import StoreError
from tests.reports.conftest import Trial
from tests.reports.saved_reports import drawn, stale, write

# Tables with each kind of drawer that draws results of tests.
NAMES = ("motionformer/figure3", "cast/figure4", "motionformer/classes", "cast/figure11")


def finish_all(trial: Trial) -> None:
    """Write results of all tests of a table, with counts of two classes."""
    counts = {"0": [1, 2, 2], "1": [2, 2, 2]}
    for number, cell in enumerate(one for one in trial.table.cells(trial.scale) if one.tested):
        metrics = cell.runs[0].objective.metrics
        kinds = {kind: counts for kind in ("verb", "noun") if kind in metrics}
        values = {name: 75.0 if name in kinds else 20.0 + number for name in metrics} | ({"class_counts": kinds})
        videos = {"evaluated": 4, "failed": 0, "missing": 0}
        trial.finish(cell.runs[0], **values | {"classes": {"up": [1, 2], "down": [2, 2]}, "videos": videos})


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_drawn_with_its_notice_and_saved_with_its_data(trial: Trial, tmp_path: Path, name: str) -> None:
    tiny = trial.of(load(name), TINY)
    assert figures.drawer(tiny.report()) is None  # without results
    finish_all(tiny)
    report = tiny.report()
    assert drawn(report).draw("Look here.").get_supxlabel() == "Look here."
    path = write(report, tmp_path)
    picture, data = path.with_suffix(".png"), path.with_suffix(".csv")
    assert f"]({picture.name})" in path.read_text() and f"]({data.name})" in path.read_text()
    with Image.open(picture) as image:
        assert min(image.size) > 200
    assert not stale(report, tmp_path) and data.read_text() == drawn(report).data()
    assert drawn(report).row_pictures() == {}
    for file, content in ((path, b"\xff"), (data, b"other"), (data, None), (picture, None)):
        before = file.read_bytes()
        file.unlink() if content is None else file.write_bytes(content)
        assert stale(report, tmp_path)
        file.write_bytes(before)
    assert not stale(report, tmp_path)


def test_each_type_of_figure_has_a_drawer() -> None:
    classes = (kind for kind in vars(experiments.spec.figures).values() if isinstance(kind, type))
    types = {kind for kind in classes if issubclass(kind, Figure) and not inspect.isabstract(kind)}
    assert set(figures.DRAWERS) == {None, *types}
    for module, name in figures.DRAWERS.values():
        assert issubclass(getattr(importlib.import_module(f"reports.figures.{module}"), name), Drawer)


def test_a_saved_figure_is_reproducible_and_drawn_again_for_other_results(
    figure3: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Path] = []
    real = Drawer.save
    monkeypatch.setattr(Drawer, "save", lambda found, path: saved.append(path) or real(found, path))
    report = figure3.report()
    picture = write(report, tmp_path).with_suffix(".png")
    assert picture.read_bytes() == png(drawn(report).picture())
    write(report, tmp_path)
    assert len(saved) == 1  # the page is fresh
    figure3.finish("joint.k400-1", 1.0)
    changed = figure3.report()
    assert stale(changed, tmp_path)
    write(changed, tmp_path)
    assert len(saved) == 2 and not stale(changed, tmp_path)
    picture.unlink()
    write(changed, tmp_path)
    assert len(saved) == 3


def test_the_notice_names_scale_released_weights_overrides_and_published_results(
    figure3: Trial, tmp_path: Path
) -> None:
    def notice(report: Report) -> str | None:
        return drawn(report).notice()

    errors = "Error bars: 95 % interval over other draws of the test videos."
    small = f"Scale tiny: small models on generated stand-in videos.\n{errors}"
    report = figure3.report(rows=["joint"])
    assert notice(report) == small
    publish(report, figure3.store)
    fresh = figure3.elsewhere(tmp_path / "fresh")
    assert notice(fresh.report(rows=["joint"])) == f"{small}\nPublished results, not run here: Joint Space-Time."
    figure3.finish("joint.k400-1", 58.0, released_weights={"file": "joint.pyth", "sha256": "0"})
    assert notice(figure3.report()) == f"{small}\nReleased weights, tested here: Joint Space-Time."
    figure3.finish(figure3.table.run_of("joint.k400-1", TINY, ("optim.epochs=1",), 0), 20.0)
    overridden = figure3.report(overrides=("optim.epochs=1",))
    assert notice(overridden) == f"{small}\nNot the table's runs: optim.epochs=1."


def test_marked_rows_are_named_the_shortest_way(figure3: Trial) -> None:
    def notice(*rows: str) -> str:
        for row in rows:
            figure3.finish(f"{row}.k400-1", 58.0, released_weights={"file": "a.pyth", "sha256": "0"})
        return (drawn(figure3.report()).notice() or "").partition("tested here: ")[2]

    assert notice("joint") == "Joint Space-Time."
    assert notice("divided") == "all rows but Trajectory."
    assert notice("trajectory") == "all rows."
    report = figure3.report()
    facts = replace(report.facts, generated=(), given=("kinetics400",))
    assert "on the videos given as kinetics400." in str(drawn(replace(report, facts=facts)).notice())


def test_an_unwritable_picture_path_is_an_error(figure3: Trial, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*picture\.png"):
        drawn(figure3.report()).save(tmp_path / "file" / "picture.png")
