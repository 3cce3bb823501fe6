"""Benchmarks on a GPU: peak memory and clips per second in both precisions."""

from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.record import read

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]
SMALL = ["--depth", "2", "--width", "256", "--heads", "4", "--frames", "8", "--crop", "112", "--repeats", "2"]


def test_every_comparison_is_measured_in_both_precisions_with_its_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gpu.json"
    assert main([*SMALL, "--device", "cuda", "--json", str(file)]) == 0
    pairs = read(file).pairs
    assert {pair.precision for pair in pairs} == {"float32", "bfloat16"}
    assert all(pair.published_memory and pair.ours_memory for pair in pairs)
    models = [pair for pair in pairs if pair.clips]
    for pair in models:
        assert pair.difference is None or pair.difference < (1e-3 if pair.precision == "float32" else 0.1)
    header = capsys.readouterr().out.splitlines()[0]
    assert all(column in header for column in ("memory, GB", "clips/s", "by FLOPs"))
    assert "system" not in header
