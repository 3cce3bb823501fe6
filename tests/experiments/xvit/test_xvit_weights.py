"""Released X-ViT files: list of files, import, test, and a list of videos."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import experiments.xvit.released
from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.drawing.ssv2 import SSv2Drawing
from data.stand_ins.of_videos import SSv2StandIn
from experiments.spec.catalog import released_weights
from experiments.xvit.released import FILES, RELEASED
from reproduce.command import main
from tests.parity.fixtures import Fixture
from tests.runner.weights.server import serving

SMALL = ["model.width=96", "model.depth=3", "data.dataset.num_classes=11", "evaluation.views=3", "evaluation.crops=1"]
OVERRIDES = [word for override in SMALL for word in ("-o", override)]
CONFIG = "DATA:\n  NUM_FRAMES: 16\n  TRAIN_CROP_SIZE: 224\nXVIT:\n  NUM_SEGMENTS: 16\n  SHIFT_DIV: {}\n"


def released_file(folder: Path, division: int = 4) -> Path:
    """Parity fixture in the format of the released file."""
    file = folder / "xvit_b16_16_ss2.pth"
    tensors = Fixture("xvit_div4_16frames").tensors
    torch.save({"epoch": 34, "model_state": tensors, "optimizer_state": {}, "cfg": CONFIG.format(division)}, file)
    return file


def test_released_files_are_listed() -> None:
    assert released_weights("xvit") is RELEASED
    assert RELEASED.url(FILES[1]).endswith("NeurIPS2021/models/xvit_b16_16_ss2.pth")


def root_with_classes(folder: Path) -> Path:
    """Data set with as many classes as the fixture."""
    root = ensure(SSv2Drawing(SSv2StandIn(num_train=20, num_val=10)), folder / "videos", progress=False)
    labels = next(root.rglob("*labels.json"))
    names = json.loads(labels.read_text())
    labels.write_text(json.dumps({**names, "Doing nothing": str(len(names))}))
    return root


@pytest.mark.usefixtures("jobs_in_this_process")
def test_a_released_file_is_fetched_imported_and_tested_in_all_three_views(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "weights"))
    content = {"xvit_b16_16_ss2.pth": released_file(tmp_path).read_bytes()}
    root = root_with_classes(tmp_path)
    with serving(content) as server:
        monkeypatch.setattr(experiments.xvit.released, "RELEASED", replace(RELEASED, location=server.address))
        words = ["xvit/zoo:ssv2", "--scale", "paper", "--released", "--data", f"ssv2={root}", *OVERRIDES]
        assert main(["run", *words, "--runs", str(tmp_path / "runs")]) == 0, capsys.readouterr().err
    (record,) = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/released.json")]
    assert record["missing"] == [] and sorted(record["unexpected"]) == ["new_fc.bias", "new_fc.weight"]
    expected = {"NUM_FRAMES": "16", "TRAIN_CROP_SIZE": "224", "NUM_SEGMENTS": "16", "SHIFT_DIV": "4"}
    assert record["settings"] == expected
    (metrics,) = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/metrics/*.released.json")]
    assert metrics["videos"]["evaluated"] == 10 and metrics["views"] == 3


def test_a_file_with_other_settings_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["xvit/zoo:ssv2", "--runs", str(tmp_path / "runs"), *OVERRIDES]
    assert main(["import-weights", str(released_file(tmp_path, division=8)), "--as", *words]) == 2
    assert "SHIFT_DIV 8 (this row: 4)" in capsys.readouterr().err
    (tmp_path / "list.csv").write_text("gone.mp4 0\n")
    words = ["xvit/zoo:ssv2", "--list", str(tmp_path / "list.csv"), "--weights", str(tmp_path / "xvit_b16_16_ss2.pth")]
    (tmp_path / "gone.mp4").touch()
    assert main(["evaluate", *words, *OVERRIDES]) == 2
    assert "SHIFT_DIV 8 (this row: 4)" in capsys.readouterr().err


def test_a_file_of_a_model_that_mixes_frames_is_refused_by_one_that_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mixing.pth"
    settings = CONFIG.replace("16", "8").format(4)
    torch.save({"model_state": Fixture("xvit_div4_8frames").tensors, "cfg": settings}, file)
    words = ["xvit/table2:tsm-vit-ta", "--runs", str(tmp_path / "runs"), *OVERRIDES[:6]]
    assert main(["import-weights", str(file), "--as", *words]) == 2
    assert "SHIFT_DIV 4 (this row: 0)" in capsys.readouterr().err


def test_a_released_file_gives_the_classes_of_a_list_of_videos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = ensure(SSv2Drawing(SSv2StandIn(num_train=20, num_val=10)), tmp_path / "videos", progress=False)
    file = tmp_path / "list.csv"
    videos = sorted(path for path in root.rglob("*") if path.suffix in (".webm", ".mp4"))
    file.write_text("".join(f"{video} 0\n" for video in videos[:2]))
    words = ["xvit/zoo:ssv2", "--list", str(file), "--weights", str(released_file(tmp_path)), *OVERRIDES]
    assert main(["evaluate", *words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["evaluated"] == 2 and all(len(video["top"]) == 5 for video in result["videos"])
