"""Fixtures: a small untrained run on a few generated videos, and a store for its files. One torch thread everywhere."""

import gc
import os

os.environ["TORCH_DISABLE_NATIVE_JIT"] = "1"  # before torch is imported, see reproduce/command.py

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import save_file

from data.stand_ins.of_videos import KineticsStandIn
from data.worker_processes import available_cores
from experiments.motionformer.base import K400
from experiments.motionformer.tiny import TINY as RECIPE
from experiments.spec.edits import apply, data, evaluation, model
from experiments.spec.run import RunConfig
from experiments.spec.scales import TINY
from runner.machine.resources import Resources
from runner.store.store import RunStore

gc.set_threshold(10_000)  # a tenth of the time of all tests went into the search for garbage
# Threads of several processes that wait for each other on the same cores slow the tests down many times.
os.environ["OMP_NUM_THREADS"] = "1"  # in processes that tests start
torch.set_num_threads(1)  # in this process, which has imported torch already
# The first backward pass starts a thread for each GPU, and fake tensors add one. A process that such a process forks
# can train nothing, so this pass comes before them.
torch.ones(1, requires_grad=True).backward()

KeepWeights = Callable[..., None]
STAND_IN = KineticsStandIn(num_train=10, num_val=10)


class Outcome(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


Reproduce = Callable[..., Outcome]
Output = Callable[..., str]


def pytest_xdist_auto_num_workers() -> int:
    """Number of processes of `-n auto`: one more than cores, because some tests wait for processes that they start."""
    return available_cores() + 1


@pytest.fixture(autouse=True)
def own_computed_values(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder of computed values of this test alone: tests replace what computes them."""
    monkeypatch.setenv("COMPUTED_VALUES", str(tmp_path_factory.mktemp("computed")))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own handler of Ctrl-C, which background jobs of a shell ignore and pass on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def jobs_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that `reproduce run` launches are carried out in the process of the test, one after the other."""
    from tests.runner.in_process import Process  # here: it imports Lightning

    monkeypatch.setattr("runner.jobs.launch.start_process", Process)


@pytest.fixture
def small_run(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """Run of a small model: three blocks, four heads, four token frames of 4 x 4 patches."""
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    run = TINY.of(K400, RECIPE)
    dataset = replace(run.data.dataset, stand_in=STAND_IN)
    return apply(run, (*data(dataset=dataset), *model(width=32), *evaluation(views=2, crops=3)))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs", results=tmp_path / "results")


@pytest.fixture
def clips() -> Path:
    folder = Path(os.environ.get("VIDEO_CLIPS") or Path(__file__).parents[1] / "../shared/clips")
    if not (folder / "test.mp4").exists():
        pytest.skip("the real clips are not here: set VIDEO_CLIPS to their folder")
    return folder


@pytest.fixture
def keep_weights(store: RunStore) -> KeepWeights:
    """Function that saves the initial weights of a run as its trained or released weights."""

    def keep(run: RunConfig, *, released: bool = False) -> None:
        torch.manual_seed(run.seed)
        directory = store.run(run.train_id)
        directory.weights.parent.mkdir(parents=True, exist_ok=True)
        save_file(run.build().model.state_dict(), directory.released if released else directory.weights)
        if released:
            directory.released_record.write_text('{"file": "k400.pyth", "sha256": "0123"}')

    return keep


@pytest.fixture
def weighted(small_run: RunConfig, keep_weights: KeepWeights) -> RunConfig:
    """Small run with saved weights."""
    keep_weights(small_run)
    return small_run


@pytest.fixture
def listed(small_run: RunConfig, tmp_path: Path) -> Path:
    """List file of the small run's test videos, by their paths."""
    root = Resources(devices=1).root(small_run.data)
    records = small_run.data.dataset.build(root, "test").records  # type: ignore[attr-defined]
    file = tmp_path / "videos.csv"
    file.write_text("".join(f"{record.path} {record.label}\n" for record in records))
    return file


@pytest.fixture
def reproduce(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reproduce:
    """Function that carries out a command in an empty working directory."""
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Outcome:
        from reproduce.command import main  # here: most tests need no command

        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        streams = capsys.readouterr()
        return Outcome(code, streams.out, streams.err)

    return call


@pytest.fixture
def output(reproduce: Reproduce) -> Output:
    """Function that carries out a command that succeeds, and returns its output."""

    def call(*words: object) -> str:
        outcome = reproduce(*words)
        assert outcome.code == 0, outcome.err
        return outcome.out

    return call
