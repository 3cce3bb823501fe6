"""Released files: those on this machine are found, imported ones are marked, and shared names are none of one row."""

import json
from pathlib import Path

import pytest

from experiments.spec.catalog import load, released_weights
from experiments.spec.scales import PAPER
from reproduce.command import main
from runner.inference.evaluate import weight_file
from runner.store.store import RunStore
from runner.weights.released import released_files


def test_files_are_found_in_the_folder_of_weights_and_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/xvit_b16_16_ss2.pth").touch()
    Path("xvit_b16_16_k600.pth").touch()
    assert {file.file_name: file.local for file in released_files(["xvit/zoo"])} == {
        "xvit_b16_16_k600.pth": Path("xvit_b16_16_k600.pth"),
        "xvit_b16_16_ss2.pth": tmp_path / "weights/xvit_b16_16_ss2.pth",
    }
    assert weight_file(Path("xvit_b16_16_ss2.pth")) == tmp_path / "weights/xvit_b16_16_ss2.pth"
    assert weight_file(Path("xvit_b16_16_k600.pth")) == Path("xvit_b16_16_k600.pth")
    assert weight_file(Path("other.pth")) == Path("other.pth")


def test_imported_files_are_marked(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    directory = store.run(load("xvit/zoo").run_of("ssv2.top1", PAPER, (), 0).train_id)
    directory.released.parent.mkdir(parents=True)
    directory.released.touch()
    directory.released_record.write_text('{"file": "xvit_b16_16_ss2.pth", "sha256": "0"}')
    runs = ["--runs", str(directory.path.parent)]
    assert main(["list", "xvit/*", "--weights", "--json", *runs]) == 0
    assert [file["imported"] for file in json.loads(capsys.readouterr().out)] == [False, True]
    assert main(["list", "--weights", *runs]) == 0
    lines = capsys.readouterr().out.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("xvit_b16_16_ss2.pth")]
    assert lines[place + 1].startswith("  imported;")


def test_a_name_that_several_files_share_is_not_that_of_one_row() -> None:
    released = released_weights("cast")
    assert released is not None and len(released.files) == 3
    assert released.find(released.files[0].name) is None
