"""What a finished test leaves behind."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from data.datamodule import VideoDataModule
from data.errors import DataError
from experiments.motionformer.base import SSV2
from experiments.results import keep_test, keep_training, named
from experiments.store import RunDirectory, RunStore
from lightning_modules.views import MISSING, OK, VideoScores


def datamodule(allowed: int = 1) -> VideoDataModule:
    stands_for = SimpleNamespace(
        num_test_videos=2,
        bad_videos=lambda split, videos: SimpleNamespace(allowed=allowed),
        test_videos=SimpleNamespace(class_names=("up", "down")),
        test_video_ids=["a", "b"],
        fingerprint="0123",
    )
    return cast(VideoDataModule, stands_for)


def scores(*states: int) -> VideoScores:
    made = VideoScores()
    labels = torch.arange(2)
    made.add(torch.eye(2).unsqueeze(1), labels, labels, torch.zeros(2, dtype=torch.long), torch.tensor(states))
    return made


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunStore(tmp_path).run(SSV2.train_id)


def kept_metrics(
    directory: RunDirectory, found: VideoScores, module: VideoDataModule, released: dict | None = None
) -> dict:
    keep_test(SSV2, directory, found, module, precision="32-true", devices=2, seconds=3.21, released=released)
    return json.loads(directory.metrics(SSV2.eval_id, released=released is not None).read_text())


def test_a_test_alone_still_tells_what_its_training_took_and_which_videos_it_lacked(directory: RunDirectory) -> None:
    keep_training(directory, device_seconds=10800.0, replaced=3)
    metrics = kept_metrics(directory, scores(OK, OK), datamodule())
    assert (metrics["device_hours"], metrics["replaced_in_training"]) == (3.0, 3)
    assert metrics["classes"] == {"up": [1, 1], "down": [1, 1]}
    assert json.loads(directory.provenance.read_text())["seconds"] == 3.2


def test_released_weights_have_no_training_of_ours(directory: RunDirectory) -> None:
    keep_training(directory, device_seconds=10800.0, replaced=3)
    released = {"file": "a.pyth", "sha256": "0", "matched": 1}
    metrics = kept_metrics(directory, scores(OK, OK), datamodule(), released)
    assert "device_hours" not in metrics
    assert metrics["released_weights"] == {"file": "a.pyth", "sha256": "0"}
    assert not directory.provenance.exists()


def test_scores_of_each_video_are_kept_and_those_of_missing_ones_marked(directory: RunDirectory) -> None:
    metrics = kept_metrics(directory, scores(OK, MISSING), datamodule())
    assert metrics["videos"] == {"evaluated": 1, "failed": 0, "missing": 1}
    assert metrics["top1"] == 50
    with np.load(directory.predictions(SSV2.eval_id)) as kept:
        assert kept["scores"].tolist() == [[1, 0], [0, 1]]
        assert kept["status"].tolist() == [OK, MISSING]
        assert kept["videos"].tolist() == ["a", "b"]


def test_more_unreadable_videos_than_may_be_are_no_result(directory: RunDirectory) -> None:
    with pytest.raises(DataError, match="1 of 2 test videos cannot be read, more than the 0 that may be"):
        kept_metrics(directory, scores(OK, MISSING), datamodule(allowed=0))
    assert not directory.path.exists()


def test_classes_without_a_name_have_their_number() -> None:
    assert named({0: (1, 2), 7: (3, 4)}, ("up",)) == {"up": [1, 2], "7": [3, 4]}
