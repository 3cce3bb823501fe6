"""Checkpoints in the format of TokenShift's code load completely and give the logits of that code."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.msca.attention import HeadShift
from models.msca.model import MSCA, FramewiseConfig, TokenShift
from models.tensors import LoadReport
from tests.parity.fixtures import TOLERANCE, Fixture

CONFIGS: dict[str, type[FramewiseConfig]] = {
    "framewise_vit_8frames": FramewiseConfig,
    "tokshift_8frames": TokenShift.Config,
}


def loaded(config: FramewiseConfig, fixture: Fixture, folder: Path) -> tuple[nn.Module, LoadReport]:
    """Model with the weights of a fixture, from a file in the released format."""
    settings = fixture.config
    size = ClipSize(settings["frames"], settings["crop"], settings["crop"])
    model = config.build(size, ClassTarget(settings["num_classes"])).eval()
    file = folder / "released.pth"
    state = {f"module.{name}": tensor for name, tensor in fixture.tensors.items()}
    torch.save({"epoch": 18, "state_dict": state, "best_acc1": 77.28, "optimizer": {"state": {}}}, file)
    return model, config.load_released(model, file, size)


def sized(config: FramewiseConfig, fixture: Fixture) -> FramewiseConfig:
    settings = fixture.config
    return replace(config, width=settings["embed_dim"], depth=settings["depth"], heads=settings["num_heads"])


@pytest.mark.parametrize("name", CONFIGS)
def test_a_released_checkpoint_loads_completely_and_has_the_authors_logits(name: str, tmp_path: Path) -> None:
    fixture = Fixture(name)
    model, report = loaded(sized(CONFIGS[name](), fixture), fixture, tmp_path)
    assert report.missing == report.unexpected == ()
    assert len(report.reshaped) == 2 * fixture.config["depth"]  # joint projections
    with torch.inference_mode():
        logits = model(fixture.clip)
    torch.testing.assert_close(logits, fixture.output("logits"), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", CONFIGS)
def test_files_of_both_models_load_into_msca(name: str, tmp_path: Path) -> None:
    fixture = Fixture(name)
    plain, _ = loaded(sized(FramewiseConfig(), fixture), fixture, tmp_path)
    unshifted = HeadShift.Config(past_heads=0, future_heads=0)
    with torch.inference_mode():
        logits = [plain(fixture.clip)]
        for attention in (unshifted, HeadShift.Config()):
            model, report = loaded(sized(MSCA.Config(attention=attention), fixture), fixture, tmp_path)
            assert report.missing == report.unexpected == ()
            logits.append(model(fixture.clip))
    torch.testing.assert_close(logits[1], logits[0], atol=1e-6, rtol=0)
    assert (logits[2] - logits[0]).abs().max() > 1e-3


@pytest.mark.parametrize("key", [torch.zeros(()), torch.zeros(5), torch.zeros(8, 7), torch.zeros(4, 3, 2)])
def test_projections_that_do_not_fit_together_are_refused(key: torch.Tensor, tmp_path: Path) -> None:
    fixture = Fixture("framewise_vit_8frames")
    name = "base_model.transformer.encoder.layer.0.attn.key.weight"
    fixture.tensors[name] = key
    with pytest.raises(ValueError, match=r"lacks .*\.0\.attn\.qkv\.weight; it has .*\.0\.attn\.query\.weight"):
        loaded(sized(FramewiseConfig(), fixture), fixture, tmp_path)


def test_whole_numbers_among_the_projections_are_refused(tmp_path: Path) -> None:
    fixture = Fixture("framewise_vit_8frames")
    name = "base_model.transformer.encoder.layer.0.attn.key.weight"
    fixture.tensors[name] = fixture.tensors[name].long()
    with pytest.raises(ValueError, match=r"lacks .*\.0\.attn\.qkv\.weight"):
        loaded(sized(FramewiseConfig(), fixture), fixture, tmp_path)
