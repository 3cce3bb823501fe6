from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from models.authors import authors_names
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.trajectory import TrajectoryAttention
from models.pretrained import ImageNet, Released, copy_matching, initialise, load_released
from models.tokens import CubicTokens, JointPositions, SeparatePositions, SquareTokens
from models.trunk import VideoViT

NAME = "vit_base_patch16_224.orig_in21k_ft_in1k"
PAPERS_NAME = "vit_base_patch16_224.orig_in21k"
JOINT, DIVIDED, TRAJECTORY = JointAttention.Config(), DividedAttention.Config(), TrajectoryAttention.Config()
SEPARATE, JOINT_POSITIONS = SeparatePositions.Config(), JointPositions.Config()
CUBIC, SQUARE = CubicTokens.Config(patch=8), SquareTokens.Config(patch=8)


HEADS = 4


def image_vit(*, size: int = 32, width: int = 32, depth: int = 2) -> VisionTransformer:
    torch.manual_seed(1)
    vit = VisionTransformer(
        img_size=size, patch_size=8, embed_dim=width, depth=depth, num_heads=HEADS, num_classes=10
    ).eval()
    for parameter in vit.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return vit


def config(
    attention: MixerConfig = TRAJECTORY,
    tokens: CubicTokens.Config | SquareTokens.Config = CUBIC,
    positions: SeparatePositions.Config | JointPositions.Config = SEPARATE,
    init: ImageNet.Config | Released.Config | None = None,
) -> VideoViT.Config:
    return VideoViT.Config(
        width=32, depth=2, heads=4, attention=attention, tokens=tokens, positions=positions, init=init
    )


def built(settings: VideoViT.Config, frames: int = 4, crop: int = 32, num_classes: int = 5) -> VideoViT:
    torch.manual_seed(0)
    return settings.build(frames=frames, crop=crop, num_classes=num_classes).eval()


def features(model: VideoViT, clip: Tensor) -> Tensor:
    """What the head reads."""
    model.head = torch.nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    with torch.no_grad():
        return model(clip)


def google_arrays(vit: VisionTransformer) -> dict[str, np.ndarray]:
    """A ViT in the format of Google's releases."""
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
def test_an_image_vit_on_one_frame_is_that_image_vit(suffix: str, tmp_path: Path) -> None:
    vit, settings = image_vit(), config(JOINT, SQUARE, init=ImageNet.Config())
    save_vit(vit, tmp_path / f"{NAME}{suffix}")
    model = built(settings, frames=1)
    initialise(model, settings, tmp_path)
    image = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = vit.forward_features(image)[:, 0]
    torch.testing.assert_close(features(model, image.unsqueeze(1)), expected, rtol=1e-4, atol=1e-5)


def test_inflated_cubes_read_the_second_of_their_two_frames_with_the_images_weights(tmp_path: Path) -> None:
    path = save_vit(image_vit(), tmp_path / "vit.safetensors")
    cubic, square = built(config(JOINT, CUBIC), frames=6), built(config(JOINT, SQUARE), frames=3)
    ImageNet.load(cubic, path)
    ImageNet.load(square, path)
    clip = torch.randn(2, 6, 3, 32, 32)
    torch.testing.assert_close(features(cubic, clip), features(square, clip[:, 1::2]))
    assert (cubic.tokens.projection.weight[:, :, 0] == 0).all()


def test_imagenet_leaves_only_what_images_do_not_have(tmp_path: Path) -> None:
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
        report = ImageNet.load(model, path)
        parts = {f"blocks.{i}.{m}.{p}" for i in range(2) for m in modules for p in ("weight", "bias")}
        assert set(report.missing) == head | {"temp_embed"} | parts
        assert set(report.unexpected) == {"head.weight", "head.bias"}
        assert set(report.reshaped) == {"patch_embed_3d.proj.weight", "patch_embed_3d.proj.bias"}
        for ours, theirs in authors_names(fresh).items():
            same = torch.equal(model.state_dict()[ours], fresh[ours])
            assert same == (theirs in report.missing), theirs


