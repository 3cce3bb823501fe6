"""Files in the format of released ones: fetched or imported for a row, tested, refused, used on a list of videos."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from data.stand_ins.drawing.base import Drawing
from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.drawing.epic100 import Epic100Drawing
from data.stand_ins.drawing.kinetics import KineticsDrawing
from data.stand_ins.drawing.ssv2 import SSv2Drawing
from data.stand_ins.of_videos import Epic100StandIn, KineticsStandIn, SSv2StandIn
from experiments.spec.catalog import released_weights
from experiments.xvit.released import FILES, RELEASED
from reproduce.command import main
from tests.parity.fixtures import Fixture


class Released(NamedTuple):
    """A row, and a parity fixture in the format of its released file."""

    row: str
    name: str
    fixture: str
    content: Callable[[Mapping[str, Tensor]], dict[str, object]]
    overrides: tuple[str, ...]
    data: str
    drawing: Drawing

    @property
    def options(self) -> list[str]:
        return [word for override in self.overrides for word in ("-o", override)]

    def file(self, folder: Path) -> Path:
        torch.save(self.content(Fixture(self.fixture).tensors), folder / self.name)
        return folder / self.name

    def videos(self, folder: Path) -> Path:
        root = ensure(self.drawing, folder / "videos", progress=False)
        for labels in root.rglob("*labels.json"):
            names = json.loads(labels.read_text())
            labels.write_text(json.dumps({**names, "Doing nothing": str(len(names))}))  # as many as the fixture has
        return root


CONFIG = "DATA:\n  NUM_FRAMES: 16\n  TRAIN_CROP_SIZE: 224\nXVIT:\n  NUM_SEGMENTS: 16\n  SHIFT_DIV: {}\n"
CAST = Released(
    "cast/table9:cast",
    "mp_rank_00_model_states.pt",
    "cast_verb_noun",
    lambda tensors: {"module": {key: tensor.half() for key, tensor in tensors.items()}, "dp_world_size": 16},
    (
        *(f"model.{part}.{size}" for part in ("spatial", "temporal") for size in ("width=96", "depth=2")),
        *("evaluation.views=1", "evaluation.crops=1"),
    ),
    "epic100",
    Epic100Drawing(Epic100StandIn(num_train=16, num_val=8)),
)
MSCA = Released(
    "msca/table2:tokenshift",
    "tokshift.pth",
    "tokshift_8frames",
    lambda tensors: {"state_dict": {f"module.{key}": tensor for key, tensor in tensors.items()}, "best_acc1": 77.28},
    ("model.width=96", "model.depth=3", "data.dataset.num_classes=11", "evaluation.views=2"),
    "kinetics400",
    KineticsDrawing(KineticsStandIn(num_train=20, num_val=10)),
)
XVIT = Released(
    "xvit/zoo:ssv2",
    "xvit_b16_16_ss2.pth",
    "xvit_div4_16frames",
    lambda tensors: {"model_state": tensors, "cfg": CONFIG.format(4)},
    ("model.width=96", "model.depth=3", "data.dataset.num_classes=11", "evaluation.views=3", "evaluation.crops=1"),
    "ssv2",
    SSv2Drawing(SSv2StandIn(num_train=20, num_val=10)),
)


def contents(runs: Path, pattern: str) -> dict:
    """Content of the only JSON file of a kind in a folder of runs."""
    (file,) = runs.glob(pattern)
    return json.loads(file.read_text())


@pytest.mark.usefixtures("jobs_in_this_process")
@pytest.mark.parametrize(
    ("released", "listed", "num_tensors"),
    [
        (CAST, "mp_rank_00_model_states.pt, https://github.com/KHU-VLL/CAST", 153),
        (MSCA, "best_tokshift_B8x32x224_k400.pth, https://github.com/VideoNetworks/TokShift-Transformer", 44),
    ],
    ids=["cast", "msca"],
)
def test_a_file_fetched_by_hand_is_imported_tested_and_reported(
    released: Released,
    listed: str,
    num_tensors: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, page = listed.split(", ")
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path / "none"))  # none of the experts of CAST either
    words = [released.row, "--scale", "paper", "--runs", str(tmp_path / "runs"), *released.options]
    of_run = ["--released", "--data", f"{released.data}={released.videos(tmp_path)}"]
    assert main(["run", *words, *of_run]) == 3
    remedy = f"without an address; get it from {page}, and name it with --file"
    assert f"{name} of {released.row}: {remedy}" in capsys.readouterr().err
    file = released.file(tmp_path)
    assert main(["run", *words, *of_run, "--file", str(file)]) == 0, capsys.readouterr().err
    record = contents(tmp_path / "runs", "*/released.json")
    assert record["missing"] == record["unexpected"] == []
    assert record["matched"] + len(record["reshaped"]) == num_tensors
    metrics = contents(tmp_path / "runs", "*/metrics/*.released.json")
    assert metrics["videos"]["evaluated"] == released.drawing.settings.num_val


@pytest.mark.usefixtures("jobs_in_this_process")
@pytest.mark.parametrize(
    ("released", "row", "settings"),
    [
        (MSCA, "msca/table2:kv", {}),  # another model with the same tensors
        (XVIT, XVIT.row, {"NUM_FRAMES": "16", "TRAIN_CROP_SIZE": "224", "NUM_SEGMENTS": "16", "SHIFT_DIV": "4"}),
    ],
    ids=["msca", "xvit"],
)
def test_a_released_file_is_imported_and_tested(
    released: Released, row: str, settings: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [row, "--runs", str(tmp_path / "runs"), *released.options]
    assert main(["import-weights", str(released.file(tmp_path)), "--as", *words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["missing"] == [] and sorted(record["unexpected"]) == Fixture(released.fixture).content["unread"]
    assert record["settings"] == settings
    data = f"{released.data}={released.videos(tmp_path)}"
    assert main(["run", *words, "--scale", "paper", "--eval-only", "--data", data]) == 0, capsys.readouterr().err
    metrics = contents(tmp_path / "runs", "*/metrics/*.released.json")
    assert metrics["videos"]["evaluated"] == 10 and metrics["released_weights"]["file"] == released.name
    assert f"evaluation.views={metrics['views']}" in released.overrides


def test_the_addresses_of_x_vits_files_are_those_of_their_authors() -> None:
    assert released_weights("xvit") is RELEASED
    assert RELEASED.url(FILES[1]).endswith("NeurIPS2021/models/xvit_b16_16_ss2.pth")


@pytest.mark.parametrize(
    ("row", "fixture", "frames", "fraction", "message"),
    [
        (XVIT.row, XVIT.fixture, 16, 8, "SHIFT_DIV 8 (this row: 4)"),
        ("xvit/table2:tsm-vit-ta", "xvit_div4_8frames", 8, 4, "SHIFT_DIV 4 (this row: 0)"),  # mixes no frames
    ],
)
def test_a_file_with_other_settings_is_refused(
    row: str,
    fixture: str,
    frames: int,
    fraction: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cfg = CONFIG.replace("16", str(frames)).format(fraction)
    mixing = XVIT._replace(fixture=fixture, name="mixing.pth")
    other = mixing._replace(content=lambda tensors: {"model_state": tensors, "cfg": cfg}).file(tmp_path)
    (tmp_path / "list.csv").write_text("gone.mp4 0\n")
    (tmp_path / "gone.mp4").touch()
    sizes = XVIT.options[:6]
    for words in (
        ["import-weights", str(other), "--as", row, "--runs", str(tmp_path / "runs")],
        ["evaluate", row, "--list", str(tmp_path / "list.csv"), "--weights", str(other)],
    ):
        assert main([*words, *sizes]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("released", "label", "given", "top"),
    [(XVIT, "0", 0, {"class": 5}), (CAST, "3 250", {"verb": 3, "noun": 250}, {"verb": 5, "noun": 5})],
    ids=["xvit", "cast"],
)
def test_a_released_file_gives_the_classes_of_a_list_of_videos(
    released: Released, label: str, given: object, top: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = sorted(path for path in released.videos(tmp_path).rglob("*") if path.suffix in (".webm", ".mp4", ".MP4"))
    (tmp_path / "list.csv").write_text("".join(f"{video} {label}\n" for video in found[:2]))
    words = ["--list", str(tmp_path / "list.csv"), "--weights", str(released.file(tmp_path)), *released.options]
    assert main(["evaluate", released.row, "--scale", "paper", *words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["evaluated"] == 2
    for video in result["videos"]:
        assert video["label"] == given and Counter(one.get("kind") for one in video["top"]) == top


def test_a_run_without_the_files_of_its_experts_names_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    assert main(["doctor", CAST.row, "--scale", "paper", "--runs", str(tmp_path / "runs")]) == 3
    out = capsys.readouterr().out
    assert "videomae_vit_b_ek100.pth" in out and "https://github.com/KHU-VLL/CAST" in out
