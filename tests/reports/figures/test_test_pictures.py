"""Pictures of the answers of a test: confusion matrices and clips, from saved scores."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lightning_modules.scores import ViewScores
from reports.figures import test_pictures
from runner.inference.answers import SavedAnswers, named_answers
from runner.store.saved_scores import SavedScores
from runner.store.shown_clips import ShownClips, write_clips
from runner.store.store import RunStore
from runner.training.results import save_scores
from tests.runner.points import POINTS, PointList

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


def named(saved: SavedScores) -> SavedAnswers:
    answers = saved.scores.predictions()
    assert answers is not None
    return named_answers(answers, saved, SHOWN)


def test_a_confusion_matrix_has_the_share_of_each_answer_of_a_label(saved: SavedScores) -> None:
    confusions = named(saved).confusions
    axis = test_pictures.confusion_matrices(confusions).axes[0]
    shares = np.asarray(axis.images[0].get_array())
    counts = confusions["class"].counts
    assert np.allclose(shares, counts / counts.sum(1, keepdims=True)) and counts.sum() == 12
    assert np.trace(counts) == 9 and "75.0 % of 12 items" in axis.get_title()
    assert [label.get_text() for label in axis.get_yticklabels()] == list(saved.class_names)


def test_clips_have_their_labels_and_answers_in_the_colour_of_their_correctness(saved: SavedScores) -> None:
    figure = test_pictures.answered_clips(named(saved).clips)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    label = saved.class_names[POINTS_OF_TEST.label(11)]
    assert titles[2].startswith(f"class: {label}. Answer:") and titles[2].count(label) == 2
    colours = [axis._left_title.get_color() for axis in figure.axes[:3]]  # type: ignore[attr-defined]
    assert colours == [test_pictures.WRONG, test_pictures.WRONG, test_pictures.CORRECT]
    assert [axis.images[0].get_array().shape for axis in figure.axes[:3]] == [(16, 64, 3)] * 3  # type: ignore[union-attr]


def test_classes_without_a_name_are_numbered(saved: SavedScores) -> None:
    without = named(saved._replace(class_names=("north-east",)))
    assert without.confusions["class"].names == ("north-east", "1", "2", "3")


def test_pictures_of_a_test_come_from_its_files(saved: SavedScores, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    assert test_pictures.test_pictures(POINTS, store) == {}
    directory = store.run(POINTS.train_id)
    save_scores(directory.predictions(POINTS.eval_id), POINTS, saved, saved.scores.arrays())  # type: ignore[arg-type]
    assert test_pictures.test_pictures(POINTS, store).keys() == {test_pictures.CONFUSION}
    clips = directory.shown_clips(POINTS.eval_id)
    write_clips(clips, SHOWN)
    pictures = test_pictures.test_pictures(POINTS, store)
    assert pictures.keys() == {test_pictures.CONFUSION, test_pictures.CLIPS}
    assert pictures == test_pictures.test_pictures(POINTS, store)  # equal bytes
    clips.write_bytes(b"damaged")
    assert test_pictures.test_pictures(POINTS, store).keys() == {test_pictures.CONFUSION}
