"""Contract of all models: gradients of trained parameters, items that do not depend on each other, published costs."""

import itertools

import pytest
import torch

from interface.sizes import ClipSize, InputSize, TokenSequenceSize
from interface.targets import ClassTarget, Targets
from models.baselines.blvnet import BLVNet
from models.baselines.nonlocal_networks import NonLocalI3D, SlowFast
from models.baselines.tea import TEA
from models.baselines.timesformer import TimeSformerAttention
from models.cast.baselines import LoneExpert
from models.heads import LinearHead
from models.model import ModelConfig
from models.positions import JointPositions, SeparatePositions
from models.sequence.encoder import FirstToken
from models.tokens import CubicTokens, SquareTokens
from models.trunk import VideoViT
from tests.models.cast import cast_models
from tests.models.cast.cast_models import EVA, IMAGE, VIDEO
from tests.models.cast.test_cast_model import EXCHANGES
from tests.models.deform3d import deform_models
from tests.models.deform3d.test_deform_model import VARIANTS as DEFORM3D
from tests.models.framewise.test_framewise_model import SIZE as FRAMES
from tests.models.framewise.test_framewise_model import VARIANTS as FRAMEWISE
from tests.models.framewise.test_framewise_model import small as framewise
from tests.models.sequence.test_encoder import ENCODERS
from tests.models.test_trunk import APPROXIMATIONS, ATTENTIONS
from tests.models.vit_models import small as motionformer

TIMESFORMER = VideoViT.Config(
    tokens=SquareTokens.Config(), attention=TimeSformerAttention.Config(), head=LinearHead.Config()
)
CLIP, THREE = ClipSize(4, 32, 32), ClassTarget(3)


TOKENS = (CubicTokens.Config(patch=8), SquareTokens.Config(patch=8))
POSITIONS = (SeparatePositions.Config(), JointPositions.Config())
ROLES = ((IMAGE, IMAGE), (VIDEO, IMAGE), (VIDEO, VIDEO), (EVA, VIDEO))
MODELS: dict[str, tuple[ModelConfig, InputSize, Targets]] = {
    "blvnet": (BLVNet.Config().tiny(), CLIP, THREE),
    "tea": (TEA.Config().tiny(), CLIP, THREE),
    "i3d": (NonLocalI3D.Config().tiny(), ClipSize(8, 32, 48), THREE),
    "slowfast": (SlowFast.Config().tiny(), ClipSize(8, 32, 32), THREE),
    "timesformer": (TIMESFORMER.tiny(), ClipSize(4, 16, 16), THREE),
    "first token": (FirstToken.Config(), TokenSequenceSize(12, 20, pair=True), THREE),
    **{f"encoder, {name}": (config, TokenSequenceSize(256, 20), THREE) for name, config in ENCODERS.items()},
    **{
        f"motionformer {attention} {tokens} {positions}": (
            motionformer(attention=attention, tokens=tokens, positions=positions, drop_path=0.0),
            ClipSize(4, 16, 16),
            THREE,
        )
        for attention, tokens, positions in itertools.product((*ATTENTIONS, *APPROXIMATIONS), TOKENS, POSITIONS)
    },
    **{f"frame-wise, {name}": (framewise(config), FRAMES, THREE) for name, config in FRAMEWISE.items()},
    **{
        f"cast {exchange} {place}": (
            cast_models.small(spatial=spatial, temporal=temporal, exchange=exchange),
            cast_models.SIZE,
            cast_models.VERBS_AND_NOUNS,
        )
        for exchange in EXCHANGES
        for place, (spatial, temporal) in enumerate(((IMAGE, VIDEO), *ROLES))
    },
    "expert alone": (LoneExpert.Config(expert=VIDEO), cast_models.SIZE, THREE),
    **{
        f"deform3d, {name}": (deform_models.small(**settings), deform_models.SIZE, deform_models.LABELS)
        for name, settings in DEFORM3D.items()
    },
}
REACH_EVERY_VALUE = ("blvnet", "tea", "deform3d")  # no parameter is without influence by design
RECOMPUTED = ["deform3d, default"]
RECOMPUTED += [f"motionformer {each} {TOKENS[0]} {POSITIONS[0]}" for each in (*ATTENTIONS[2:], *APPROXIMATIONS)]
each_model = pytest.mark.parametrize("name", MODELS)


def randomized(name: str) -> torch.nn.Module:
    """Model whose vectors are not zero, so that no branch is."""
    torch.manual_seed(0)
    config, size, targets = MODELS[name]
    model = config.build(size, targets)
    for parameter in model.parameters():
        if parameter.ndim < 2:
            parameter.data = parameter.data + 0.2 * torch.randn_like(parameter)
    return model


