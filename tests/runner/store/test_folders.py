"""Folders of runs: named after a cell, found by their id."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from experiments.motionformer.base import K400
from runner.store.folders import run_folders
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result

ID, OTHER = "78667cde34a5", "0123456789ab"


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
