"""Pictures of the answers of tests: confusion matrices, clips of a test, and clips with the answers of rows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.spec.catalog import load
from experiments.spec.figure_runs import shown_runs
from experiments.spec.scales import TINY
from lightning_modules.scores import ViewScores
from reports.collect import collect
from reports.figures import answers
from reports.pages.markup import Unlinked
from runner.store.kept_pictures import file_of
from runner.store.picture_files import AnsweredClips, NamedAnswer, ShownClips, answered_clips, write_pictures
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import SavedScores, save_scores
from runner.store.store import RunStore
from tests.reports.saved_reports import drawn, markdown
from tests.runner.points import POINTS, PointList
from tests.runner.stored_metrics import write_result

POINTS_OF_TEST = PointList("test", 12)
FRAMES = np.random.default_rng(0).integers(256, size=(3, 4, 16, 16, 3)).astype(np.uint8)
SHOWN = ShownClips(np.array([0, 5, 11]), FRAMES)


@pytest.fixture
def saved() -> SavedScores:
    """Scores of twelve points, of which the first and every fifth are answered wrongly."""
    scores = POINTS.objective.task(POINTS.data.targets).new_scores(POINTS.evaluation)
    assert isinstance(scores, ViewScores)
    labels = torch.tensor([POINTS_OF_TEST.label(index) for index in range(12)])
    answered = torch.where(torch.arange(12) % 5 == 0, (labels + 1) % 4, labels)
    outputs = 5 * torch.nn.functional.one_hot(answered, 4)[:, None]  # (B, 1, C)
    no = torch.zeros(12, dtype=torch.bool)
    for view in range(2):
        scores.add(outputs, labels, torch.arange(12), torch.full((12,), view), no, no)
    return SavedScores(scores, POINTS_OF_TEST.ids, POINTS_OF_TEST.class_names, "", 0)


def test_a_confusion_matrix_has_the_share_of_each_answer_of_a_label(saved: SavedScores) -> None:
    confusions = answers.confusions(saved, POINTS)
    axis = answers.confusion_matrices(confusions).axes[0]
    shares = np.asarray(axis.images[0].get_array())
    counts = confusions["class"][0]
    assert np.allclose(shares, counts / counts.sum(1, keepdims=True)) and counts.sum() == 12
    assert np.trace(counts) == 9 and "75.0 % of 12 items" in axis.get_title()
    assert [label.get_text() for label in axis.get_yticklabels()] == list(saved.class_names)


def test_clips_have_their_labels_and_answers_in_the_colour_of_their_correctness(saved: SavedScores) -> None:
    found = answered_clips(POINTS, saved, [0, 5, 11], FRAMES)
    assert found is not None
    figure = answers.clips_of_test(found.clips)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    label = saved.class_names[POINTS_OF_TEST.label(11)]
    assert titles[2].startswith(f"class: {label}. Answer:") and titles[2].count(label) == 2
    colours = [axis._left_title.get_color() for axis in figure.axes[:3]]  # type: ignore[attr-defined]
    assert colours == [answers.WRONG, answers.WRONG, answers.CORRECT]
    assert [axis.images[0].get_array().shape for axis in figure.axes[:3]] == [(16, 64, 3)] * 3  # type: ignore[union-attr]


def test_classes_without_a_name_are_numbered(saved: SavedScores) -> None:
    without = answers.confusions(saved._replace(class_names=("north-east",)), POINTS)
    assert without["class"][1] == ("north-east", "1", "2", "3")


def test_pictures_of_a_test_of_an_earlier_version_come_from_its_files(saved: SavedScores, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    assert answers.pictures_of_test(POINTS, store.run(POINTS.train_id)) == {}
    directory = store.run(POINTS.train_id)
    save_scores(directory.scores(POINTS.eval_id), POINTS, saved)
    assert answers.pictures_of_test(POINTS, store.run(POINTS.train_id)).keys() == {answers.CONFUSION}
    clips = directory.pictures(ShownClips.folder, POINTS.eval_id)
    write_pictures(clips, SHOWN)
    pictures = answers.pictures_of_test(POINTS, store.run(POINTS.train_id))
    assert pictures.keys() == {answers.CONFUSION, answers.CLIPS}
    clips.write_bytes(b"damaged")
    assert answers.pictures_of_test(POINTS, store.run(POINTS.train_id)).keys() == {answers.CONFUSION}


FIGURE6, FIGURE15 = load("cast/figure6"), load("cast/figure15")
RUNS = {shown.row: shown for shown in shown_runs(FIGURE6.figure, FIGURE6.cells(TINY))}


def made(*, verb: bool) -> AnsweredClips:
    """Eight clips, of which all nouns are wrong."""
    rng = np.random.default_rng(0)
    given = (
        NamedAnswer("verb", "open", (("open" if verb else "close", 0.6), ("cut", 0.1)), verb),
        NamedAnswer("noun", "box", (("plate", 0.5),), False),
    )
    frames = rng.integers(256, size=(8, 4, 6, 6, 3)).astype(np.uint8)
    return AnsweredClips(frames, [[f"P01_{place}", given] for place in range(8)])


@pytest.fixture
def published(tmp_path: Path) -> RunStore:
    """Published results of CLIP and CAST alone."""
    store = RunStore(tmp_path / "runs", results=tmp_path / "results")
    assert store.results is not None
    for row in ("clip", "cast"):
        shown = RUNS[row]
        write_result(RunStore(store.results), shown.run, 50.0)
        directory = RunDirectory(store.results / shown.run.train_id)
        write_pictures(file_of(shown, directory), made(verb=row == "cast"))
    return store


def test_the_figures_show_the_experts_and_cast_and_other_clips_each(published: RunStore) -> None:
    assert list(RUNS) == ["clip", "videomae", "cast"]
    shown = []
    for table in (FIGURE6, FIGURE15):
        drawer = drawn(collect(table, TINY, published))
        assert isinstance(drawer, answers.AnsweredClipDrawer)
        shown.append([clip.id for clip in drawer.clips["CAST"]])
    assert shown == [[f"P01_{place}" for place in range(4)], [f"P01_{place}" for place in range(4, 8)]]


def test_right_answers_are_green_and_bold_and_wrong_ones_red(published: RunStore) -> None:
    report = collect(FIGURE6, TINY, published)
    drawer = drawn(report)
    colours = {text.get_text(): text.get_color() for text in drawer.draw(None).axes[0].texts}
    nbsp = "\u00a0"
    assert (
        colours[f"open 60{nbsp}%"] == answers.CORRECT
        and colours[f"close 60{nbsp}%"] == colours[f"plate 50{nbsp}%"] == answers.WRONG
    )
    line = [part.strip() for part in drawer.text(Unlinked()).splitlines()[2].split("|")]
    assert line[1:5] == ["P01_0", "open", f"close 60{nbsp}%", f"**open 60{nbsp}%**"]
    assert drawer.text(Unlinked()) in markdown(report)
