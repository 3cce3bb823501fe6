"""Files of pretrained experts load completely, in every layout in which they are published."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.cast.baselines import LoneExpert
from models.cast.clip_expert import FixedPositionsConfig, SequencePositions, SpaceTimePositions
from models.cast.expert import Expert, ExpertConfig, ExpertFile
from models.cast.model import CAST
from models.tokens import Grid
from tests.models.cast.cast_models import EVA, IMAGE, SIZE, VERBS_AND_NOUNS, VIDEO, clips, randomized, small

MVD = replace(VIDEO, positions=SpaceTimePositions.Config())


def expert_and_tensors(config: ExpertConfig) -> tuple[Expert, dict[str, Tensor]]:
    """Expert with random weights of half precision, and these under the names of timm or of VideoMAE."""
    expert = randomized(config.build(SIZE)).half().float()
    return expert, {name.removeprefix("vit."): tensor for name, tensor in expert.state_dict().items()}


# Parts of names in timm's EVA, and in that of its authors.
EVA_NAMES = {
    "q_proj.bias": "q_bias", "v_proj.bias": "v_bias", "attn.norm": "attn.inner_attn_ln", "fc1_g": "w1",
    "fc1_x": "w2", "mlp.norm": "mlp.ffn_ln", "fc2": "w3",
}  # fmt: skip
# Parts of names in timm's CLIP, and in that of OpenAI.
OPENAI_NAMES = {
    "cls_token": "class_embedding", "pos_embed": "positional_embedding", "patch_embed.proj": "conv1",
    "blocks": "transformer.resblocks", "norm_pre": "ln_pre", "norm1": "ln_1", "norm2": "ln_2", "norm.": "ln_post.",
    "attn.qkv.": "attn.in_proj_", "attn.proj": "attn.out_proj", "fc1": "c_fc", "fc2": "c_proj",
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


def openai_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of timm's CLIP in the layout of OpenAI."""
    named = renamed(tensors, OPENAI_NAMES)
    embeddings = {name: named[name].squeeze() for name in ("class_embedding", "positional_embedding")}
    return named | embeddings


def mae_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of an expert of clips in the layout of VideoMAE."""
    return renamed({name: tensor for name, tensor in tensors.items() if not name.startswith("norm.")}, MAE_NAMES)


def zeros(*names: str) -> dict[str, Tensor]:
    """Tensors of a file that no expert has."""
    return {name: torch.zeros(48) for name in names}


HEAD = zeros("head.weight", "head.bias")


def of_eva(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    file = renamed(tensors, EVA_NAMES) | zeros("rope.freqs_cos", "head.weight")
    return {f"visual.{name}": tensor for name, tensor in file.items()}


def openai_with_text(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    file = {f"visual.{name}": tensor.half() for name, tensor in openai_names(tensors).items()}
    return file | zeros("visual.proj", "token_embedding.weight")


def pretrained_videomae(tensors: dict[str, Tensor]) -> dict[str, object]:
    file = {f"encoder.{name}": tensor for name, tensor in mae_names(tensors).items()}
    file |= zeros("encoder.norm.weight", "encoder.norm.bias", "decoder.blocks.0.norm1.weight", "mask_token")
    return {"model": file | zeros("encoder_to_decoder.weight"), "epoch": 1599}


def fine_tuned_videomae(tensors: dict[str, Tensor]) -> dict[str, object]:
    return {"module": mae_names(tensors) | zeros("fc_norm.weight", "fc_norm.bias") | HEAD}


def pretrained_mvd(tensors: dict[str, Tensor]) -> dict[str, object]:
    """Student of MVD: no prefix, with the positions and two decoders."""
    file = mae_names(tensors) | zeros("norm.weight", "norm.bias")
    file["pos_embed"] = SpaceTimePositions.Config().build(48, MVD.layout(SIZE).grid).table
    parts = ("mask_token_{}", "pos_embed_{}", "down_{}.weight", "decoder_{}.weight")
    return {"model": file | zeros(*(part.format(kind) for part in parts for kind in ("img", "vid")))}


# Expert, and the content of a published file of its tensors.
LAYOUTS: dict[str, tuple[ExpertConfig, Callable[[dict[str, Tensor]], Mapping[str, object]]]] = {
    "clip of timm": (IMAGE, lambda tensors: tensors | HEAD),
    "vit of timm": (replace(IMAGE, pre_norm=False, quick_gelu=False), lambda tensors: tensors | HEAD),
    "eva of timm": (EVA, lambda tensors: tensors | HEAD),
    "eva of its authors": (EVA, of_eva),
    "openai": (IMAGE, lambda tensors: openai_names(tensors) | zeros("proj")),
    "openai with text": (IMAGE, openai_with_text),
    "pretrained videomae": (VIDEO, pretrained_videomae),
    "fine-tuned videomae": (VIDEO, fine_tuned_videomae),
    "pretrained mvd": (MVD, pretrained_mvd),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_published_files_load_in_every_layout(name: str, tmp_path: Path) -> None:
    config, content = LAYOUTS[name]
    expert, tensors = expert_and_tensors(config)
    loaded = config.build(SIZE).eval()
    torch.save(content(tensors), tmp_path / "published.pth")
    config.load(loaded, tmp_path / "published.pth")
    starts_anew = {f"vit.norm.{part}" for part in ("weight", "bias")} if name.endswith(("videomae", "mvd")) else set()
    for key, tensor in loaded.state_dict().items():
        if key in starts_anew:  # as in the released loader
            assert (tensor == key.endswith("weight")).all()
        else:
            torch.testing.assert_close(tensor, expert.state_dict()[key], msg=key)


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


def test_files_with_other_positions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mvd.pth"
    torch.save(pretrained_mvd(expert_and_tensors(MVD)[1]), path)
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
