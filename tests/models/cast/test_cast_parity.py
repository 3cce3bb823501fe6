"""CAST gives the logits of its authors' code for their weights, and trains the same parameters."""

from pathlib import Path

import pytest
import torch

from interface.sizes import ClipSize
from interface.targets import ClassTarget, VerbNounTarget
from models.cast.bottleneck import BottleneckExchange
from models.cast.clip_expert import ClipExpert
from models.cast.frame_expert import ImageExpert
from models.cast.model import CAST
from models.cast.released import released_names
from tests.parity.fixtures import TOLERANCE, Fixture, names


def built(fixture: Fixture) -> tuple[CAST.Config, CAST]:
    """Model of a fixture with random weights."""
    official = fixture.config
    sizes = {"width": official["embed_dim"], "depth": official["depth"], "heads": official["num_heads"]}
    config = CAST.Config(
        spatial=ImageExpert.Config(**sizes),
        temporal=ClipExpert.Config(**sizes),
        exchange=BottleneckExchange.Config(ratio=official["down_ratio"]),
    )
    match official["num_classes"]:
        case [nouns, verbs]:
            targets = VerbNounTarget(verbs, nouns)
        case num_classes:
            targets = ClassTarget(num_classes)
    return config, config.build(ClipSize(official["frames"], official["crop"], official["crop"]), targets)


@pytest.mark.parametrize("name", names("cast"))
def test_logits_are_those_of_the_authors_code(name: str, tmp_path: Path) -> None:
    fixture = Fixture(name)
    config, model = built(fixture)
    path = tmp_path / "mp_rank_00_model_states.pt"
    torch.save({"module": fixture.tensors, "epoch": 49}, path)
    report = config.load_released(model, path, ClipSize(16, 224, 224))
    assert len(report.matched) + len(report.reshaped) == len(fixture.tensors)
    logits = model.eval()(fixture.clip)
    if "logits" in fixture.content["outputs"]:
        expected = fixture.output("logits")
    else:
        expected = torch.cat([fixture.output("verb_logits"), fixture.output("noun_logits")], dim=1)
    assert (logits - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize("name", names("cast"))
def test_trained_parameters_are_those_of_the_authors(name: str) -> None:
    fixture = Fixture(name)
    _, model = built(fixture)
    theirs = released_names(model.state_dict())
    trained = {theirs[ours] for ours, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == set(fixture.content["trainable"])


@pytest.mark.parametrize(("targets", "count"), [(ClassTarget(400), 849), (VerbNounTarget(97, 300), 843)])
def test_released_files_have_as_many_tensors_as_the_model(targets: ClassTarget | VerbNounTarget, count: int) -> None:
    names = released_names(CAST.Config().on_meta(ClipSize(16, 224, 224), targets).state_dict())
    assert len(set(names.values())) == len(names) == count


def test_released_files_are_refused_by_other_models(tmp_path: Path) -> None:
    fixture = Fixture("cast_single_label")
    path = tmp_path / "cast.pt"
    torch.save({"module": fixture.tensors}, path)
    config, model = built(Fixture("cast_verb_noun"))
    with pytest.raises(ValueError, match=r"does not fit this model: it lacks .*head_verb"):
        config.load_released(model, path, ClipSize(16, 224, 224))