def test_joint_positions_start_as_the_images_in_every_frame(tmp_path: Path) -> None:
    vit = image_vit()
    model = built(config(positions=JOINT_POSITIONS))
    report = ImageNet.load(model, save_vit(vit, tmp_path / "vit.safetensors"))
    assert "st_embed" in report.reshaped and set(report.unexpected) == {"head.weight", "head.bias"}
    learnt = model.get_parameter("positions.space_time")[0]
    torch.testing.assert_close(learnt[0], vit.state_dict()["pos_embed"][0, 0])
    for frame in learnt[1:].split(16):
        torch.testing.assert_close(frame, vit.state_dict()["pos_embed"][0, 1:])


def test_positions_of_other_images_are_resized(tmp_path: Path) -> None:
    vit = image_vit(size=48)
    model = built(config())
    report = ImageNet.load(model, save_vit(vit, tmp_path / "vit.safetensors"))
    assert "pos_embed" in report.reshaped
    plane = vit.state_dict()["pos_embed"][:, 1:].transpose(1, 2).unflatten(2, (6, 6))
    expected = torch.nn.functional.interpolate(plane, size=(4, 4), mode="bicubic").flatten(2).transpose(1, 2)
    torch.testing.assert_close(model.get_parameter("positions.space")[:, 1:], expected)


