"""Findings on the initial weights of models."""

from pathlib import Path

import pytest

from experiments.cast.base import EPIC100, SSV2
from models.imagenet import ImageNet
from runner.weights.needed_weights import initial_findings
from tests.runner.experts import Pair


def test_each_file_of_several_models_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    shared, _ = EPIC100.model.initial_weights
    assert isinstance(shared, ImageNet.Config)
    (tmp_path / f"{shared.name}.safetensors").touch()
    found, *missing = initial_findings([EPIC100.model, Pair.Config(), SSV2.model])
    assert (found.severity, found.what) == ("ok", f"initial weights in {tmp_path / shared.name}.safetensors")
    assert [(one.severity, one.what, one.remedy) for one in missing] == [
        ("error", f"no {name} here", f"get it from https://github.com/KHU-VLL/CAST, save it as {tmp_path / name}")
        for name in ("videomae_vit_b_ek100.pth", "videomae_vit_b_ssv2.pth")
    ]
