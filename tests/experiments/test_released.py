"""Released weights: the list of them, and one taken in, tested and marked."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from data.synthetic.ensure import ensure
from data.synthetic.kinetics import KineticsStandIn
from experiments.catalog import find
from experiments.cli import main
from experiments.released import RELEASED
from experiments.scales import PAPER
from experiments.store import RunStore
from reports.collect import collect
from reports.render import render

ROW = "motionformer/table6b:mformer"
FIXTURES = Path(os.environ.get("PARITY_FIXTURES", Path(__file__).resolve().parents[3] / "shared" / "parity"))
SMALL = ["model.width=96", "model.depth=2", "model.heads=4", "data.dataset.num_classes=11"]
PROTOCOL = ["evaluation.views=1", "evaluation.crops=1"]
OVERRIDES = [word for override in [*SMALL, *PROTOCOL] for word in ("-o", override)]


@pytest.fixture
def released_file(tmp_path: Path) -> Path:
    """The parity fixture as the authors would publish it."""
    fixture = FIXTURES / "motionformer_trajectory.safetensors"
    if not fixture.exists():
        pytest.skip(f"no parity fixtures at {FIXTURES}; name their folder with PARITY_FIXTURES")
    with safe_open(fixture, "pt") as tensors:
        weights = {
            name.removeprefix("weights/"): tensors.get_tensor(name)
            for name in tensors.keys()  # noqa: SIM118
            if name.startswith("weights/")
        }
    file = tmp_path / "k400_motionformer_224_16x4.pyth"
    torch.save({"epoch": 34, "model_state": weights, "optimizer_state": {}, "cfg": ""}, file)
    return file


def test_the_sixteen_released_files_are_named_with_their_rows() -> None:
    assert len({released.url for released in RELEASED}) == len(RELEASED) == 16
    for released in RELEASED:
        ((table, rows),) = find([released.row])
        trained = {cell.column.key for cell in table.cells(PAPER, rows=rows) if cell.trained}
        assert released.column in trained


def test_a_released_file_is_taken_in_tested_and_marked(
    released_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path / "runs")]
    assert main(["import-weights", str(released_file), "--as", ROW, *runs, *OVERRIDES, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["missing"] == [] and record["reshaped"] == []
    assert record["unexpected"] == ["patch_embed.proj.bias", "patch_embed.proj.weight"]
    assert "project_values=True" in record["values"]  # the fixture's values are not those of a training

    root = ensure(KineticsStandIn(num_train=20, num_val=10), tmp_path / "videos", progress=False)
    code = main(["run", ROW, "--scale", "paper", "--eval-only", *runs, *OVERRIDES, "--data", f"kinetics400={root}"])
    assert code == 0, capsys.readouterr().err

    ((table, rows),) = find([ROW])
    report = collect(table, PAPER, RunStore(tmp_path / "runs"), overrides=[*SMALL, *PROTOCOL], rows=rows)
    text = render(report, "md")
    (top1,) = [cell for cell in report.rows[0].cells if cell.column == "top1"]
    assert top1.value is not None and top1.released
    assert "†‡" in text and "released weights, tested here" in text
    assert not RunStore(tmp_path / "runs").run(top1.seeds[0].train_id).weights.exists()


def test_a_file_of_another_model_is_refused_and_nothing_is_kept(
    released_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(tmp_path / "runs")]
    code = main(["import-weights", str(released_file), "--as", "motionformer/table4:divided", *runs, *OVERRIDES])
    errors = capsys.readouterr().err
    assert code == 2
    assert len(errors.strip().splitlines()) == 1 and released_file.name in errors
    assert not list((tmp_path / "runs").rglob("*.safetensors"))


def test_testing_without_any_weights_says_where_to_get_some(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ["data.dataset.stand_in.num_train=32", "data.dataset.stand_in.num_val=10", "optim.batch_size=8"]
    words = [word for override in small for word in ("-o", override)]
    code = main(["run", "motionformer/table4:joint", "--eval-only", "--runs", str(tmp_path), *words])
    errors = capsys.readouterr().err
    assert code == 1
    assert "has no weights to test" in errors and "reproduce import-weights FILE --as TABLE:ROW" in errors