def test_a_hidden_layer_of_the_images_head_is_kept(tmp_path: Path) -> None:
    weights = image_vit().state_dict() | {"pre_logits.fc.weight": torch.eye(32), "pre_logits.fc.bias": torch.ones(32)}
    save_file(weights, tmp_path / "vit.safetensors")
    model = built(config())
    report = ImageNet.load(model, tmp_path / "vit.safetensors")
    assert "pre_logits.fc.weight" in report.matched
    torch.testing.assert_close(model.head.pre_logits.weight.data, torch.eye(32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"width": 64}, "another shape"), ({"depth": 3}, "it has blocks.2."), ({"depth": 1}, "it lacks blocks.1.")],
)
def test_an_image_vit_of_another_size_is_refused(changes: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        ImageNet.load(built(config()), save_vit(image_vit(**changes), tmp_path / "vit.safetensors"))


def no_network(*_: object, **__: object) -> None:
    raise ConnectionError("no network")


def empty_machine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", no_network)
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    monkeypatch.setenv("PRETRAINED_WEIGHTS", str(folder / "weights"))


def test_without_file_cache_or_network_one_line_says_what_to_get_and_where_to_put_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty_machine(monkeypatch, tmp_path)
    settings = config(init=ImageNet.Config())
    with pytest.raises(FileNotFoundError) as caught:
        initialise(built(settings), settings)
    file = f"https://huggingface.co/timm/{NAME}/resolve/main/model.safetensors"
    target = f"{tmp_path}/weights/{NAME}.safetensors"
    assert str(caught.value) == f"weights: no {NAME} here, and no network: get {file}, save it as {target}"
    settings = config(init=Released.Config())
    with pytest.raises(FileNotFoundError) as caught:
        initialise(built(settings), settings)
    place = "https://dl.fbaipublicfiles.com/motionformer/"
    file = "k400_motionformer_224_16x4.pyth"
    assert str(caught.value) == f"weights: no {file} here: get it from {place} and put it into {tmp_path}/weights"


def test_the_file_that_the_line_asks_for_is_found_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty_machine(monkeypatch, tmp_path)
    (tmp_path / "weights").mkdir()
    save_vit(image_vit(), tmp_path / "weights" / f"{NAME}.safetensors")
    settings = config(init=ImageNet.Config())
    report = initialise(built(settings), settings)
    assert report is not None and report.source == f"{NAME}.safetensors"


def test_the_hubs_cache_is_read_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty_machine(monkeypatch, tmp_path)
    repository = tmp_path / "hub" / f"models--timm--{NAME}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    (repository / "snapshots" / "c0ffee").mkdir(parents=True)
    save_vit(image_vit(), repository / "snapshots" / "c0ffee" / "model.safetensors")
    settings = config(init=ImageNet.Config())
    report = initialise(built(settings), settings)
    assert report is not None and report.source == "model.safetensors"


def test_the_file_of_older_timm_in_torchs_cache_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty_machine(monkeypatch, tmp_path)
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    save_vit(image_vit(), cache / "jx_vit_base_p16_224-80ecf9dd.pth")
    settings = config(init=ImageNet.Config())
    report = initialise(built(settings), settings)
    assert report is not None and report.source == "jx_vit_base_p16_224-80ecf9dd.pth"


def test_an_unknown_name_names_its_neighbours(tmp_path: Path) -> None:
    settings = config(init=ImageNet.Config(name="vit_base_patch16_224.orig_in22k"))
    with pytest.raises(
        ValueError, match=f"no weights named 'vit_base_patch16_224.orig_in22k'; near are .*{PAPERS_NAME}"
    ):
        initialise(built(settings), settings, tmp_path)
    assert timm.is_model_pretrained(NAME) and timm.is_model_pretrained(PAPERS_NAME)


def test_a_model_from_scratch_reads_nothing(tmp_path: Path) -> None:
    assert initialise(built(config()), config(), tmp_path / "absent") is None


def released(settings: VideoViT.Config, path: Path, *, cfg: str = "", **sizes: int) -> dict[str, Tensor]:
    """A file like the authors', of another random model, with the parts that they hold and never read."""
    model = built(settings, **sizes)
    own = model.state_dict()
    weights = {theirs: torch.randn_like(own[ours]) for ours, theirs in authors_names(own).items()}
    weights.setdefault("patch_embed.proj.weight", torch.randn(32, 3, 8, 8))
    weights.setdefault("patch_embed.proj.bias", torch.randn(32))
    weights.setdefault("patch_embed_3d.proj.weight", torch.randn(32, 3, 1, 8, 8))
    weights.setdefault("patch_embed_3d.proj.bias", torch.randn(32))
    weights.setdefault("pos_embed", torch.randn(1, 17, 32))
    torch.save({"epoch": 34, "model_state": weights, "optimizer_state": {}, "cfg": cfg}, path)
    return weights


@pytest.mark.parametrize("attention", [JOINT, DIVIDED, TRAJECTORY], ids=str)
@pytest.mark.parametrize("tokens", [CUBIC, SQUARE], ids=str)
@pytest.mark.parametrize("positions", [SEPARATE, JOINT_POSITIONS], ids=str)
def test_every_released_kind_loads_whole(
    attention: MixerConfig,
    tokens: CubicTokens.Config | SquareTokens.Config,
    positions: SeparatePositions.Config | JointPositions.Config,
    tmp_path: Path,
) -> None:
    settings = config(attention, tokens, positions)
    weights = released(settings, tmp_path / "a.pyth")
    model = built(settings)
    report = load_released(model, tmp_path / "a.pyth")
    own = model.state_dict()
    names = authors_names(own)
    assert set(report.matched) == set(names.values()) and report.missing == report.reshaped == ()
    assert set(report.matched) | set(report.unexpected) == set(weights)
    for ours, theirs in names.items():
        assert torch.equal(own[ours], weights[theirs])


def test_a_released_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    released(config(TRAJECTORY), tmp_path / "a.pyth")
    for attention, message in (
        (JOINT, "it has blocks.0.attn.proj_q.weight"),
        (DIVIDED, "it lacks blocks.0.norm3.weight"),
    ):
        with pytest.raises(ValueError, match=message):
            load_released(built(config(attention)), tmp_path / "a.pyth")
    with pytest.raises(ValueError, match=r"another shape: head.weight \(5, 32\) for \(6, 32\)"):
        load_released(built(config(), num_classes=6), tmp_path / "a.pyth")
    with pytest.raises(ValueError, match=r"another shape: temp_embed \(1, 2, 32\) for \(1, 4, 32\)"):
        load_released(built(config(), frames=8), tmp_path / "a.pyth")
    with pytest.raises(ValueError, match="it has temp_embed, which the model has not"):
        load_released(built(config(positions=JOINT_POSITIONS)), tmp_path / "a.pyth")


def test_the_settings_in_the_file_say_how_its_values_are_taken(tmp_path: Path) -> None:
    released(config(TRAJECTORY), tmp_path / "a.pyth", cfg="VIT:\n  USE_ORIGINAL_TRAJ_ATTN_CODE: false\n")
    with pytest.raises(ValueError, match=r"trained with project_values=True, this model has .*project_values=False"):
        load_released(built(config(TRAJECTORY)), tmp_path / "a.pyth")
    load_released(built(config(TrajectoryAttention.Config(project_values=True))), tmp_path / "a.pyth")


def test_other_data_start_from_a_released_model_with_a_fresh_classifier(tmp_path: Path) -> None:
    weights = released(config(), tmp_path / "k400_motionformer_224_16x4.pyth")
    settings = config(init=Released.Config())
    model = built(settings, num_classes=9)
    fresh = model.head.classifier.weight.clone()
    report = initialise(model, settings, tmp_path)
    assert report is not None and set(report.missing) == {"head.weight", "head.bias"}
    assert torch.equal(model.head.classifier.weight, fresh)
    assert torch.equal(model.get_parameter("positions.time"), weights["temp_embed"])


def test_longer_clips_start_with_positions_in_time_at_zero(tmp_path: Path) -> None:
    released(config(), tmp_path / "a.pyth")
    model = built(config(), frames=8)
    report = Released.load(model, tmp_path / "a.pyth")
    assert report.missing == ("temp_embed",)
    assert (model.get_parameter("positions.time") == 0).all()


def test_other_attentions_start_from_what_they_share_with_the_released_one(tmp_path: Path) -> None:
    weights = released(config(TRAJECTORY), tmp_path / "a.pyth")
    model = built(config(DIVIDED))
    report = Released.load(model, tmp_path / "a.pyth")
    assert {name.split(".")[2] for name in report.missing} == {"norm3", "timeattn"}
    assert {name.split(".")[3] for name in report.unexpected if "blocks" in name} == {"proj_q", "proj_kv"}
    # The space half takes the released attention, the time half stays random.
    assert torch.equal(model.get_parameter("blocks.1.mixers.1.qkv.weight"), weights["blocks.1.attn.qkv.weight"])


def test_half_a_part_is_an_error(tmp_path: Path) -> None:
    weights = released(config(TRAJECTORY), tmp_path / "a.pyth")
    del weights["blocks.1.attn.proj_q.weight"]
    torch.save({"model_state": weights}, tmp_path / "a.pyth")
    with pytest.raises(ValueError, match=r"it lacks blocks.1.attn.proj_q.weight$"):
        Released.load(built(config(TRAJECTORY)), tmp_path / "a.pyth")


def test_a_run_starts_from_another_runs_weights() -> None:
    source = built(config(TRAJECTORY), num_classes=4)
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter)
    same, divided, square = (
        built(config(TRAJECTORY)),
        built(config(DIVIDED)),
        built(config(TRAJECTORY, SQUARE), frames=2),
    )
    assert set(copy_matching(same, source.state_dict()).missing) == {"head.weight", "head.bias"}
    assert torch.equal(same.cls, source.cls)
    copy_matching(divided, source.state_dict())
    shared = source.get_parameter("blocks.1.mixers.0.qkv.weight")
    assert torch.equal(divided.get_parameter("blocks.1.mixers.1.qkv.weight"), shared)
    assert not torch.equal(divided.get_parameter("blocks.1.mixers.0.qkv.weight"), shared)
    report = copy_matching(square, source.state_dict())
    assert set(report.reshaped) == {"patch_embed.proj.weight", "patch_embed.proj.bias"}


def test_square_tokens_from_cubes_give_what_the_cubes_give_on_a_still_clip() -> None:
    cubic, square = built(config(JOINT, CUBIC), frames=4), built(config(JOINT, SQUARE), frames=2)
    for parameter in cubic.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    copy_matching(square, cubic.state_dict())
    still = torch.randn(2, 1, 3, 32, 32).expand(-1, 4, -1, -1, -1)
    torch.testing.assert_close(features(square, still[:, :2]), features(cubic, still), rtol=1e-4, atol=1e-5)


def test_joint_positions_from_separate_ones_start_alike_in_every_frame() -> None:
    source, joint = built(config()), built(config(positions=JOINT_POSITIONS))
    report = copy_matching(joint, source.state_dict())
    assert report.reshaped == ("st_embed",) and report.unexpected == ("temp_embed",)
    frames = joint.get_parameter("positions.space_time")[0, 1:].split(16)
    assert all(torch.equal(frame, source.get_parameter("positions.space")[0, 1:]) for frame in frames)
