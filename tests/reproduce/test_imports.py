"""What each verb imports: the command answers at once if it computes nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.data.numbered_videos import write_video
from tests.parity.fixtures import Fixture

ROOT = Path(__file__).resolve().parents[2]
SLOW = {
    "torch",
    "triton",
    "sympy",  # with torch._dynamo
    "numpy",
    "lightning",
    "timm",
    "av",
    "torchvision",
    "pytorchvideo",
    "pandas",
    "matplotlib",
    "tensorboard",
}
PRINT_MODULES = """
import sys
from reproduce.command import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(*words: str) -> set[str]:
    """Packages that a command imports."""
    command = [sys.executable, "-c", PRINT_MODULES, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["list"], ["list", "--json"]])
def test_what_describes_the_command_imports_no_array_library(words: list[str]) -> None:
    assert not imported(*words) & SLOW


@pytest.mark.parametrize("verb", ["show", "status"])
def test_all_tables_are_resolved_with_torch_alone(verb: str, tmp_path: Path) -> None:
    runs = [] if verb == "show" else ["--runs", str(tmp_path)]
    assert imported(verb, "*", *runs) & SLOW == {"torch", "numpy"}


def test_a_figure_that_is_drawn_already_needs_torch_alone(tmp_path: Path) -> None:
    words = ("report", "motionformer/figure3", "--runs", str(tmp_path))
    assert "matplotlib" in imported(*words)
    assert imported(*words) & SLOW == {"torch", "numpy"}


@pytest.mark.parametrize("verb", ["claims", "report", "plan"])
def test_a_table_without_a_figure_needs_torch_alone(verb: str, tmp_path: Path) -> None:
    assert imported(verb, "motionformer/table1", "--runs", str(tmp_path)) & SLOW == {"torch", "numpy"}


def test_tensorboard_imports_nothing_that_models_need(tmp_path: Path) -> None:
    words = ("tensorboard", "motionformer/table4", "--no-serve", "--runs", str(tmp_path))
    assert not imported(*words) & {"lightning", "timm", "torchvision", "av", "pandas"}


def test_evaluate_imports_torch_and_the_decoder_alone(tmp_path: Path) -> None:
    video = write_video(tmp_path / "video.mp4")
    words = ("evaluate", "motionformer/table4:joint", str(video), "--scale", "tiny", "--untrained", "--workers", "0")
    assert imported(*words, "--runs", str(tmp_path)) & SLOW == {"torch", "numpy", "av"}


def test_released_weights_are_imported_with_torch_alone_and_attention_is_drawn_without_lightning(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.pyth"
    torch.save({"model_state": Fixture("motionformer_trajectory").tensors, "cfg": ""}, file)
    sizes = ("width=96", "depth=2", "heads=4")
    overrides = [word for size in sizes for word in ("-o", f"model.{size}")] + ["-o", "data.dataset.num_classes=11"]
    row = ("motionformer/table4:trajectory", "--column", "k400", "--runs", str(tmp_path), *overrides)
    assert imported("import-weights", str(file), "--as", *row) & SLOW == {"torch", "numpy"}
    words = ("--scale", "paper", "--out", str(tmp_path / "picture.png"), str(write_video(tmp_path / "video.mp4")))
    assert imported("attention", *row, *words) & SLOW == {"torch", "numpy", "av", "matplotlib"}


@pytest.mark.parametrize("here", [True, False])
def test_doctor_looks_for_initial_weights_with_torch_alone(
    here: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    places = ("PRETRAINED_WEIGHTS", "HF_HOME", "TORCH_HOME")
    for place in places:
        monkeypatch.setenv(place, str(tmp_path / place))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if here:
        (tmp_path / places[0]).mkdir()
        (tmp_path / places[0] / "vit_base_patch16_224.orig_in21k_ft_in1k.safetensors").touch()
    assert imported("doctor", "motionformer/table4", "--scale", "paper") & SLOW == {"torch", "numpy"}


def test_evaluate_refuses_a_row_without_weights_before_it_imports_decoders(tmp_path: Path) -> None:
    (tmp_path / "video.mp4").touch()
    words = ("evaluate", "motionformer/table4:trajectory", str(tmp_path / "video.mp4"), "--runs", str(tmp_path))
    command = [sys.executable, "-c", PRINT_MODULES, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "has no weights" in done.stderr
    assert set(done.stderr.splitlines()[-1].split()) & SLOW == {"torch", "numpy"}
