"""Fixtures for runs of the paper of points, and for a run that predicts a verb and a noun."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data.datasets.epic100 import Epic100
from data.stand_ins.of_videos import Epic100StandIn
from experiments.motionformer.base import EPIC100
from experiments.motionformer.tiny import TINY as RECIPE
from experiments.spec.edits import apply, data, model, optim
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY
from runner.jobs.run_server import RunServer
from runner.store.store import RunStore
from tests.runner.in_process import train_here
from tests.runner.points import POINTS, RunHarness
from tests.runner.tower_weights import write_photos

VERBS_AND_NOUNS = Epic100StandIn(num_train=16, num_val=12)
Process = Callable[..., int]


@pytest.fixture
def harness(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> RunHarness:
    """Harness that trains and tests runs in this process, in a store in tmp_path."""
    return RunHarness(store, monkeypatch)


@pytest.fixture
def process(harness: RunHarness) -> Process:
    """Function that carries out the process of a run, by default that of the points; returns its exit code."""

    def carried_out(run: RunConfig = POINTS, devices: int = 1) -> int:
        return train_here(run, harness.store.root, replace(harness.resources, devices=devices, threads=1))

    return carried_out


@pytest.fixture(scope="module")
def server() -> Iterator[RunServer]:
    """Process that forks those of runs."""
    server = RunServer()
    yield server
    server.close()


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """File of pretrained weights with which the backbone of a tower starts."""
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "pretrained"))
    (tmp_path / "pretrained").mkdir()
    file = tmp_path / "pretrained" / "photos.safetensors"
    write_photos(file, 0.5)
    return file


@pytest.fixture
def stand_ins(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder of generated videos, which all tests share."""
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))


@pytest.fixture
def verb_noun_run(stand_ins: None) -> RunConfig:
    """Run of a model of two blocks on a few generated segments with eight verbs and eight nouns."""
    videos = VERBS_AND_NOUNS
    dataset = Epic100.Config(num_verbs=videos.num_verbs, num_nouns=videos.num_nouns, stand_in=videos)
    edits = (*data(dataset=dataset), *optim(epochs=1, batch_size=8), *model(depth=2, width=16, heads=2))
    return apply(TINY.of(EPIC100, RECIPE), edits)
