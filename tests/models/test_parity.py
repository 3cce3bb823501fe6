"""Small checkpoints in the released formats load completely and give the logits of the authors' code."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from interface.sizes import ClipSize
from interface.targets import ClassTarget, Targets, VerbNounTarget
from models.cast.model import CAST
from models.cast.released import released_names
from models.framewise.model import FrameMeanHead
from models.mixers.trajectory import TrajectoryAttention
from models.model import Model, ModelConfig
from models.motionformer.model import Motionformer
from models.msca.attention import HeadShift
from models.msca.model import MSCA, FramewiseConfig
from models.tensors import LoadReport
from models.xvit.model import XViT
from tests.parity import models
from tests.parity.fixtures import TOLERANCE, Fixture, names

MODELS = [name for name in names("") if not name.startswith("orthoformer")]
FRAMEWISE = ("framewise_vit_8frames", "tokshift_8frames")


def config_of(name: str) -> ModelConfig:
    """Model with the settings of a fixture."""
    return models.config_of(Fixture(name).config)


def targets_of(name: str) -> Targets:
    match Fixture(name).config["num_classes"]:
        case [first, second]:
            return VerbNounTarget(second, first) if name.startswith("cast") else VerbNounTarget(first, second)
        case num_classes:
            return ClassTarget(num_classes)


def size_of(name: str) -> ClipSize:
    settings = Fixture(name).config
    return ClipSize(settings["frames"], settings["crop"], settings["crop"])


def saved(name: str, tensors: dict[str, Tensor], folder: Path) -> Path:
    """File in the format of the paper's releases."""
    content: dict[str, object] = {"epoch": 34, "model_state": tensors, "optimizer_state": {}, "cfg": "DATA:\n  A: 1\n"}
    if name.startswith("cast"):
        content = {"module": tensors, "epoch": 49}
    elif name in FRAMEWISE:
        state = {f"module.{key}": tensor for key, tensor in tensors.items()}
        content = {"epoch": 18, "state_dict": state, "best_acc1": 77.28, "optimizer": {"state": {}}}
    torch.save(content, folder / "released.pyth")
    return folder / "released.pyth"


def loaded(
    name: str, folder: Path, config: ModelConfig | None = None, changes: dict[str, Tensor] | None = None
) -> tuple[Model, LoadReport]:
    """Model with the weights of a fixture, by default of its own config."""
    config = config or config_of(name)
    model = config.build(size_of(name), targets_of(name)).eval()
    path = saved(name, Fixture(name).tensors | (changes or {}), folder)
    return model, config.load_released(model, path, size_of(name))


@pytest.mark.parametrize("name", MODELS)
def test_a_released_checkpoint_loads_completely_and_has_the_authors_logits(name: str, tmp_path: Path) -> None:
    fixture = Fixture(name)
    model, report = loaded(name, tmp_path)
    unread = ["new_fc.bias", "new_fc.weight"] if name.startswith("xvit") else fixture.content.get("unread", [])
    assert report.missing == () and sorted(report.unexpected) == sorted(unread)
    if name in FRAMEWISE:
        assert len(report.reshaped) == 2 * fixture.config["depth"]  # joint projections
    elif name.startswith("motionformer"):
        assert sorted(report.reshaped) == (["head.bias", "head.weight"] if "_ek_" in name else [])
    else:
        assert len(report.matched) + len(report.reshaped) + len(unread) == len(fixture.tensors)
    outputs = fixture.content["outputs"]
    parts = next(
        parts for parts in (("logits",), ("logits0", "logits1"), ("verb_logits", "noun_logits")) if parts[0] in outputs
    )
    with torch.inference_mode():
        logits = model(fixture.clip)
    torch.testing.assert_close(
        logits, torch.cat([fixture.output(part) for part in parts], dim=1), rtol=0, atol=TOLERANCE
    )


def test_projected_and_unprojected_values_have_different_logits(tmp_path: Path) -> None:
    name = "motionformer_trajectory"
    config = config_of(name)
    assert isinstance(config, Motionformer.Config)
    model, _ = loaded(name, tmp_path, replace(config, attention=TrajectoryAttention.Config(project_values=True)))
    with torch.no_grad():
        assert (model(Fixture(name).clip) - Fixture(name).output("logits")).abs().max() > 1e-2


