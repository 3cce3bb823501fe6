"""Scores per video over views, crops and processes."""

import pytest
import torch
from torch import Tensor

from lightning_modules.views import FAILED, MISSING, OK, VideoScores


def scored(rows: list[tuple[int, int, int, int, list[float]]], crops: int = 1) -> VideoScores:
    """Rows of label, video, view, status, logits."""
    scores = VideoScores()
    label, video, view, status, logits = zip(*rows, strict=True)
    probabilities = torch.tensor(logits).softmax(-1).unsqueeze(1).expand(-1, crops, -1)

    def column(values: tuple[int, ...]) -> Tensor:
        return torch.tensor(values)

    scores.add(probabilities, column(label), column(video), column(view), column(status))
    return scores


def test_softmax_scores_of_all_views_and_crops_are_summed() -> None:
    # One confident wrong view loses to two that agree, although its logits are larger than theirs together.
    rows = [(1, 0, 0, OK, [9.0, 0.0]), (1, 0, 1, OK, [0.0, 3.0]), (1, 0, 2, OK, [0.0, 3.0])]
    scores = scored(rows, crops=3)
    expected = sum(3 * torch.tensor(logits).softmax(-1) for *_, logits in rows)
    torch.testing.assert_close(scores.videos[0].scores, expected)
    assert scores.accuracy().top1 == 100.0


def test_unreadable_videos_count_as_wrong_and_are_counted() -> None:
    logits = [5.0, 0.0]
    scores = scored(
        [(0, 0, 0, OK, logits), (0, 1, 0, FAILED, logits), (0, 2, 0, MISSING, logits), (1, 3, 0, OK, logits)]
    )
    accuracy = scores.accuracy()
    assert accuracy.top1 == 25.0
    assert (accuracy.evaluated, accuracy.failed, accuracy.missing) == (2, 1, 1)


def test_hits_are_counted_by_class_and_unreadable_videos_are_misses() -> None:
    scores = scored(
        [
            (2, 0, 0, OK, [0.0, 1.0, 2.0]),
            (2, 1, 0, FAILED, [0.0, 1.0, 2.0]),
            (0, 2, 0, OK, [0.0, 1.0, 2.0]),
            (2, 3, 0, OK, [2.0, 1.0, 0.0]),
            (0, 4, 0, OK, [2.0, 1.0, 0.0]),
        ]
    )
    assert scores.hits_by_class() == {0: (1, 2), 2: (1, 3)}


def test_a_video_with_one_unreadable_view_is_failed() -> None:
    scores = scored([(0, 0, 0, OK, [5.0, 0.0]), (0, 0, 1, FAILED, [0.0, 0.0])])
    assert scores.accuracy().failed == 1


def test_top5_of_fewer_than_five_classes_is_every_class() -> None:
    assert scored([(1, 0, 0, OK, [5.0, 0.0, 0.0])]).accuracy().top5 == 100.0


def test_repeated_views_are_counted_once() -> None:
    row = (0, 0, 0, OK, [1.0, 0.0])
    once, twice = scored([row]), scored([row, row])
    twice.merge([scored([row])])
    torch.testing.assert_close(once.videos[0].scores, twice.videos[0].scores)


def test_processes_that_share_a_video_s_views_give_the_sum_of_one() -> None:
    rows = [(0, 0, 0, OK, [1.0, 0.0]), (0, 0, 1, OK, [0.0, 2.0]), (1, 1, 0, OK, [0.0, 2.0]), (1, 1, 1, OK, [0.0, 1.0])]
    merged = VideoScores()
    merged.merge([scored(rows[:1]), scored(rows[1:3]), scored(rows[3:])])
    for index, video in scored(rows).videos.items():
        torch.testing.assert_close(merged.videos[index].scores, video.scores)
    merged.check(num_videos=2, num_views=2)


def test_a_test_that_missed_a_view_is_no_result() -> None:
    scores = scored([(0, 0, 0, OK, [1.0, 0.0])])
    with pytest.raises(RuntimeError, match="video 0 of the test was scored on 1 views instead of 2"):
        scores.check(num_videos=1, num_views=2)
    with pytest.raises(RuntimeError, match="video 1"):
        scores.check(num_videos=2, num_views=1)


@pytest.mark.parametrize("wild", [torch.nan, torch.inf])
def test_scores_that_are_no_numbers_are_no_result(wild: float) -> None:
    scores = VideoScores()
    rows = torch.tensor([[0.5, 0.5], [wild, 0.5]])
    zeros = torch.zeros(2, dtype=torch.long)
    scores.add(rows, labels=zeros, videos=torch.arange(2), views=zeros, status=zeros)
    with pytest.raises(ValueError, match="the scores of 1 of 2 test videos are not finite"):
        scores.check(2, 1)
