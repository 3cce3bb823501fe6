"""Files of pretrained experts load completely, in every layout in which they are published."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.cast.baselines import LoneExpert
from models.cast.clip_expert import FixedPositionsConfig, SequencePositions, SpaceTimePositions
from models.cast.expert import Expert, ExpertConfig, ExpertFile
from models.cast.frame_expert import EvaExpert
from models.cast.model import CAST
from models.tokens import Grid
from tests.models.cast.cast_models import SIZE, VERBS_AND_NOUNS, clips, randomized, small

IMAGE, VIDEO = small().spatial, small().temporal
EVA = EvaExpert.Config(width=48, depth=3, heads=4)
MVD = replace(VIDEO, positions=SpaceTimePositions.Config())


def expert_and_tensors(config: ExpertConfig) -> tuple[Expert, dict[str, Tensor]]:
    """Expert with random weights, and these under the names of timm or of VideoMAE."""
    expert = randomized(config.build(SIZE))
    return expert, {name.removeprefix("vit."): tensor for name, tensor in expert.state_dict().items()}


def openai_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of timm's CLIP in the layout of OpenAI, written out by hand."""
    names = {
        "cls_token": "class_embedding",
        "pos_embed": "positional_embedding",
        "patch_embed.proj.weight": "conv1.weight",
    }
    parts = {"norm_pre": "ln_pre", "norm": "ln_post"}
    inner = {
        "norm1.weight": "ln_1.weight", "norm1.bias": "ln_1.bias",
        "norm2.weight": "ln_2.weight", "norm2.bias": "ln_2.bias",
        "attn.qkv.weight": "attn.in_proj_weight", "attn.qkv.bias": "attn.in_proj_bias",
        "attn.proj.weight": "attn.out_proj.weight", "attn.proj.bias": "attn.out_proj.bias",
        "mlp.fc1.weight": "mlp.c_fc.weight", "mlp.fc1.bias": "mlp.c_fc.bias",
        "mlp.fc2.weight": "mlp.c_proj.weight", "mlp.fc2.bias": "mlp.c_proj.bias",
    }  # fmt: skip
    out = {}
    for name, tensor in tensors.items():
        head, _, rest = name.partition(".")
        if head == "blocks":
            index, _, part = rest.partition(".")
            out[f"transformer.resblocks.{index}.{inner[part]}"] = tensor
        elif head in parts:
            out[f"{parts[head]}.{rest}"] = tensor
        else:
            out[names[name]] = tensor.squeeze(0).squeeze(0) if name == "cls_token" else tensor
            out[names[name]] = out[names[name]].squeeze(0) if name == "pos_embed" else out[names[name]]
    return out


# Parts of names in timm's EVA, and in that of its authors.
EVA_NAMES = {
    "q_proj.bias": "q_bias", "v_proj.bias": "v_bias", "attn.norm": "attn.inner_attn_ln", "fc1_g": "w1",
    "fc1_x": "w2", "mlp.norm": "mlp.ffn_ln", "fc2": "w3",
}  # fmt: skip
# Parts of names in an expert of clips, and in VideoMAE.
MAE_NAMES = {"tokens.projection": "patch_embed.proj", "norms.0": "norm1", "mixers.0": "attn", "mlp_norm": "norm2"}