@pytest.mark.parametrize("name", FRAMEWISE)
def test_files_of_both_frame_wise_models_load_into_msca(name: str, tmp_path: Path) -> None:
    sizes = {"width": 96, "depth": Fixture(name).config["depth"], "heads": Fixture(name).config["num_heads"]}
    unshifted = HeadShift.Config(past_heads=0, future_heads=0)
    logits = []
    for config in (
        FramewiseConfig(**sizes),
        MSCA.Config(**sizes, attention=unshifted),
        MSCA.Config(**sizes, attention=HeadShift.Config()),
    ):
        model, report = loaded(name, tmp_path, config)
        assert report.missing == report.unexpected == ()
        with torch.inference_mode():
            logits.append(model(Fixture(name).clip))
    torch.testing.assert_close(logits[1], logits[0], atol=1e-6, rtol=0)
    assert (logits[2] - logits[0]).abs().max() > 1e-3


KEY = "base_model.transformer.encoder.layer.0.attn.key.weight"


@pytest.mark.parametrize(
    "key", [torch.zeros(()), torch.zeros(5), torch.zeros(8, 7), torch.zeros(4, 3, 2), torch.zeros(96, 96).long()]
)
def test_projections_that_do_not_fit_together_are_refused(key: Tensor, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"lacks .*\.0\.attn\.qkv\.weight; it has .*\.0\.attn\.query\.weight"):
        loaded(FRAMEWISE[0], tmp_path, changes={KEY: key})


def test_the_classifier_of_single_frames_is_used_with_the_mean_of_frames(tmp_path: Path) -> None:
    name = "xvit_div4_8frames"
    config, tensors = config_of(name), Fixture(name).tensors
    assert isinstance(config, XViT.Config)
    config = replace(config, head=FrameMeanHead.Config())
    with pytest.raises(ValueError, match=r"it has consensus\.cls_token, .*which the model does not have"):
        loaded(name, tmp_path, config)  # a model with temporal attention does not train it
    averaged = {key: tensor for key, tensor in tensors.items() if not key.startswith("consensus.")}
    model = config.build(size_of(name), targets_of(name))
    report = config.load_released(model, saved(name, averaged, tmp_path), size_of(name))
    assert report.missing == report.unexpected == ()
    torch.testing.assert_close(model.state_dict()["head.classifier.weight"], tensors["new_fc.weight"])


@pytest.mark.parametrize("time", [torch.zeros(8), torch.zeros(1, 8, 2, 24), torch.zeros(2, 8, 1, 24)])
def test_positions_in_time_of_another_shape_are_refused(time: Tensor, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"of another shape: base_model\.temp_embed"):
        loaded("xvit_div4_8frames", tmp_path, changes={"base_model.temp_embed": time})


@pytest.mark.parametrize("name", names("cast"))
def test_trained_parameters_of_cast_are_those_of_the_authors(name: str) -> None:
    model = config_of(name).build(size_of(name), targets_of(name))
    theirs = released_names(model.state_dict())
    trained = {theirs[ours] for ours, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == set(Fixture(name).content["trainable"])


@pytest.mark.parametrize(("targets", "count"), [(ClassTarget(400), 849), (VerbNounTarget(97, 300), 843)])
def test_released_files_of_cast_have_as_many_tensors_as_the_model(targets: Targets, count: int) -> None:
    names = released_names(CAST.Config().on_meta(ClipSize(16, 224, 224), targets).state_dict())
    assert len(set(names.values())) == len(names) == count


def test_released_files_of_cast_are_refused_by_other_models(tmp_path: Path) -> None:
    config, name = config_of("cast_verb_noun"), "cast_single_label"
    model = config.build(size_of(name), targets_of("cast_verb_noun"))
    with pytest.raises(ValueError, match=r"does not fit this model: it lacks .*head_verb"):
        config.load_released(model, saved(name, Fixture(name).tensors, tmp_path), size_of(name))