@each_model
def test_trained_parameters_get_a_gradient_and_frozen_ones_none(name: str) -> None:
    _, size, targets = MODELS[name]
    model = randomized(name).train()
    logits = model(*size.example(2))
    assert logits.shape == (2, targets.num_outputs) and logits.isfinite().all()
    logits.square().sum().backward()
    assert not [key for key, p in model.named_parameters() if (p.grad is None) == p.requires_grad]
    if name.startswith(REACH_EVERY_VALUE):
        assert not [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]


@each_model
def test_logits_of_an_item_depend_on_no_other_item(name: str) -> None:
    model, (_, size, _) = randomized(name).eval(), MODELS[name]
    inputs = size.example(3)
    with torch.no_grad():
        alone = torch.cat([model(*(one[item : item + 1] for one in inputs)) for item in (2, 0, 1)])
        torch.testing.assert_close(alone, model(*inputs)[[2, 0, 1]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", RECOMPUTED)
def test_recomputation_repeats_random_numbers_and_changes_no_gradient(name: str) -> None:
    model, (_, size, _) = randomized(name).train(), MODELS[name]
    inputs, gradients = size.example(2), []
    for on in (False, True):
        model.recompute(on)  # type: ignore[operator]
        torch.manual_seed(1)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        gradients.append(torch.autograd.grad(model(*inputs).square().sum(), trained))
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


# fmt: off
K400, LISTOPS = ClassTarget(400), (TokenSequenceSize(2048, 32), ClassTarget(10))
#     model                          size                        targets   views  10^9 multiply-adds  10^6 parameters
COSTS: list[tuple[ModelConfig, InputSize, Targets, int, float, float, float]] = [
    (BLVNet.Config(),                 ClipSize(48, 256, 256),    K400,             1,   93.5,  0.005,  25.5),
    (BLVNet.Config(),                 ClipSize(48, 256, 256),    K400,             9,  840,    0.002,  25.5),
    (TEA.Config(),                    ClipSize(16, 224, 224),    ClassTarget(1000), 1,  69.1,  0.01,  26.1),
    (TEA.Config(),                    ClipSize(16, 224, 224),    ClassTarget(1000), 30, 2100,  0.02,  26.1),
    (NonLocalI3D.Config(),            ClipSize(128, 256, 256),   K400,             30, 10800,  0.005, 54.3),
    (NonLocalI3D.Config(),            ClipSize(128, 256, 256),   K400,             1,  359,    0.005, 54.3),
    (NonLocalI3D.Config(depth=50),    ClipSize(128, 256, 256),   K400,             1,  282,    0.005, 35.3),
    (SlowFast.Config(),               ClipSize(32, 256, 256),    K400,             30, 3480,   0.02,  59.9),
    (TIMESFORMER,                     ClipSize(96, 224, 224),    K400,             3,  7140,   0.002, 121.6),
    (ENCODERS["exact"],               *LISTOPS,                                    1,  1.2106, 4e-5,  0.209802),
]
# fmt: on


@pytest.mark.parametrize(("config", "size", "targets", "views", "macs", "tolerance", "parameters"), COSTS, ids=str)
def test_the_cost_is_the_published_one(
    config: ModelConfig, size: InputSize, targets: Targets, views: int, macs: float, tolerance: float, parameters: float
) -> None:
    cost = config.cost(size, targets)
    assert views * cost.macs / 1e9 == pytest.approx(macs, rel=tolerance)
    assert cost.parameters / 1e6 == pytest.approx(parameters, rel=min(tolerance, 0.005))


@pytest.mark.parametrize(
    ("name", "gflops"),
    [("nystromformer", 0.6179), ("performer", 0.4897), ("orthoformer", 0.2370), ("orthoformer of queries", 0.2205),
     ("linformer", 0.4053)],
)  # fmt: skip
def test_costs_of_encoders_follow_from_their_approximation(name: str, gflops: float) -> None:
    assert ENCODERS[name].macs(*LISTOPS) / 1e9 == pytest.approx(gflops, abs=5e-5)


@pytest.mark.parametrize(("frames", "macs"), [(96, 2379.9), (8, 195.8)])
def test_the_cost_of_timesformer_grows_with_its_frames_as_published(frames: int, macs: float) -> None:
    assert TIMESFORMER.macs(ClipSize(frames, 224, 224), K400) / 1e9 == pytest.approx(macs, rel=0.003)
