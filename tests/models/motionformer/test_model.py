from dataclasses import replace
from pathlib import Path

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.imagenet import ImageNet
from models.motionformer.model import Motionformer
from models.motionformer.weights import released_names
from models.positions import SeparatePositions
from models.tokens import CubicTokens

SIZE, TARGET = ClipSize(8, 16, 24), ClassTarget(5)
SMALL = Motionformer.Config(
    width=32,
    depth=4,
    heads=4,
    tokens=CubicTokens.Config(patch=8),
    positions=SeparatePositions.Config(side=2),
    init=None,
)


def built(config: Motionformer.Config = SMALL, target: ClassTarget = TARGET, seed: int = 0) -> Motionformer:
    """Model without zero weights."""
    torch.manual_seed(seed)
    model = config.build(SIZE, target).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 5)
    return model


@pytest.mark.parametrize(("linear_std", "warned"), [(0.02, True), (0.2, False)])
def test_value_projections_with_the_initial_std_of_the_config_count_as_untrained(
    linear_std: float, warned: bool, tmp_path: Path
) -> None:
    source = SMALL.build(SIZE, TARGET).state_dict()
    for name, tensor in source.items():
        if name.endswith("proj_kv.weight"):
            tensor *= 0.2 / tensor[32:].std()
    names = released_names(source)
    torch.save({"model_state": {names[name]: tensor for name, tensor in source.items()}}, tmp_path / "a.pyth")
    config = replace(SMALL, linear_std=linear_std)
    assert bool(config.load_released(built(config), tmp_path / "a.pyth", SIZE).warnings) == warned


def test_initial_weights_are_read_from_the_folder_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = replace(SMALL, init=ImageNet.Config(name="vit_base_patch16_224.orig_in21k_ft_in1k"))
    vit = VisionTransformer(img_size=16, patch_size=8, embed_dim=32, depth=4, num_heads=4, num_classes=3)
    torch.save(vit.state_dict(), tmp_path / "vit_base_patch16_224.orig_in21k_ft_in1k.pth")
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    model = built(config)
    (report,) = config.initialise(model)
    assert report.source == "vit_base_patch16_224.orig_in21k_ft_in1k.pth"
    assert torch.equal(model.get_parameter("cls"), vit.get_parameter("cls_token"))
