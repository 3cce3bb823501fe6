"""Directories of runs: states, claims, configs and progress."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.motionformer.base import K400
from experiments.spec.edits import apply, evaluation
from runner.machine.files import write_atomically
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result


def test_a_run_is_done_only_when_the_metrics_of_that_protocol_exist(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    write_result(store, K400)
    directory = store.run(K400.train_id)
    assert directory.state(K400) == "done"
    assert directory.state(apply(K400, evaluation(views=1))) == "not run"


def test_a_claim_is_exclusive_and_visible(tmp_path: Path) -> None:
    directory = RunStore(tmp_path).run("aaa")
    with directory.claim() as claimed:
        assert claimed
        assert directory.state(K400) == "running"
        with directory.claim() as second:
            assert not second
    assert directory.state(K400) == "not run"


def test_a_killed_process_releases_its_claim_and_the_next_one_removes_its_unfinished_files(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from runner.machine.files import replacing; from runner.store.store import RunStore\n"
        "with RunStore(pathlib.Path(sys.argv[1])).run('aaa').claim() as claimed, "
        "replacing(pathlib.Path(sys.argv[1]) / 'aaa' / 'metrics' / 'a.json') as partial: "
        "partial.touch(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[3])
    assert killed.returncode == -9
    directory = RunStore(tmp_path).run("aaa")
    assert directory.state(K400) == "not run"
    assert len(list(tmp_path.glob("aaa/metrics/.*"))) == 1
    with directory.claim() as claimed:
        assert claimed and not list(tmp_path.glob("aaa/metrics/.*"))


def test_files_are_found_under_their_names_in_earlier_versions(tmp_path: Path) -> None:
    directory = RunStore(tmp_path).run("aaa")

    def names() -> list[str]:
        files = directory.scores("e"), directory.predictions("e"), directory.kept_weights
        return [str(file.relative_to(directory.path)) for file in files]

    assert names() == ["scores/e.npz", "predictions/e", "checkpoints/kept.safetensors"]
    earlier = ["predictions/e.npz", "results/e", "checkpoints/best.safetensors"]
    for name in earlier:
        write_atomically(directory.path / name, "")
    assert names() == earlier and directory.saved_scores() == [directory.path / earlier[0]]


@pytest.mark.parametrize(
    ("progress", "done"),
    [
        ({}, None),
        ({"stage": "train", "done": 0.5}, 0.45),
        ({"stage": "train", "done": 1.0}, 0.9),
        ({"stage": "test", "done": 0.5}, 0.95),
    ],
)
def test_training_counts_as_nine_tenths_of_a_run(
    tmp_path: Path, progress: dict[str, object], done: float | None
) -> None:
    directory = RunStore(tmp_path).run("aaa")
    assert directory.fraction_done() is None
    write_atomically(directory.progress_file, json.dumps(progress))
    assert directory.fraction_done() == (None if done is None else pytest.approx(done))
