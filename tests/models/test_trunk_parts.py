"""Trunks with parts of their own: no CLS, frame-wise tokens, heads and initial weights."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.cost import num_parameters
from models.framewise.model import FramewiseViT
from models.heads import HeadConfig
from models.imagenet import InitialWeights
from models.mixers.joint import JointAttention
from models.positions import PositionsConfig, SeparatePositions, resized
from models.tokens import CubicTokens, Grid, SquareTokens
from models.trunk import VideoViT
from tests.models.vit_models import image_vit

SIZE, TARGET = ClipSize(4, 16, 16), ClassTarget(5)
JOINT = JointAttention.Config()


class Ramp(nn.Module):
    """Fixed positions without CLS: the number of each patch token."""

    @dataclass(frozen=True, kw_only=True)
    class Config(PositionsConfig):
        label: ClassVar[str] = "Ramp"
        of_cls: ClassVar[bool] = False

        def build(self, width: int, grid: Grid) -> "Ramp":
            return Ramp(grid)

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.numbers: Tensor
        self.register_buffer("numbers", torch.arange(float(grid.tokens)).view(1, -1, 1), persistent=False)

    def forward(self, grid: Grid) -> Tensor:
        return self.numbers


def plain(**changes: object) -> VideoViT.Config:
    config = VideoViT.Config(width=32, depth=3, heads=4, attention=JOINT, tokens=CubicTokens.Config(patch=8))
    return replace(config, **changes)  # pyright: ignore[reportArgumentType]


def built(config: VideoViT.Config, size: ClipSize = SIZE) -> VideoViT:
    torch.manual_seed(0)
    return config.build(size, TARGET).eval()


NO_CLS = {"positions": Ramp.Config(), "cls_token": False}


def test_without_cls_the_features_are_the_normalised_mean_of_the_patch_tokens() -> None:
    model, clip = built(plain(**NO_CLS)), torch.randn(2, 4, 3, 16, 16)
    assert "cls" not in model.state_dict() and not any("positions" in name for name in model.state_dict())
    x, grid = model.tokens(clip)
    assert x.shape == (2, grid.tokens, 32) and grid == Grid(2, 2, 2)
    x = x + torch.arange(8.0).view(1, 8, 1)
    for block in model.blocks:
        x = block(x, grid)
    features = model.norm(x.mean(dim=1))
    torch.testing.assert_close(model.features(clip), features)
    torch.testing.assert_close(model(clip), model.head(features))


def test_without_a_head_a_model_returns_its_features() -> None:
    with_head, without = built(plain()), built(plain(head=HeadConfig()))
    assert set(with_head.state_dict()) - set(without.state_dict()) == {
        f"head.{layer}.{part}" for layer in ("pre_logits", "classifier") for part in ("weight", "bias")
    }
    without.load_state_dict({name: with_head.state_dict()[name] for name in without.state_dict()})
    clip = torch.randn(2, 4, 3, 16, 16)
    torch.testing.assert_close(without(clip), with_head.features(clip))
    head = 32 * 32 + 32 * 5
    assert plain(head=HeadConfig()).macs(SIZE, TARGET) == plain().macs(SIZE, TARGET) - head
    assert VideoViT.Config(attention=JOINT, head=HeadConfig()).tiny().head == HeadConfig()


def test_without_cls_macs_are_those_of_all_patch_tokens() -> None:
    N, D, depth, hidden = 8, 32, 3, 128
    projections = 3 * 2 * 8 * 8 * N * D + depth * (4 * N * D**2 + 2 * N**2 * D + 2 * N * D * hidden)
    norms = 5 * D * (2 * depth * N + 1)
    assert plain(**NO_CLS).macs(SIZE, TARGET) == projections + norms + D * D + D * 5


def test_the_cost_of_a_trunk_counts_its_own_parameters() -> None:
    config = plain()
    _, parameters, trainable = config.cost(SIZE, TARGET)
    assert parameters == trainable == num_parameters(built(config))
    assert config.identical_blocks == 0  # blocks of a paper's trunk may differ: its config says so if they do not


@dataclass(frozen=True, kw_only=True)
class LocalFile(InitialWeights):
    """A file in the folder of weights."""

    file: str

    def find(self, folder: Path) -> Path:
        return folder / self.file


def test_a_frame_wise_trunk_with_the_weights_of_an_image_vit_equals_it_on_every_frame(tmp_path: Path) -> None:
    vit = image_vit(side=2)
    save_file(vit.state_dict(), tmp_path / "vit.safetensors")
    config = FramewiseViT.Config(
        width=32, depth=2, heads=4, tokens=SquareTokens.Config(patch=8), init=LocalFile(file="vit.safetensors")
    )
    model, clip = built(config), torch.randn(2, 4, 3, 16, 16)
    (report,) = config.initialise(model, tmp_path)
    assert set(report.missing) == {"head.classifier.weight", "head.classifier.bias"} and report.reshaped == ()
    assert set(report.unexpected) == {"head.weight", "head.bias"}
    with torch.no_grad():
        frames = vit.forward_features(clip.flatten(0, 1))[:, 0].unflatten(0, (2, 4))  # (B, T, D)
        torch.testing.assert_close(model.features(clip), frames, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(model(clip), model.head(frames), rtol=1e-4, atol=1e-5)


def test_an_image_vit_initialises_cubes_and_positions_of_another_grid(tmp_path: Path) -> None:
    vit = image_vit(side=3)
    save_file(vit.state_dict(), tmp_path / "vit.safetensors")
    config = replace(plain(init=LocalFile(file="vit.safetensors")), depth=2, positions=SeparatePositions.Config(side=2))
    model = built(config)
    (report,) = config.initialise(model, tmp_path)
    assert set(report.reshaped) == {"patch_embed.proj.weight", "pos_embed"}
    assert {name.split(".")[0] for name in report.missing} == {"positions", "head"}
    cubes, space = model.get_parameter("tokens.projection.weight"), model.get_parameter("positions.space")
    assert torch.equal(cubes[:, :, 1], vit.get_parameter("patch_embed.proj.weight")) and (cubes[:, :, 0] == 0).all()
    expected = resized(vit.get_parameter("pos_embed")[:, 1:], 3, Grid(1, 2, 2))
    torch.testing.assert_close(space[:, 1:], expected)
    assert torch.equal(space[:, :1], vit.get_parameter("pos_embed")[:, :1])
