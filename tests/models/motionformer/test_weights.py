from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.imagenet import ImageNet
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from models.motionformer.weights import (
    copy_shared,
    load_image_weights,
    load_motionformer,
    released_names,
    value_projection,
)
from models.positions import JointPositions, SeparatePositions
from models.tokens import CubicTokens, SquareTokens
from models.trunk import VideoViT
from tests.models.vit_models import image_vit

NAME = "vit_base_patch16_224.orig_in21k_ft_in1k"
JOINT, DIVIDED, TRAJECTORY = JointAttention.Config(), DividedAttention.Config(), TrajectoryAttention.Config()
SEPARATE, JOINT_POSITIONS = SeparatePositions.Config(), JointPositions.Config()
CUBIC, SQUARE = CubicTokens.Config(patch=8), SquareTokens.Config(patch=8)
HEADS = 4


def config(
    attention: MixerConfig = TRAJECTORY,
    tokens: CubicTokens.Config | SquareTokens.Config = CUBIC,
    positions: SeparatePositions.Config | JointPositions.Config = SEPARATE,
    init: ImageNet.Config | None = None,
) -> Motionformer.Config:
    return Motionformer.Config(
        width=32, depth=2, heads=4, attention=attention, tokens=tokens, positions=positions, init=init
    )


def built(settings: Motionformer.Config, frames: int = 4, crop: int = 32, num_classes: int = 5) -> VideoViT:
    torch.manual_seed(0)
    return settings.build(ClipSize(frames, crop, crop), ClassTarget(num_classes)).eval()


def features(model: VideoViT, clip: Tensor) -> Tensor:
    """Input of the head."""
    with torch.no_grad():
        return model.features(clip)


