"""Small released-style checkpoints, made with the authors' formulation, load and give the authors' logits."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.nystromformer import Nystromformer
from models.mixers.trajectory import TrajectoryAttention
from models.pretrained import load_released
from models.tokens import CubicTokens, JointPositions, SeparatePositions, SquareTokens
from models.trunk import VideoViT

ROOT = Path(__file__).parents[2]
FIXTURES = Path(os.environ.get("PARITY_FIXTURES", ROOT / ".." / "shared" / "parity"))

ATTENTIONS: dict[tuple[str, str, str], MixerConfig] = {
    ("joint", "none", "True"): JointAttention.Config(),
    ("divided", "none", "True"): DividedAttention.Config(),
    ("trajectory", "none", "True"): TrajectoryAttention.Config(),
    ("trajectory", "none", "False"): TrajectoryAttention.Config(project_values=True),
    ("trajectory", "nystrom", "True"): TrajectoryAttention.Config(approximation=Nystromformer.Config()),
}


class Fixture(NamedTuple):
    """What a file of weights and answers holds."""

    says: dict[str, str]
    weights: dict[str, Tensor]
    answers: dict[str, Tensor]


def fixture(name: str) -> Fixture:
    path = FIXTURES / f"motionformer_{name}.safetensors"
    if not path.exists():
        pytest.skip(f"no parity fixture {path}; set $PARITY_FIXTURES to their folder")
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return Fixture(
            says=file.metadata(),
            weights={k.removeprefix("weights/"): t for k, t in tensors.items() if k.startswith("weights/")},
            answers={k: t for k, t in tensors.items() if not k.startswith("weights/")},
        )


def clip(frames: int) -> Tensor:
    with safe_open(FIXTURES / "clip.safetensors", "pt") as file:
        pixels = file.get_tensor("clip")[:frames]  # (F, height, width, 3)
    return (pixels.permute(0, 3, 1, 2).float() / 255 - 0.5).div(0.5).unsqueeze(0)  # (1, F, 3, height, width)


def built(says: dict[str, str], num_classes: int) -> VideoViT:
    cubic, separate = says["tubelet"] == "2", says["pos_embed"] == "separate"
    config = VideoViT.Config(
        width=int(says["embed_dim"]),
        depth=int(says["depth"]),
        heads=int(says["num_heads"]),
        tokens=CubicTokens.Config() if cubic else SquareTokens.Config(),
        positions=SeparatePositions.Config(side=14) if separate else JointPositions.Config(),
        attention=ATTENTIONS[says["attention"], says["approx"], says["original_v"]],
    )
    return config.build(frames=int(says["frames"]), crop=int(says["crop"]), num_classes=num_classes).eval()


def saved(weights: dict[str, Tensor], path: Path) -> Path:
    cfg = "TRAIN:\n  DATASET: kinetics\n"
    torch.save({"epoch": 34, "model_state": weights, "optimizer_state": {"state": {}}, "cfg": cfg}, path)
    return path


@pytest.mark.parametrize(
    ("name", "unread"),
    [
        ("joint", ("patch_embed.proj.bias", "patch_embed.proj.weight")),
        ("divided", ("patch_embed.proj.bias", "patch_embed.proj.weight")),
        ("trajectory", ("patch_embed.proj.bias", "patch_embed.proj.weight")),
        ("nystrom", ("patch_embed.proj.bias", "patch_embed.proj.weight")),
        ("trajectory_fixed_v", ("patch_embed.proj.bias", "patch_embed.proj.weight")),
        ("trajectory_square", ("patch_embed_3d.proj.bias", "patch_embed_3d.proj.weight")),
        ("joint_jointpos", ("patch_embed.proj.bias", "patch_embed.proj.weight", "pos_embed")),
    ],
)
def test_a_released_checkpoint_loads_whole_and_gives_the_authors_logits(
    name: str, unread: tuple[str, ...], tmp_path: Path
) -> None:
    given = fixture(name)
    model = built(given.says, num_classes=11)
    report = load_released(model, saved(given.weights, tmp_path / "released.pyth"))
    assert report.missing == () and report.reshaped == ()
    assert tuple(sorted(report.unexpected)) == unread
    assert sorted([*report.matched, *report.unexpected]) == sorted(given.weights)
    with torch.no_grad():
        logits = model(clip(int(given.says["frames"])))
    assert (logits - given.answers["logits"]).abs().max() < 1e-4


def test_verb_and_noun_classifiers_load_as_one(tmp_path: Path) -> None:
    given = fixture("ek_trajectory")
    model = built(given.says, num_classes=97 + 300)
    report = load_released(model, saved(given.weights, tmp_path / "released.pyth"))
    assert sorted(report.reshaped) == ["head.bias", "head.weight"]
    assert sorted(report.unexpected) == ["patch_embed.proj.bias", "patch_embed.proj.weight"]
    with torch.no_grad():
        verbs, nouns = model(clip(16)).split([97, 300], dim=1)
    assert (verbs - given.answers["logits0"]).abs().max() < 1e-4
    assert (nouns - given.answers["logits1"]).abs().max() < 1e-4


def test_values_projected_and_not_are_different_functions_of_the_same_weights(tmp_path: Path) -> None:
    given = fixture("trajectory")
    model = built(given.says | {"original_v": "False"}, num_classes=11)
    load_released(model, saved(given.weights, tmp_path / "released.pyth"))
    with torch.no_grad():
        logits = model(clip(16))
    assert (logits - given.answers["logits"]).abs().max() > 1e-2
