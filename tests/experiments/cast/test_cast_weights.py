"""Released checkpoints of CAST: import, test, and a list of videos."""

import json
from pathlib import Path

import pytest
import torch

from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.drawing.epic100 import Epic100Drawing
from data.stand_ins.of_videos import Epic100StandIn
from reproduce.command import main
from tests.parity.fixtures import Fixture

SIZES = [f"model.{part}.{name}" for part in ("spatial", "temporal") for name in ("width=96", "depth=2")]
OVERRIDES = [word for override in (*SIZES, "evaluation.views=1", "evaluation.crops=1") for word in ("-o", override)]


def released_file(folder: Path, name: str = "cast_verb_noun") -> Path:
    """Parity fixture in the format of a released file, in half precision."""
    path = folder / "mp_rank_00_model_states.pt"
    tensors = {key: tensor.half() for key, tensor in Fixture(name).tensors.items()}
    torch.save({"module": tensors, "epoch": 49, "dp_world_size": 16}, path)
    return path


@pytest.mark.usefixtures("jobs_in_this_process")
def test_a_released_checkpoint_is_imported_and_tested_without_files_of_the_experts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "none"))
    root = ensure(Epic100Drawing(Epic100StandIn(num_train=16, num_val=8)), tmp_path / "videos", progress=False)
    words = ["cast/table9:cast", "--scale", "paper", "--released", "--data", f"epic100={root}", *OVERRIDES]
    words += ["--runs", str(tmp_path / "runs")]
    assert main(["run", *words]) == 3
    page = "get it from https://github.com/KHU-VLL/CAST, and name it with --file"
    assert f"mp_rank_00_model_states.pt of cast/table9:cast: without an address; {page}" in capsys.readouterr().err
    assert main(["run", *words, "--file", str(released_file(tmp_path))]) == 0
    (record,) = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/released.json")]
    assert record["missing"] == record["unexpected"] == []
    assert record["matched"] + len(record["reshaped"]) == 153
    (metrics,) = [json.loads(file.read_text()) for file in (tmp_path / "runs").glob("*/metrics/*.released.json")]
    assert metrics["videos"]["evaluated"] == 8


def test_a_list_of_videos_gets_verbs_and_nouns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ensure(Epic100Drawing(Epic100StandIn(num_train=16, num_val=8)), tmp_path / "videos", progress=False)
    video = next(root.rglob("*.MP4"))
    (tmp_path / "list.csv").write_text(f"{video} 3 250\n")
    words = ["cast/table9:cast", "--list", str(tmp_path / "list.csv"), "--weights", str(released_file(tmp_path))]
    assert main(["evaluate", *words, "--scale", "paper", "--json", *OVERRIDES]) == 0
    (scored,) = json.loads(capsys.readouterr().out)["videos"]
    assert scored["label"] == {"verb": 3, "noun": 250}
    assert {best["kind"] for best in scored["top"]} == {"verb", "noun"}


def test_a_run_without_the_files_of_its_experts_names_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    assert main(["doctor", "cast/table9:cast", "--scale", "paper", "--runs", str(tmp_path / "runs")]) == 3
    out = capsys.readouterr().out
    assert "videomae_vit_b_ek100.pth" in out and "https://github.com/KHU-VLL/CAST" in out
