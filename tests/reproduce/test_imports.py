"""What each verb imports: the command answers at once if it computes nothing."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.data.numbered_videos import write_video
from tests.parity.fixtures import Fixture

ROOT = Path(__file__).resolve().parents[2]
# sympy comes with torch._dynamo
SLOW = {"torch", "triton", "sympy", "numpy", "lightning", "timm", "av", "torchvision", "pytorchvideo", "pandas"}
SLOW |= {"matplotlib", "tensorboard"}
PRINT_MODULES = """
import sys
from reproduce.command import main
try:
    code = max(main(words.split("|")) for words in sys.argv[1:])
except SystemExit as end:
    code = end.code
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
sys.exit(code)
"""
PAPER = ("--scale", "paper")


def imported(*commands: Sequence[str | Path], code: int = 0) -> set[str]:
    """Slow packages that a process imports for some commands, one after the other."""
    command = [sys.executable, "-c", PRINT_MODULES, *("|".join(map(str, words)) for words in commands)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return set(done.stderr.splitlines()[-1].split()) & SLOW


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["list"], ["list", "--json"]])
def test_what_describes_the_command_imports_no_array_library(words: list[str]) -> None:
    assert not imported(words)


def test_tables_are_resolved_and_shown_with_torch_alone(tmp_path: Path) -> None:
    table, runs = "motionformer/table1", ("--runs", tmp_path)
    others = [(verb, table, *runs) for verb in ("claims", "report", "plan")]
    assert imported(("show", table), ("status", "*", *runs), *others) == {"torch", "numpy"}


def test_a_figure_that_is_drawn_already_needs_torch_alone(tmp_path: Path) -> None:
    words = ("report", "motionformer/figure3", "--runs", tmp_path)
    assert "matplotlib" in imported(words)
    assert imported(words) == {"torch", "numpy"}


def test_tensorboard_imports_nothing_that_models_need(tmp_path: Path) -> None:
    words = ("tensorboard", "motionformer/table8", "--no-serve", "--runs", tmp_path)
    assert not imported(words) & {"lightning", "timm", "torchvision", "av", "pandas"}


def test_evaluate_imports_torch_and_the_decoder_alone_and_refuses_a_row_without_weights_before(tmp_path: Path) -> None:
    video = write_video(tmp_path / "video.mp4")
    words = ("evaluate", "motionformer/table4:joint", video, "--scale", "tiny", "--workers", "0", "--runs", tmp_path)
    assert imported((*words, "--untrained")) == {"torch", "numpy", "av"}
    assert imported(words, code=2) == {"torch", "numpy"}


def test_released_weights_are_imported_with_torch_alone_and_attention_is_drawn_without_lightning(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.pyth"
    torch.save({"model_state": Fixture("motionformer_trajectory").tensors, "cfg": ""}, file)
    sizes = ("width=96", "depth=2", "heads=4")
    overrides = [word for size in sizes for word in ("-o", f"model.{size}")] + ["-o", "data.dataset.num_classes=11"]
    row = ("motionformer/table4:trajectory", "--column", "k400", "--runs", tmp_path, *overrides)
    assert imported(("import-weights", file, "--as", *row)) == {"torch", "numpy"}
    words = (*PAPER, "--out", tmp_path / "picture.png", write_video(tmp_path / "video.mp4"))
    assert imported(("attention", *row, *words)) == {"torch", "numpy", "av", "matplotlib"}


def test_doctor_looks_for_initial_weights_with_torch_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place in ("PRETRAINED_WEIGHTS", "HF_HOME", "TORCH_HOME"):
        monkeypatch.setenv(place, str(tmp_path / place))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert imported(("doctor", "motionformer/table4", *PAPER), code=3) == {"torch", "numpy"}
