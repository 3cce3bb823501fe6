"""What a machine lends to a run: which process this is, and how many load videos."""

import os
from dataclasses import replace

import pytest
import torch

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
