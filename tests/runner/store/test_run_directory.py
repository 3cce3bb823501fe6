"""Folders of runs: their names and ids, states, claims, progress, and what started their runs."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from experiments.motionformer.base import K400
from experiments.spec.edits import apply, evaluation
from runner.machine.files import write_atomically
from runner.store.folders import run_folders
from runner.store.run_directory import RunDirectory
from runner.store.starts import Start, add_start, name_overrides, named_overrides, read_starts
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result

ID, OTHER = "78667cde34a5", "0123456789ab"
FIRST = Start(cell="a/b:c.d", scale="tiny", overrides=("x=1", "y=2"), date="2026-01-01")

# Names and ids


def test_a_new_folder_is_named_after_a_cell_and_an_existing_one_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / OTHER).mkdir()
    store = RunStore(tmp_path)
    made = store.make(ID, "motionformer/table4:prototypes-16.k400.start").path
    assert made == tmp_path / f"motionformer.table4.prototypes-16.k400.start-{ID}" and made.is_dir()
    again = RunStore(tmp_path).make(ID, "another/table:row.column").path
    assert again == RunStore(tmp_path).run(ID).path == store.run(ID).path == made
    assert store.make(OTHER, "motionformer/table4:joint.k400").path == tmp_path / OTHER
    assert RunStore(tmp_path / "none").run(ID).path == tmp_path / "none" / ID


def test_a_folder_that_another_process_makes_later_is_found(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    assert store.run(ID).path == tmp_path / "runs" / ID
    made = RunStore(tmp_path / "runs").make(ID, "a/b:c.d")
    assert store.run(ID).path == made.path


def test_processes_that_make_the_same_run_at_once_get_the_same_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = threads.map(lambda number: RunStore(tmp_path).make(ID, f"a/b:{number}.d").path, range(32))
        (one,) = {*made}
    assert [*run_folders(tmp_path).values()] == [one]


def test_folders_of_anything_else_are_no_runs(tmp_path: Path) -> None:
    for name in ("decoded", "views", "reports", f"{ID}0", f"x{ID}", "a.b-c.d-0123456789xy"):
        (tmp_path / name).mkdir()
    assert run_folders(tmp_path) == {}


def test_results_are_read_from_a_folder_with_any_name_that_ends_in_the_id(tmp_path: Path) -> None:
    write_result(RunStore(tmp_path), K400, top1=79.7)
    (tmp_path / K400.train_id).rename(tmp_path / f"baseline-{K400.train_id}")
    store = RunStore(tmp_path)
    found = store.test(K400)
    assert found is not None and found.record.metrics["top1"] == 79.7
    assert found.directory.train_id == K400.train_id and store.run(K400.train_id).state(K400) == "done"
    assert store.run(K400.train_id).state(apply(K400, evaluation(views=1))) == "not run"  # another protocol


# States and files


@pytest.fixture
def directory(store: RunStore) -> RunDirectory:
    return store.run("aaa")


def test_a_claim_is_exclusive_and_visible(directory: RunDirectory) -> None:
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


def test_files_are_found_under_their_names_in_earlier_versions(directory: RunDirectory) -> None:
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
    directory: RunDirectory, progress: dict[str, object], done: float | None
) -> None:
    assert directory.fraction_done() is None
    write_atomically(directory.progress_file, json.dumps(progress))
    assert directory.fraction_done() == (None if done is None else pytest.approx(done))


# Starts


def test_each_set_of_overrides_has_one_entry_whose_name_alone_can_change(tmp_path: Path) -> None:
    folder = RunDirectory(tmp_path / "a.b.c.d-0123456789ab")
    assert read_starts(folder.starts) == () and folder.names == ""
    add_start(folder.starts, FIRST)
    add_start(folder.starts, Start(cell="e/f:g.h", scale="tiny", overrides=("y=2", "x=1"), date="2027-01-01"))
    assert read_starts(folder.starts) == (FIRST,)
    add_start(folder.starts, Start(cell="e/f:g.h", scale="tiny", overrides=("y=2", "x=1"), name="both"))
    add_start(folder.starts, Start(cell="a/b:c.d", scale="tiny", name="baseline"))
    add_start(folder.starts, FIRST)
    assert [(one.cell, one.name, one.date) for one in read_starts(folder.starts)] == [
        ("a/b:c.d", "both", "2026-01-01"), ("a/b:c.d", "baseline", ""),
    ]  # fmt: skip
    assert folder.names == "both, baseline"
    assert named_overrides(tmp_path) == {"both": ("x=1", "y=2"), "baseline": ()}


def test_a_damaged_file_is_named_once_and_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = RunDirectory(tmp_path / "a.b.c.d-0123456789ab").starts
    write_atomically(file, "half")
    assert read_starts(file) == read_starts(file) == ()
    assert capsys.readouterr().err.startswith(f"note: cannot read {file}: ") and not capsys.readouterr().err
    add_start(file, FIRST)
    assert read_starts(file) == (FIRST,)


def test_own_videos_that_moved_have_their_new_place(tmp_path: Path) -> None:
    folder = RunDirectory(tmp_path / "a.b.c.d-0123456789ab")
    unchanged = Start(cell="a/b:c.d", scale="tiny", overrides=("x=1",))
    add_start(folder.starts, unchanged)
    for place in ("/old/pets", "/new/pets"):
        add_start(folder.starts, Start(scale="tiny", overrides=("x=1", f"data={place}"), date=place))
    first, moved = read_starts(folder.starts)
    assert first == unchanged
    assert (moved.overrides, moved.date) == (("x=1", "data=/new/pets"), "/old/pets")


def test_a_name_is_that_of_all_runs_with_the_same_overrides(tmp_path: Path) -> None:
    folders = [RunDirectory(tmp_path / f"a.b.c.d-{number:012d}") for number in range(3)]
    for number, folder in enumerate(folders):
        add_start(folder.starts, Start(scale="tiny", seed=number, overrides=("x=1", "y=2") if number else ()))
    name_overrides(tmp_path, ("y=2", "x=1"), "both")
    assert [folder.names for folder in folders] == ["", "both", "both"]
