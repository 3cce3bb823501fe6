"""Files of TokenShift's code: imported for any row, and tested."""

import json
from pathlib import Path

import pytest
import torch

from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.drawing.kinetics import KineticsDrawing
from data.stand_ins.of_videos import KineticsStandIn
from reproduce.command import main
from tests.parity.fixtures import Fixture

SMALL = ["model.width=96", "model.depth=3", "data.dataset.num_classes=11", "evaluation.views=2"]
OVERRIDES = [word for override in SMALL for word in ("-o", override)]


@pytest.fixture
def released_file(tmp_path: Path) -> Path:
    """Parity fixture in the format of a released file."""
    file = tmp_path / "tokshift.pth"
    state = {f"module.{name}": tensor for name, tensor in Fixture("tokshift_8frames").tensors.items()}
    torch.save({"epoch": 18, "state_dict": state, "best_acc1": 77.28}, file)
    return file


@pytest.fixture
def kinetics(tmp_path: Path) -> Path:
    return ensure(KineticsDrawing(KineticsStandIn(num_train=20, num_val=10)), tmp_path / "videos", progress=False)


@pytest.mark.usefixtures("jobs_in_this_process")
def test_a_released_file_is_imported_for_another_model_and_tested(
    released_file: Path, kinetics: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["msca/table2:kv", "--runs", str(tmp_path / "runs"), *OVERRIDES]
    assert main(["import-weights", str(released_file), "--as", *words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["missing"] == record["unexpected"] == []
    assert main(["run", *words, "--scale", "paper", "--eval-only", "--data", f"kinetics400={kinetics}"]) == 0
    (metrics,) = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/metrics/*.released.json")]
    assert metrics["videos"]["evaluated"] == 10 and metrics["released_weights"]["file"] == "tokshift.pth"


@pytest.mark.usefixtures("jobs_in_this_process")
def test_a_file_fetched_by_hand_is_imported_tested_and_reported(
    released_file: Path,
    kinetics: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "none"))
    words = ["msca/table2:tokenshift", "--scale", "paper", "--runs", str(tmp_path / "runs"), *OVERRIDES]
    of_run = ["--released", "--data", f"kinetics400={kinetics}"]
    assert main(["run", *words, *of_run]) == 3
    page = "get it from https://github.com/VideoNetworks/TokShift-Transformer, and name it with --file"
    name = "best_tokshift_B8x32x224_k400.pth"
    assert f"{name} of msca/table2:tokenshift: without an address; {page}" in capsys.readouterr().err
    assert main(["run", *words, *of_run, "--file", str(released_file)]) == 0, capsys.readouterr().err
    assert main(["report", *words]) == 0
    shown = capsys.readouterr().out
    assert "released weights tokshift.pth" in shown and "released weights, tested here" in shown
