from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from reports.curve_plots import draw, panels_of
from reports.curves import FILE, MOST_POINTS, Point, publish_curves, published_curves
from reports.publication import publish
from reports.saved import JudgedReport
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore
from tests.reports.conftest import Trial
from tests.runner.stored_metrics import write_result


def log(folder: Path, start: float) -> None:
    """Write a training loss a step, a validation metric each 40, and a curve of the machine, from some start on."""
    with SummaryWriter(str(folder)) as writer:
        for step in range(120):
            writer.add_scalar("train/loss", start - step / 50, step, walltime=1e9 + step)
            writer.add_scalar("workload/videos_per_second", 100.0, step)
            if step % 40 == 39:
                writer.add_scalar("val/top1", step / 3, step, walltime=1e9 + step)


def test_published_curves_are_few_of_the_logged_points_to_four_digits_with_the_last_one(tmp_path: Path) -> None:
    own, published = RunDirectory(tmp_path / "own"), RunDirectory(tmp_path / "published")
    publish_curves(own, published)
    assert published_curves(published) == {} and not published.path.exists()
    log(own.tensorboard, 2.5)
    publish_curves(own, published)
    curves = published_curves(published)
    assert curves["val/top1"] == [Point(39, 39, 13), Point(79, 79, 26.33), Point(119, 119, 39.67)]
    assert [*curves] == ["train/loss", "val/top1"]
    loss = curves["train/loss"]
    assert len(loss) == MOST_POINTS and loss[-1] == Point(119, 119, 0.12)
    assert {after.step - before.step for before, after in pairwise(loss)} == {2, 3}


def test_curves_are_those_of_the_published_training(trial: Trial, tmp_path: Path) -> None:
    run = trial.run("joint.k400")
    for number, top1 in enumerate((60.0, 70.0)):
        store = RunStore(tmp_path / f"{number}", results=trial.store.results)
        folder = store.root / f"paper.table1.joint.k400-{run.train_id}"
        log(folder / "tb", start=2.5 + number)
        write_result(store, run, top1)
        publish(replace(trial, store=store).report(), store)
    published = trial.store.published(trial.store.run(run.train_id))
    assert len([*published.path.glob("metrics/*.json")]) == 2 and len([*published.path.glob(FILE)]) == 1
    assert published_curves(published)["train/loss"][-1].value == 0.12


def test_a_plot_has_a_panel_for_the_runs_of_each_column_and_a_line_for_each_row(trial: Trial, tmp_path: Path) -> None:
    for cell, start in (("joint.k400", 2.5), ("ours.k400", 3.5), ("ours.ssv2", 4.5)):
        trial.finish(cell, 60.0)
        log(trial.store.run(trial.run(cell).train_id).tensorboard, start)
    report = trial.report()
    panels = list(panels_of(report))
    assert [(columns[0].key, list(found)) for columns, found in panels] == [
        ("k400", ["joint", "ours"]),
        ("ssv2", ["ours"]),
    ]
    figure = draw(report, panels)
    k400, ssv2 = figure.axes
    assert (k400.get_title(), k400.get_ylabel()) == ("Top-1 / K-400", "val/top1 (%)")
    [line] = ssv2.get_lines()
    assert list(line.get_xdata()) == [39, 79, 119]  # type: ignore[arg-type]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Joint, Small", "Ours, Small (Att_T)"]
    path = JudgedReport(report, tmp_path).write(with_plot=True)
    assert "](table1.tiny.curves.png)" in path.read_text() and path.with_suffix(".curves.png").exists()
