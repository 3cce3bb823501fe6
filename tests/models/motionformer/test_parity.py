"""Small checkpoints in the released format load completely and give the logits of the authors' code."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.nystromformer import Nystromformer
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from models.motionformer.weights import INITIAL_STD, load_motionformer
from models.positions import JointPositions, SeparatePositions
from models.tensors import LoadReport
from models.tokens import CubicTokens, SquareTokens
from tests.parity.fixtures import TOLERANCE, Fixture, names

# Attention, approximation, and whether values are unprojected (None for attentions without this choice).
ATTENTIONS: dict[tuple[str, str, bool | None], MixerConfig] = {
    ("joint", "none", None): JointAttention.Config(),
    ("divided", "none", None): DividedAttention.Config(),
    ("trajectory", "none", True): TrajectoryAttention.Config(),
    ("trajectory", "none", False): TrajectoryAttention.Config(project_values=True),
    ("trajectory", "nystrom", True): TrajectoryAttention.Config(approximation=Nystromformer.Config()),
}
VERBS_AND_NOUNS = "motionformer_ek_trajectory"


def built(config: dict, num_classes: int) -> Motionformer:
    """Model with the settings of a fixture."""
    attention = ATTENTIONS[config["attention"], config["approx"], config.get("original_v")]
    return (
        Motionformer.Config(
            width=config["embed_dim"],
            depth=config["depth"],
            heads=config["num_heads"],
            tokens=CubicTokens.Config() if config["tubelet"] == 2 else SquareTokens.Config(),
            positions=JointPositions.Config() if config["pos_embed"] == "joint" else SeparatePositions.Config(side=14),
            attention=attention,
        )
        .build(ClipSize(config["frames"], config["crop"], config["crop"]), ClassTarget(num_classes))
        .eval()
    )


def loaded(model: Motionformer, weights: dict[str, Tensor], folder: Path) -> LoadReport:
    """Report of loading weights from a file in the released format."""
    file = folder / "released.pyth"
    cfg = "TRAIN:\n  DATASET: kinetics\n"
    torch.save({"epoch": 34, "model_state": weights, "optimizer_state": {"state": {}}, "cfg": cfg}, file)
    return load_motionformer(model, file, INITIAL_STD)


@pytest.mark.parametrize("name", [name for name in names("motionformer") if name != VERBS_AND_NOUNS])
def test_a_released_checkpoint_loads_completely_and_has_the_authors_logits(name: str, tmp_path: Path) -> None:
    fixture = Fixture(name)
    model = built(fixture.config, fixture.config["num_classes"])
    report = loaded(model, fixture.tensors, tmp_path)
    assert report.missing == () and report.reshaped == ()
    assert sorted(report.unexpected) == fixture.content["unread"]
    assert sorted([*report.matched, *report.unexpected]) == sorted(fixture.tensors)
    with torch.no_grad():
        logits = model(fixture.clip)
    torch.testing.assert_close(logits, fixture.output("logits"), rtol=0, atol=TOLERANCE)


def test_verb_and_noun_classifiers_load_as_one(tmp_path: Path) -> None:
    fixture = Fixture(VERBS_AND_NOUNS)
    counts = fixture.config["num_classes"]
    model = built(fixture.config, sum(counts))
    report = loaded(model, fixture.tensors, tmp_path)
    assert report.missing == () and sorted(report.reshaped) == ["head.bias", "head.weight"]
    assert sorted(report.unexpected) == fixture.content["unread"]
    with torch.no_grad():
        verbs, nouns = model(fixture.clip).split(counts, dim=1)
    torch.testing.assert_close(verbs, fixture.output("logits0"), rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(nouns, fixture.output("logits1"), rtol=0, atol=TOLERANCE)


def test_projected_and_unprojected_values_have_different_logits(tmp_path: Path) -> None:
    fixture = Fixture("motionformer_trajectory")
    model = built(fixture.config | {"original_v": False}, 11)
    loaded(model, fixture.tensors, tmp_path)
    with torch.no_grad():
        assert (model(fixture.clip) - fixture.output("logits")).abs().max() > 1e-2
