"""What a machine lends to a run: which process this is, and how many load videos."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data.errors import DataError
from experiments.motionformer.base import K400
from experiments.resources import Resources
from experiments.scales import TINY

NAMES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "NODE_RANK")


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, 0),
        ({"RANK": "3", "LOCAL_RANK": "1"}, 3),  # torchrun
        ({"LOCAL_RANK": "1", "SLURM_PROCID": "0"}, 1),  # Lightning's child of a shell under SLURM
        ({"SLURM_PROCID": "5"}, 5),  # srun
        ({"SLURM_PROCID": "0"}, 0),
        ({"NODE_RANK": "1"}, 1),  # started by hand on the second node
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, 1),
        ({"NODE_RANK": "0"}, 0),
    ],
)
def test_only_the_first_process_of_all_nodes_is_the_first(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], rank: int
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Resources().rank == rank


def test_real_videos_for_a_gpu_are_loaded_by_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    real, stand_in = K400.data, TINY.of(K400).data
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(24)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Resources().num_workers(real) == 0
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Resources(devices=4).num_workers(real) == 6
    assert Resources(devices=4, nodes=2).num_workers(real) == 6  # devices are those of a node
    assert Resources(devices=1).num_workers(real) == 16
    assert Resources(devices=1).num_workers(stand_in) == 0
    assert replace(Resources(devices=1), workers=3).num_workers(stand_in) == 3


def test_a_test_alone_reads_only_the_test_split(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "val.csv").write_text("a.mp4 0\n")
    resources = Resources(data=(("kinetics400", tmp_path),), devices=1)
    with pytest.raises(DataError, match="train"):
        resources.check([K400])
    resources.check([K400], eval_only=True)
    assert resources.counts(K400, eval_only=True) == (0, 1)
    with pytest.raises(DataError, match="train"):
        resources.counts(K400)


def test_as_many_training_videos_as_a_batch_are_enough(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "val.csv").write_text("a.mp4 0\n")
    batch = K400.optim.batch_size
    (tmp_path / "train.csv").write_text("a.mp4 0\n" * batch)
    resources = Resources(data=(("kinetics400", tmp_path),), devices=1)
    resources.check([K400])
    (tmp_path / "train.csv").write_text("a.mp4 0\n" * (batch - 1))
    with pytest.raises(DataError, match=f"{batch - 1} training videos are fewer than one batch of {batch}"):
        resources.check([K400])
