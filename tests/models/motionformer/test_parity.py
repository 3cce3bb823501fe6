"""Loading of small checkpoints in the released format, and comparison with the authors' logits."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from data.sizes import ClipSize
from data.targets import ClassTarget
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.nystromformer import Nystromformer
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from models.motionformer.weights import INITIAL_STD, load_released
from models.positions import JointPositions, SeparatePositions
from models.tokens import CubicTokens, SquareTokens

ROOT = Path(__file__).parents[3]
FIXTURES = Path(os.environ.get("PARITY_FIXTURES", ROOT / ".." / "shared" / "parity"))

ATTENTIONS: dict[tuple[str, str, str], MixerConfig] = {
    ("joint", "none", "True"): JointAttention.Config(),
    ("divided", "none", "True"): DividedAttention.Config(),
    ("trajectory", "none", "True"): TrajectoryAttention.Config(),
    ("trajectory", "none", "False"): TrajectoryAttention.Config(project_values=True),
    ("trajectory", "nystrom", "True"): TrajectoryAttention.Config(approximation=Nystromformer.Config()),
}


class Fixture(NamedTuple):
    """Content of a fixture file: settings and weights of a model, and its expected outputs."""

    settings: dict[str, str]
    weights: dict[str, Tensor]
    expected: dict[str, Tensor]


def fixture(name: str) -> Fixture:
    path = FIXTURES / f"motionformer_{name}.safetensors"
    if not path.exists():
        pytest.skip(f"no parity fixture {path}; set $PARITY_FIXTURES to their folder")
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return Fixture(
            settings=file.metadata(),
            weights={k.removeprefix("weights/"): t for k, t in tensors.items() if k.startswith("weights/")},
            expected={k: t for k, t in tensors.items() if not k.startswith("weights/")},
        )


def clip(frames: int) -> Tensor:
    with safe_open(FIXTURES / "clip.safetensors", "pt") as file:
        pixels = file.get_tensor("clip")[:frames]  # (F, height, width, 3)
    return (pixels.permute(0, 3, 1, 2).float() / 255 - 0.5).div(0.5).unsqueeze(0)  # (1, F, 3, height, width)


def built(settings: dict[str, str], num_classes: int) -> Motionformer:
    cubic, separate = settings["tubelet"] == "2", settings["pos_embed"] == "separate"
    config = Motionformer.Config(
        width=int(settings["embed_dim"]),
        depth=int(settings["depth"]),
        heads=int(settings["num_heads"]),
        tokens=CubicTokens.Config() if cubic else SquareTokens.Config(),
        positions=SeparatePositions.Config(side=14) if separate else JointPositions.Config(),
        attention=ATTENTIONS[settings["attention"], settings["approx"], settings["original_v"]],
    )
    crop = int(settings["crop"])
    return config.build(ClipSize(int(settings["frames"]), crop, crop), ClassTarget(num_classes)).eval()


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
def test_a_released_checkpoint_loads_completely_and_has_the_authors_logits(
    name: str, unread: tuple[str, ...], tmp_path: Path
) -> None:
    given = fixture(name)
    model = built(given.settings, num_classes=11)
    report = load_released(model, saved(given.weights, tmp_path / "released.pyth"), INITIAL_STD)
    assert report.missing == () and report.reshaped == ()
    assert tuple(sorted(report.unexpected)) == unread
    assert sorted([*report.matched, *report.unexpected]) == sorted(given.weights)
    with torch.no_grad():
        logits = model(clip(int(given.settings["frames"])))
    assert (logits - given.expected["logits"]).abs().max() < 1e-4


def test_verb_and_noun_classifiers_load_as_one(tmp_path: Path) -> None:
    given = fixture("ek_trajectory")
    model = built(given.settings, num_classes=97 + 300)
    report = load_released(model, saved(given.weights, tmp_path / "released.pyth"), INITIAL_STD)
    assert sorted(report.reshaped) == ["head.bias", "head.weight"]
    assert sorted(report.unexpected) == ["patch_embed.proj.bias", "patch_embed.proj.weight"]
    with torch.no_grad():
        verbs, nouns = model(clip(16)).split([97, 300], dim=1)
    assert (verbs - given.expected["logits0"]).abs().max() < 1e-4
    assert (nouns - given.expected["logits1"]).abs().max() < 1e-4


def test_projected_and_unprojected_values_have_different_logits(tmp_path: Path) -> None:
    given = fixture("trajectory")
    model = built(given.settings | {"original_v": "False"}, num_classes=11)
    load_released(model, saved(given.weights, tmp_path / "released.pyth"), INITIAL_STD)
    with torch.no_grad():
        logits = model(clip(16))
    assert (logits - given.expected["logits"]).abs().max() > 1e-2
