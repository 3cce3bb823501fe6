"""Clips kept beside the scores of a test: their choice, their size, and items that cannot be shown."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from data.errors import DecodeError
from data.items import ItemList, TestItems
from experiments.spec.run import RunConfig
from runner.store.kept_pictures import AnsweredClips, read_pictures
from runner.training import train
from runner.training.results import NUM_FRAMES, decoded_clips, small
from tests.runner.points import POINTS, Killed, PointData, RunHarness

UNREADABLE = 13


def grey(index: int, view: int) -> tuple[Tensor, ...]:
    """Frames as grey as the index."""
    if index == UNREADABLE:
        raise DecodeError("some file", "damaged")
    return (torch.full((3, 8, 3, 6, 6), index, dtype=torch.uint8),)


@dataclass(frozen=True, kw_only=True)
class GreyData(PointData):
    """Data config of grey clips."""

    def test_items(self, items: ItemList, evaluation: object) -> TestItems:
        return TestItems(items, 2, grey)

    def display(self, inputs: tuple[Tensor, ...]) -> Tensor:
        return inputs[0][1]


def test_clips_are_spread_over_the_test_without_unreadable_ones() -> None:
    data = GreyData()
    clips = decoded_clips(data, POINTS.evaluation, data.dataset.build(Path(), "test"))
    assert [*clips] == [0, 25, 38, 51, 64, 76, 89]  # of 90 items; item 13 is unreadable
    assert all(frames.shape == (NUM_FRAMES, 6, 6, 3) and frames.max() == place for place, frames in clips.items())


def test_items_that_cannot_be_shown_have_no_clips(harness: RunHarness) -> None:
    harness.execute(POINTS)
    assert not harness.store.run(POINTS.train_id).pictures(AnsweredClips.folder, POINTS.eval_id).exists()


def test_a_test_of_videos_keeps_clips_of_them_before_its_result(
    harness: RunHarness, verb_noun_run: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "save_test_results", lambda *_, **__: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        harness.execute(verb_noun_run)
    path = harness.store.run(verb_noun_run.train_id).pictures(AnsweredClips.folder, verb_noun_run.eval_id)
    clips = read_pictures(path, AnsweredClips)
    assert clips.frames.shape == (8, NUM_FRAMES, 32, 32, 3)
    assert len(np.unique(clips.frames.reshape(8, -1), axis=0)) == 8
    assert [answer.kind for answer in clips.clips[0].answers] == ["verb", "noun"]


def test_large_frames_are_made_small() -> None:
    frames = torch.zeros(9, 3, 448, 224, dtype=torch.uint8)
    frames[8] = 200
    found = small(frames)
    assert found.shape == (NUM_FRAMES, 112, 56, 3) and found.dtype == np.uint8
    assert found[0].max() == 0 and found[-1].min() == 200  # the first and the last frame