def google_arrays(vit: VisionTransformer) -> dict[str, np.ndarray]:
    """Weights of a ViT in the format of Google's releases."""
    t = {name: tensor.detach().numpy() for name, tensor in vit.state_dict().items()}
    D, H = t["cls_token"].shape[-1], HEADS
    arrays = {
        "embedding/kernel": t["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": t["patch_embed.proj.bias"],
        "cls": t["cls_token"],
        "Transformer/posembed_input/pos_embedding": t["pos_embed"],
        "Transformer/encoder_norm/scale": t["norm.weight"],
        "Transformer/encoder_norm/bias": t["norm.bias"],
    }
    for i in range(len(vit.blocks)):
        ours, theirs = f"blocks.{i}.", f"Transformer/encoderblock_{i}/"
        attention = theirs + "MultiHeadDotProductAttention_1/"
        for part, weight, bias in zip(
            ("query", "key", "value"),
            np.split(t[ours + "attn.qkv.weight"], 3),
            np.split(t[ours + "attn.qkv.bias"], 3),
            strict=True,
        ):
            arrays[f"{attention}{part}/kernel"] = weight.T.reshape(D, H, D // H)
            arrays[f"{attention}{part}/bias"] = bias.reshape(H, D // H)
        arrays[attention + "out/kernel"] = t[ours + "attn.proj.weight"].T.reshape(H, D // H, D)
        arrays[attention + "out/bias"] = t[ours + "attn.proj.bias"]
        for layer in (0, 1):
            arrays[f"{theirs}MlpBlock_3/Dense_{layer}/kernel"] = t[f"{ours}mlp.fc{layer + 1}.weight"].T
            arrays[f"{theirs}MlpBlock_3/Dense_{layer}/bias"] = t[f"{ours}mlp.fc{layer + 1}.bias"]
        for norm, number in (("norm1", 0), ("norm2", 2)):
            arrays[f"{theirs}LayerNorm_{number}/scale"] = t[f"{ours}{norm}.weight"]
            arrays[f"{theirs}LayerNorm_{number}/bias"] = t[f"{ours}{norm}.bias"]
    return arrays


def save_vit(vit: VisionTransformer, path: Path) -> Path:
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **google_arrays(vit))
    elif path.suffix == ".safetensors":
        save_file(vit.state_dict(), path)
    else:
        torch.save(vit.state_dict(), path)
    return path


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".bin", ".npz"])
def test_a_model_of_one_frame_with_the_weights_of_an_image_vit_equals_it(
    suffix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(tmp_path))
    vit, settings = image_vit(), config(JOINT, SQUARE, init=ImageNet.Config(name=NAME))
    save_vit(vit, tmp_path / f"{NAME}{suffix}")
    model = built(settings, frames=1)
    (report,) = settings.initialise(model)
    assert report.source == f"{NAME}{suffix}"
    image = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = vit.forward_features(image)[:, 0]
    torch.testing.assert_close(features(model, image.unsqueeze(1)), expected, rtol=1e-4, atol=1e-5)


def test_inflated_cubes_apply_the_image_weights_to_the_second_of_two_frames(tmp_path: Path) -> None:
    path = save_vit(image_vit(), tmp_path / "vit.safetensors")
    cubic, square = built(config(JOINT, CUBIC), frames=6), built(config(JOINT, SQUARE), frames=3)
    load_image_weights(cubic, path)
    load_image_weights(square, path)
    clip = torch.randn(2, 6, 3, 32, 32)
    torch.testing.assert_close(features(cubic, clip), features(square, clip[:, 1::2]))
    assert (cubic.get_parameter("tokens.projection.weight")[:, :, 0] == 0).all()


def test_all_parameters_that_an_image_vit_has_are_loaded(tmp_path: Path) -> None:
    path = save_vit(image_vit(), tmp_path / "vit.safetensors")
    head = {"pre_logits.fc.weight", "pre_logits.fc.bias", "head.weight", "head.bias"}
    per_attention = {
        JOINT: set(),
        DIVIDED: {"norm3", "timeattn.qkv", "timeattn.proj"},
        TRAJECTORY: {"attn.proj_q", "attn.proj_kv"},
    }
    for attention, modules in per_attention.items():
        model = built(config(attention))
        fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        report = load_image_weights(model, path)
        parts = {f"blocks.{i}.{m}.{p}" for i in range(2) for m in modules for p in ("weight", "bias")}
        assert set(report.missing) == head | {"temp_embed"} | parts
        assert set(report.unexpected) == {"head.weight", "head.bias"}
        assert set(report.reshaped) == {"patch_embed_3d.proj.weight", "patch_embed_3d.proj.bias"}
        for ours, theirs in released_names(fresh).items():
            same = torch.equal(model.state_dict()[ours], fresh[ours])
            assert same == (theirs in report.missing), theirs


def test_joint_positions_start_as_the_image_positions_in_every_frame(tmp_path: Path) -> None:
    vit = image_vit()
    model = built(config(positions=JOINT_POSITIONS))
    report = load_image_weights(model, save_vit(vit, tmp_path / "vit.safetensors"))
    assert "st_embed" in report.reshaped and set(report.unexpected) == {"head.weight", "head.bias"}
    learnt = model.get_parameter("positions.space_time")[0]
    torch.testing.assert_close(learnt[0], vit.state_dict()["pos_embed"][0, 0])
    for frame in learnt[1:].split(16):
        torch.testing.assert_close(frame, vit.state_dict()["pos_embed"][0, 1:])


def test_a_hidden_layer_of_the_image_head_is_loaded(tmp_path: Path) -> None:
    weights = image_vit().state_dict() | {"pre_logits.fc.weight": torch.eye(32), "pre_logits.fc.bias": torch.ones(32)}
    save_file(weights, tmp_path / "vit.safetensors")
    model = built(config())
    report = load_image_weights(model, tmp_path / "vit.safetensors")
    assert "pre_logits.fc.weight" in report.matched
    torch.testing.assert_close(model.get_parameter("head.pre_logits.weight").data, torch.eye(32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"width": 64}, "another shape"), ({"depth": 3}, "it has blocks.2."), ({"depth": 1}, "it lacks blocks.1.")],
)
def test_an_image_vit_of_another_size_is_refused(changes: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        load_image_weights(built(config()), save_vit(image_vit(**changes), tmp_path / "vit.safetensors"))


def save_released(path: Path, model: VideoViT, cfg: str = "") -> Path:
    """Save the weights of a model in the format of released files."""
    own = model.state_dict()
    torch.save({"model_state": {theirs: own[ours] for ours, theirs in released_names(own).items()}, "cfg": cfg}, path)
    return path


@pytest.mark.parametrize(
    ("changes", "sizes", "message"),
    [
        ({"attention": JOINT}, {}, "it has blocks.0.attn.proj_q.weight"),
        ({"attention": DIVIDED}, {}, "it lacks blocks.0.norm3.weight"),
        ({}, {"num_classes": 6}, r"another shape: head.weight \(5, 32\) for \(6, 32\)"),
        ({}, {"frames": 8}, r"another shape: temp_embed \(1, 2, 32\) for \(1, 4, 32\)"),
        ({"positions": JOINT_POSITIONS}, {}, "it has temp_embed, which the model does not have"),
    ],
)
def test_a_released_model_of_another_type_is_refused(
    changes: dict[str, Any], sizes: dict[str, int], message: str, tmp_path: Path
) -> None:
    path = save_released(tmp_path / "a.pyth", built(config()))
    with pytest.raises(ValueError, match=message):
        load_motionformer(built(config(**changes), **sizes), path, 0.02)


def test_a_file_with_settings_of_another_value_projection_is_refused(tmp_path: Path) -> None:
    settings = "VIT:\n  USE_ORIGINAL_TRAJ_ATTN_CODE: false\n"
    path = save_released(tmp_path / "a.pyth", built(config()), cfg=settings)
    with pytest.raises(ValueError, match=r"trained with project_values=True, this model has .*project_values=False"):
        load_motionformer(built(config()), path, 0.02)
    load_motionformer(built(config(TrajectoryAttention.Config(project_values=True))), path, 0.02)


def trained() -> dict[str, Tensor]:
    """Weights of a run that other runs copy."""
    return {name: tensor + 1 for name, tensor in built(config()).state_dict().items()}


def test_a_model_of_other_classes_keeps_its_initial_classifier() -> None:
    weights = trained()
    model = built(config(), num_classes=9)
    fresh = model.get_parameter("head.classifier.weight").clone()
    report = copy_shared(model, weights)
    assert set(report.missing) == set(report.unexpected) == {"head.weight", "head.bias"}
    assert torch.equal(model.get_parameter("head.classifier.weight"), fresh)
    assert torch.equal(model.get_parameter("positions.time"), weights["positions.time"])


def test_longer_clips_start_with_positions_in_time_at_zero() -> None:
    model = built(config(), frames=8)
    report = copy_shared(model, trained())
    assert report.missing == ("temp_embed",)
    assert (model.get_parameter("positions.time") == 0).all()


def test_a_model_of_another_attention_copies_the_shared_parameters() -> None:
    weights, model = trained(), built(config(DIVIDED))
    report = copy_shared(model, weights)
    assert {name.split(".")[2] for name in report.missing} == {"norm3", "timeattn"}
    assert {name.split(".")[3] for name in report.unexpected if "blocks" in name} == {"proj_q", "proj_kv"}
    # The space half is copied from the released attention, the time half stays random.
    qkv = weights["blocks.1.mixers.0.qkv.weight"]
    assert torch.equal(model.get_parameter("blocks.1.mixers.1.qkv.weight"), qkv)
    assert not torch.equal(model.get_parameter("blocks.1.mixers.0.qkv.weight"), qkv)


def test_an_incomplete_part_is_an_error() -> None:
    weights = built(config(TRAJECTORY)).state_dict()
    del weights["blocks.1.mixers.0.proj_q.weight"]
    with pytest.raises(ValueError, match=r"^weights: the run it starts from .* it lacks blocks.1.attn.proj_q.weight$"):
        copy_shared(built(config(TRAJECTORY)), weights)


PROJECTED, AVERAGE = TrajectoryAttention.Config(project_values=True), TrajectoryAttention.Config(temporal="average")


class Values(NamedTuple):
    """Standard deviation and largest bias of the value half of one block's `proj_kv`; others have initial values."""

    std: float
    bias: float


def with_values(settings: Motionformer.Config, values: Values) -> VideoViT:
    model = built(settings)
    for block in (0, 1):
        weight = model.get_parameter(f"blocks.{block}.mixers.0.proj_kv.weight").data
        bias = model.get_parameter(f"blocks.{block}.mixers.0.proj_kv.bias").data
        weight[:32] *= 100 / weight[:32].std()  # the key half must not matter
        bias[:32] = 7.0
        weight[32:] *= (values.std if block == 1 else 0.01) / weight[32:].std()
        bias[32 + 5] = -values.bias if block == 1 else 0.0
    return model


@pytest.mark.parametrize("attention", [TRAJECTORY, PROJECTED], ids=["unprojected", "projected"])
@pytest.mark.parametrize(
    ("values", "initial_std", "trained"),
    [
        (Values(0.02, 0.0), 0.02, False),
        (Values(0.0209, 0.0), 0.02, False),
        (Values(0.0211, 0.0), 0.02, True),
        (Values(0.02, 1e-5), 0.02, True),
        (Values(0.125, 0.0), 0.125, False),
        (Values(0.14, 0.0), 0.125, True),
    ],
    ids=str,
)
def test_a_trained_value_projection_is_detected(
    values: Values, initial_std: float, trained: bool, attention: TrajectoryAttention.Config
) -> None:
    found, suits = value_projection(with_values(config(attention), values), initial_std)
    state = "value projection: " + ("trained" if trained else "never trained")
    figures = f"(largest std {values.std:.4f}, largest bias {values.bias:.1e})"
    assert suits == (trained == attention.project_values)
    if suits:
        assert found == f"{state} {figures}, as this row expects"
    else:
        reads = "reads" if attention.project_values else "does not read"
        wanted = f"set model.attention.project_values={trained}"
        assert found == f"{state} {figures}, but this row {reads} it: {wanted}"


@pytest.mark.parametrize("attention", [JOINT, DIVIDED, AVERAGE], ids=["joint", "divided", "average"])
def test_attention_without_a_value_projection_suits_any_file(attention: MixerConfig) -> None:
    assert value_projection(built(config(attention)), 0.02) == ("value projection: this attention has none", True)


def test_a_file_whose_values_do_not_suit_the_model_is_loaded_with_a_warning(tmp_path: Path) -> None:
    weights = with_values(config(), Values(0.02, 0.0))
    path = save_released(tmp_path / "a.pyth", weights, cfg="A: 1")
    suited = load_motionformer(built(config()), path, 0.02)
    assert suited.warnings == () and suited.settings == "A: 1"
    assert [remark.split(" (")[0] for remark in suited.remarks] == ["value projection: never trained"]
    model = built(config(PROJECTED))
    other = load_motionformer(model, path, 0.001)  # the authors' is used if it is larger
    assert other.remarks == () and other.matched == suited.matched
    assert [warning.split(": ")[-1] for warning in other.warnings] == ["set model.attention.project_values=False"]
    assert torch.equal(model.get_parameter("cls"), weights.get_parameter("cls"))


@pytest.mark.parametrize(("linear_std", "warned"), [(0.02, True), (0.2, False)])
def test_value_projections_with_the_initial_std_of_the_config_count_as_untrained(
    linear_std: float, warned: bool, tmp_path: Path
) -> None:
    path = save_released(tmp_path / "a.pyth", with_values(config(), Values(0.2, 0.0)))
    settings = replace(config(), linear_std=linear_std)
    report = settings.load_released(built(settings), path, ClipSize(4, 32, 32))
    assert bool(report.warnings) == warned


def test_square_tokens_from_cubes_equal_the_cubes_on_a_still_clip() -> None:
    cubic, square = built(config(JOINT, CUBIC), frames=4), built(config(JOINT, SQUARE), frames=2)
    for parameter in cubic.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    copy_shared(square, cubic.state_dict())
    still = torch.randn(2, 1, 3, 32, 32).expand(-1, 4, -1, -1, -1)
    torch.testing.assert_close(features(square, still[:, :2]), features(cubic, still), rtol=1e-4, atol=1e-5)


def test_joint_positions_from_separate_ones_start_equal_in_every_frame() -> None:
    source, joint = built(config()), built(config(positions=JOINT_POSITIONS))
    report = copy_shared(joint, source.state_dict())
    assert report.reshaped == ("st_embed",) and report.unexpected == ("temp_embed",)
    frames = joint.get_parameter("positions.space_time")[0, 1:].split(16)
    assert all(torch.equal(frame, source.get_parameter("positions.space")[0, 1:]) for frame in frames)
