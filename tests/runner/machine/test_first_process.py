"""Two processes of a run, as torchrun starts them, of which the second one sees another state of the run's folder."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.jobs import run_process
from runner.machine import first_process
from runner.machine.first_process import FirstProcess
from runner.machine.resources import Resources
from runner.store.store import RunStore
from tests.runner.in_process import FORKED, exit_codes, train_here
from tests.runner.points import POINTS, RunHarness, StopsAfter, carry_out

pytestmark = FORKED
STATES = {"new": 20, "interrupted": 12, "trained": 0, "done": 0, "claimed": 0}  # training batches that are left


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of runs with one that two processes have finished."""
    runs = tmp_path_factory.mktemp("finished") / "runs"
    resources = Resources(data=(("points", runs.parent),), devices=2, threads=1)
    assert exit_codes(lambda rank: carry_out(POINTS, RunStore(runs), resources)) == [0, 0]
    return runs


@pytest.mark.parametrize("state", STATES)
def test_the_first_process_decides_what_all_do(
    state: str, runs: Path, harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_process, "SECONDS_OF_EXIT", 0.0)
    resources, one = replace(harness.resources, devices=2, threads=1), harness.store
    shutil.copytree(runs, one.root)
    weights = harness.weights(POINTS)
    directory = one.run(POINTS.train_id)
    elsewhere = RunStore(one.root.parent / "elsewhere").run(POINTS.train_id)
    match state:
        case "new":  # as long as the second process sees a removed run
            shutil.move(directory.path, elsewhere.path)
        case "interrupted":
            shutil.rmtree(directory.path)

            def stop(rank: int) -> None:
                with pytest.raises(BaseException, match="15"):
                    carry_out(POINTS, one, resources, StopsAfter(harness, 7))

            assert exit_codes(stop) == [0, 0]
        case "trained":
            shutil.rmtree(directory.path / "metrics")

    found = FirstProcess.found

    def found_late(process: FirstProcess, find: Callable[[], object]) -> object:
        """Let the second process ask when the first one has long answered."""
        time.sleep(process.rank)
        return found(process, find)

    monkeypatch.setattr(FirstProcess, "found", found_late)

    def execute(rank: int) -> None:
        os.environ["RANK"] = str(rank)
        code = train_here(POINTS, elsewhere.path.parent if rank else one.root, resources)
        assert len(harness.steps) == STATES[state]
        run_process.end(code)

    with directory.claim() if state == "claimed" else monkeypatch.context():
        assert exit_codes(execute) == ([75, 0] if state == "claimed" else [0, 0])
    assert all(tensor.equal(weights[name]) for name, tensor in harness.weights(POINTS).items())
    assert directory.result(POINTS) is not None
