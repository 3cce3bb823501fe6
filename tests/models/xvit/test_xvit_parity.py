"""Checkpoints in the format of X-ViT's code load completely and give the logits of that code."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.framewise.model import FrameMeanHead, FramePositions
from models.xvit.heads import TemporalAttentionHead
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import XViT
from tests.parity.fixtures import TOLERANCE, Fixture, names


def config_of(fixture: Fixture) -> XViT.Config:
    settings = fixture.config
    attention = SpaceTimeMixing.Config(
        window=int(settings["mixing"]), fraction=2 / settings["div"], segment_frames=settings["segments"]
    )
    return XViT.Config(
        width=settings["embed_dim"],
        depth=settings["depth"],
        heads=settings["num_heads"],
        attention=attention,
        positions=FramePositions.Config(in_time=True, period=8),
        head=TemporalAttentionHead.Config(heads=settings["num_heads"]),
    )


def saved(fixture: Fixture, folder: Path) -> Path:
    file = folder / "released.pth"
    torch.save({"epoch": 35, "model_state": fixture.tensors, "optimizer_state": {}, "cfg": "XVIT:\n"}, file)
    return file


@pytest.mark.parametrize("name", names("xvit"))
def test_a_released_checkpoint_loads_completely_and_has_the_authors_logits(name: str, tmp_path: Path) -> None:
    fixture = Fixture(name)
    config, settings = config_of(fixture), fixture.config
    size = ClipSize(settings["frames"], settings["crop"], settings["crop"])
    model = config.build(size, ClassTarget(settings["num_classes"])).eval()
    report = config.load_released(model, saved(fixture, tmp_path), size)
    assert report.missing == () and set(report.unexpected) == {"new_fc.weight", "new_fc.bias"}
    with torch.inference_mode():
        logits = model(fixture.clip)
    torch.testing.assert_close(logits, fixture.output("logits"), atol=TOLERANCE, rtol=0)


def test_the_classifier_of_single_frames_is_used_with_the_mean_of_frames(tmp_path: Path) -> None:
    fixture = Fixture("xvit_div4_8frames")
    size = ClipSize(8, 224, 224)
    config = replace(config_of(fixture), head=FrameMeanHead.Config())
    model = config.build(size, ClassTarget(fixture.config["num_classes"]))
    with pytest.raises(ValueError, match=r"it has consensus\.cls_token, .*which the model does not have"):
        config.load_released(model, saved(fixture, tmp_path), size)  # a model with temporal attention does not train it
    averaged = {name: tensor for name, tensor in fixture.tensors.items() if not name.startswith("consensus.")}
    torch.save({"model_state": averaged}, tmp_path / "averaged.pth")
    report = config.load_released(model, tmp_path / "averaged.pth", size)
    assert report.missing == report.unexpected == ()
    torch.testing.assert_close(model.state_dict()["head.classifier.weight"], fixture.tensors["new_fc.weight"])


@pytest.mark.parametrize("time", [torch.zeros(8), torch.zeros(1, 8, 2, 24), torch.zeros(2, 8, 1, 24)])
def test_positions_in_time_of_another_shape_are_refused(time: torch.Tensor, tmp_path: Path) -> None:
    fixture = Fixture("xvit_div4_8frames")
    fixture.tensors["base_model.temp_embed"] = time
    size = ClipSize(8, 224, 224)
    config = config_of(fixture)
    model = config.build(size, ClassTarget(fixture.config["num_classes"]))
    with pytest.raises(ValueError, match=r"of another shape: base_model\.temp_embed"):
        config.load_released(model, saved(fixture, tmp_path), size)