def renamed(tensors: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    out = {}
    for name, tensor in tensors.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        out[name] = tensor
    return out


def mae_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of an expert of clips in the layout of VideoMAE."""
    return renamed({name: tensor for name, tensor in tensors.items() if not name.startswith("norm.")}, MAE_NAMES)


def check_loaded(config: ExpertConfig, expert: Expert, path: Path, *, norm: bool = True) -> None:
    """Check that a file gives the tokens of the expert that it was made from."""
    loaded = config.build(SIZE).eval()
    config.load(loaded, path)
    for name, tensor in expert.state_dict().items():
        if norm or not name.startswith("vit.norm."):
            torch.testing.assert_close(loaded.state_dict()[name], tensor, msg=name)


@pytest.mark.parametrize("config", [IMAGE, replace(IMAGE, pre_norm=False, quick_gelu=False), EVA])
def test_files_of_timm_load(config: ExpertConfig, tmp_path: Path) -> None:
    expert, tensors = expert_and_tensors(config)
    save_file(
        {**tensors, "head.weight": torch.zeros(5, 48), "head.bias": torch.zeros(5)}, tmp_path / "timm.safetensors"
    )
    check_loaded(config, expert, tmp_path / "timm.safetensors")


@pytest.mark.parametrize("prefix", ["", "visual."])
def test_plain_state_dicts_of_clip_load_in_half_precision(prefix: str, tmp_path: Path) -> None:
    expert, tensors = expert_and_tensors(IMAGE)
    for tensor in expert.state_dict().values():
        tensor.copy_(tensor.half())
    file = {prefix + name: tensor.half() for name, tensor in openai_names(tensors).items()}
    file[f"{prefix}proj"] = torch.zeros(48, 8)
    if prefix:
        file["token_embedding.weight"] = torch.zeros(10, 8)  # of the text encoder
    torch.save(file, tmp_path / "ViT-B-16.pt")
    check_loaded(IMAGE, expert, tmp_path / "ViT-B-16.pt")


def test_files_of_the_authors_of_eva_load(tmp_path: Path) -> None:
    expert, tensors = expert_and_tensors(EVA)
    file = {**renamed(tensors, EVA_NAMES), "rope.freqs_cos": torch.zeros(4, 12), "head.weight": torch.zeros(8, 48)}
    torch.save({f"visual.{name}": tensor for name, tensor in file.items()}, tmp_path / "eva.pt")
    check_loaded(EVA, expert, tmp_path / "eva.pt")


def test_pretrained_files_of_videomae_load_without_their_decoder(tmp_path: Path) -> None:
    expert, tensors = expert_and_tensors(VIDEO)
    file = {f"encoder.{name}": tensor for name, tensor in mae_names(tensors).items()}
    file |= {f"encoder.norm.{part}": torch.zeros(48) for part in ("weight", "bias")}
    file |= {"decoder.blocks.0.norm1.weight": torch.zeros(24), "mask_token": torch.zeros(1, 1, 24)}
    file["encoder_to_decoder.weight"] = torch.zeros(24, 48)
    torch.save({"model": file, "epoch": 1599}, tmp_path / "checkpoint.pth")
    check_loaded(VIDEO, expert, tmp_path / "checkpoint.pth", norm=False)


def test_fine_tuned_files_of_videomae_load_without_their_classifier(tmp_path: Path) -> None:
    expert, tensors = expert_and_tensors(VIDEO)
    file = {**mae_names(tensors), "fc_norm.weight": torch.zeros(48), "fc_norm.bias": torch.zeros(48)}
    file |= {"head.weight": torch.zeros(400, 48), "head.bias": torch.zeros(400)}
    torch.save({"module": file}, tmp_path / "checkpoint.pth")
    check_loaded(VIDEO, expert, tmp_path / "checkpoint.pth", norm=False)
    loaded = VIDEO.build(SIZE)
    VIDEO.load(loaded, tmp_path / "checkpoint.pth")
    assert (loaded.state_dict()["vit.norm.weight"] == 1).all()  # as in the released loader, the norm starts anew


def test_a_fine_tuned_classifier_of_videomae_loads_as_an_expert_alone(tmp_path: Path) -> None:
    config = LoneExpert.Config(expert=VIDEO)
    model = randomized(config.build(SIZE, VERBS_AND_NOUNS))
    expert = {name.removeprefix("vit."): tensor for name, tensor in model.stream.expert.state_dict().items()}
    file = {**mae_names(expert), "head.weight": model.head.weight.data, "head.bias": model.head.bias.data}
    file |= {f"fc_norm.{part}": expert[f"norm.{part}"] for part in ("weight", "bias")}
    torch.save({"module": file}, tmp_path / "checkpoint.pth")
    loaded = config.build(SIZE, VERBS_AND_NOUNS).eval()
    config.load_released(loaded, tmp_path / "checkpoint.pth", SIZE)
    torch.testing.assert_close(loaded(clips()), model(clips()))
    with pytest.raises(ValueError, match="released checkpoints of LoneExpert"):
        LoneExpert.Config(expert=IMAGE).load_released(loaded, tmp_path / "checkpoint.pth", SIZE)


def mvd_file(tensors: dict[str, Tensor], path: Path) -> Path:
    """Pretrained student of MVD: no prefix, with the positions and two decoders."""
    positions = SpaceTimePositions.Config().build(48, MVD.layout(SIZE).grid).table
    file = {**mae_names(tensors), "norm.weight": torch.zeros(48), "norm.bias": torch.zeros(48), "pos_embed": positions}
    file |= {f"{name}_{kind}": torch.zeros(1, 1, 4) for name in ("mask_token", "pos_embed") for kind in ("img", "vid")}
    file |= {f"{name}_{kind}.weight": torch.zeros(4) for name in ("down", "decoder") for kind in ("img", "vid")}
    torch.save({"model": file}, path)
    return path


def test_pretrained_files_of_mvd_load(tmp_path: Path) -> None:
    expert, tensors = expert_and_tensors(MVD)
    check_loaded(MVD, expert, mvd_file(tensors, tmp_path / "mvd.pth"), norm=False)


def test_files_with_other_positions_are_refused(tmp_path: Path) -> None:
    _, tensors = expert_and_tensors(MVD)
    path = mvd_file(tensors, tmp_path / "mvd.pth")
    with pytest.raises(ValueError, match=r"mvd\.pth has other fixed positions \(pos_embed\) than this expert"):
        VIDEO.load(VIDEO.build(SIZE), path)


def files(folder: Path) -> tuple[ExpertConfig, ExpertConfig]:
    """Both experts with a file each."""
    for config, name in ((IMAGE, "clip.pth"), (VIDEO, "videomae.pth")):
        _, tensors = expert_and_tensors(config)
        torch.save(tensors if config is IMAGE else mae_names(tensors), folder / name)
    with_file = (
        replace(c, init=ExpertFile.Config(name=n, source="a page"))
        for c, n in ((IMAGE, "clip.pth"), (VIDEO, "videomae.pth"))
    )
    spatial, temporal = with_file
    return spatial, temporal


def test_an_untrained_model_is_its_two_pretrained_experts(tmp_path: Path) -> None:
    spatial, temporal = files(tmp_path)
    config = small(spatial=spatial, temporal=temporal)
    model = config.build(SIZE, VERBS_AND_NOUNS).eval()
    reports = config.initialise(model, tmp_path)
    assert [report.source for report in reports] == ["clip.pth", "videomae.pth"] and config.pretrained
    alone = LoneExpert.Config(expert=temporal)
    expert = alone.build(SIZE, VERBS_AND_NOUNS).eval()
    alone.initialise(expert, tmp_path)
    assert isinstance(model, CAST)
    torch.testing.assert_close(model.head.verb(expert.features(clips())), model(clips())[:, :5])  # type: ignore[operator]


def test_a_missing_file_is_named_with_its_page(tmp_path: Path) -> None:
    config = small(temporal=replace(VIDEO, init=ExpertFile.Config(name="videomae.pth", source="https://example.org")))
    with pytest.raises(FileNotFoundError, match=r"no videomae\.pth here: get it from https://example\.org, save it as"):
        config.initialise(config.build(SIZE, VERBS_AND_NOUNS), tmp_path)


@pytest.mark.parametrize("config", [SequencePositions.Config(), SpaceTimePositions.Config()])
def test_positions_of_a_pretraining_are_resized_bicubically_within_each_frame(config: FixedPositionsConfig) -> None:
    grid, learnt = Grid(2, 3, 3), Grid(2, 6, 6)
    own, of_pretraining = (config.build(48, one)(one)[0].unflatten(0, tuple(one)) for one in (grid, learnt))
    # Half as many rows: each is the mean of four, with weights of the cubic at distances of 1.5, 0.5, 0.5 and 1.5.
    halved = torch.zeros(3, 6)
    for row, (distance, weight) in product(
        range(3), zip((-1, 0, 1, 2), (-3 / 32, 19 / 32, 19 / 32, -3 / 32), strict=True)
    ):
        halved[row, min(max(2 * row + distance, 0), 5)] += weight
    resized = replace(config, side=6).build(48, grid)(grid)[0].unflatten(0, tuple(grid))  # (T, rows, columns, D)
    torch.testing.assert_close(resized, torch.einsum("ir,jc,trcd->tijd", halved, halved, of_pretraining))
    assert not resized.allclose(own, atol=0.01)
    assert replace(config, side=6).build(48, learnt)(learnt)[0].unflatten(0, tuple(learnt)).equal(of_pretraining)
