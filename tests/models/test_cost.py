import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import motionformer as reference
from interface.sizes import ClipSize
from interface.targets import ClassTarget, VerbNounTarget
from models.cost import executed_macs, num_parameters
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from models.positions import JointPositions, SeparatePositions
from models.tokens import CubicTokens, SquareTokens
from models.trunk import VideoViT

SQUARE, AT_14 = SquareTokens.Config(), SeparatePositions.Config(side=14)
JOINT, DIVIDED, AVERAGE, PROJECTED = (
    JointAttention.Config(),
    DividedAttention.Config(),
    TrajectoryAttention.Config(temporal="average"),
    TrajectoryAttention.Config(project_values=True),
)
# fmt: off
#                   model                                                frames crop  counted  parameters
MODELS = {
    "joint square": (Motionformer.Config(attention=JOINT, tokens=SQUARE),         8, 224,  179.714,  87.294),
    "joint":        (Motionformer.Config(attention=JOINT),                       16, 224,  180.639,  87.883),
    "divided":      (Motionformer.Config(attention=DIVIDED),                     16, 224,  185.769, 116.250),
    "average":      (Motionformer.Config(attention=AVERAGE),                     16, 224,  180.610,  87.883),
    "square":       (Motionformer.Config(tokens=SQUARE),                          8, 224,  368.582, 108.555),
    "trajectory":   (Motionformer.Config(),                                      16, 224,  369.507, 109.145),
    "joint st":     (Motionformer.Config(positions=JointPositions.Config()),     16, 224,  369.507, 110.344),
    "L":            (Motionformer.Config(),                                      32, 224, 1185.195, 109.151),
    "HR":           (Motionformer.Config(positions=AT_14),                       16, 336,  958.754, 109.145),
}
# fmt: on
TARGET = ClassTarget(400)
PAPERS_CLIP = ClipSize(16, 224, 224)
each_model = pytest.mark.parametrize("name", MODELS)


def four_digits(macs: int) -> int:
    """Multiply-adds as fvcore counts those of an einsum: from numpy's printed FLOPs, which have four digits."""
    return int(float(f"{2 * macs:.3e}") / 2)


def einsums(config: Motionformer.Config, frames: int, crop: int) -> list[int]:
    """Multiply-adds of each einsum in a block of the authors' code."""
    grid = config.tokens.grid(frames, crop, crop)
    n, T, S, D = grid.tokens, grid.frames, grid.patches, config.width
    match config.attention:
        case DividedAttention.Config():
            return [(1 + n) * D] * 4 + [n * (T + 1) * D] * 2 + [n * (S + 1) * D] * 2
        case TrajectoryAttention.Config(temporal="attention"):
            return [(1 + n) * D] * 2 + [n * n * D] + [n * T * D] * 2
        case _:
            return []


@each_model
def test_macs_are_those_that_fvcore_counts_in_the_authors_code(name: str) -> None:
    config, frames, crop, counted, _ = MODELS[name]
    rounding = config.depth * sum(four_digits(macs) - macs for macs in einsums(config, frames, crop))
    macs = config.cost(ClipSize(frames, crop, crop), TARGET).macs + rounding
    assert macs / 1e9 == pytest.approx(counted, abs=0.0006)


# As fvcore counts them in the released code; the paper does not print them.
@pytest.mark.parametrize(
    ("approximation", "counted"),
    [(Orthoformer.Config(), 346.37), (Nystromformer.Config(), 355.64), (Performer.Config(), 365.46)],
    ids=["orthoformer", "nystromformer", "performer"],
)
def test_macs_of_the_approximations_are_those_of_the_released_code(
    approximation: Orthoformer.Config | Nystromformer.Config | Performer.Config, counted: float
) -> None:
    config = Motionformer.Config(attention=TrajectoryAttention.Config(approximation=approximation))
    macs, parameters, _ = config.cost(PAPERS_CLIP, TARGET)
    assert macs / 1e9 == pytest.approx(counted, abs=0.006)
    assert config.executed_macs(PAPERS_CLIP, TARGET) < 0.52 * macs
    assert parameters / 1e6 == pytest.approx(109.145, abs=0.0006)


@each_model
def test_parameters_are_those_of_the_authors_model(name: str) -> None:
    config, frames, crop, _, parameters = MODELS[name]
    cost = config.cost(ClipSize(frames, crop, crop), TARGET)
    assert cost.trainable_parameters == cost.parameters
    assert cost.parameters / 1e6 == pytest.approx(parameters, abs=0.0006)


def test_ours_lacks_only_the_unused_patch_projection_of_the_authors_model() -> None:
    config = Motionformer.Config()
    ours = num_parameters(config.on_meta(PAPERS_CLIP, TARGET))
    assert config.cost(PAPERS_CLIP, TARGET).parameters - ours == 768 * 3 * 16 * 16 + 768
    assert ours / 1e6 == pytest.approx(108.55, abs=0.005)


def test_the_large_model_of_table_7_has_as_many_parameters_as_printed() -> None:
    attention = TrajectoryAttention.Config(approximation=Orthoformer.Config(num_prototypes=196))
    large = Motionformer.Config(width=1024, depth=24, heads=16, positions=AT_14, attention=attention)
    macs, parameters, _ = large.cost(ClipSize(16, 336, 336), TARGET)
    assert macs / 1e9 == pytest.approx(2787, abs=1)
    assert parameters / 1e6 == pytest.approx(381.9, abs=0.05)


@each_model
def test_the_published_formulation_executes_the_published_macs_but_for_layer_norms(name: str) -> None:
    config, frames, crop, _, _ = MODELS[name]
    grid = config.tokens.grid(frames, crop, crop)
    norms = config.depth * (config.attention.num_mixers + 1) + 1
    size = ClipSize(frames, crop, crop)
    model, (clip,) = config.on_meta(size, TARGET).eval(), size.example(1, "meta")
    assert isinstance(model, VideoViT)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        reference.logits(clip, model)
    published = config.cost(size, TARGET).macs
    assert counter.get_total_flops() // 2 == published - 5 * (1 + grid.tokens) * config.width * norms


# fmt: off
EXECUTED = [
    (Motionformer.Config(),                      16, 188),
    (Motionformer.Config(attention=PROJECTED),   16, 199),
    (Motionformer.Config(),                      32, 461),
    (Motionformer.Config(attention=JOINT),       16, 167),
    (Motionformer.Config(attention=DIVIDED),     16, 175),
]
# fmt: on


@pytest.mark.parametrize(
    ("config", "frames", "most"), EXECUTED, ids=["trajectory", "projected", "L", "joint", "divided"]
)
def test_ours_executes_far_fewer_macs(config: Motionformer.Config, frames: int, most: int) -> None:
    executed = config.executed_macs(ClipSize(frames, 224, 224), TARGET) / 1e9
    assert most - 1.5 < executed <= most


def test_published_macs_exceed_executed_ones_by_the_last_block() -> None:
    config = Motionformer.Config(width=64, depth=3, heads=4, tokens=CubicTokens.Config(patch=8), attention=JOINT)
    size, target = ClipSize(8, 32, 32), ClassTarget(8)
    N, D, H = 65, 64, 4
    # The last of the three blocks computes CLS alone, without scores, values, projections and MLP of other tokens, and
    # without their last two LayerNorms.
    others = 12 * N * D**2 + 2 * N**2 * D - (12 * D**2 + 2 * H * N * D) + 2 * 5 * (N - 1) * D
    assert config.cost(size, target).macs == config.executed_macs(size, target) + others


def test_classifiers_of_verbs_and_nouns_are_counted_together() -> None:
    both, one = VerbNounTarget(97, 300), ClassTarget(397)
    config = Motionformer.Config()
    assert config.cost(PAPERS_CLIP, both) == config.cost(PAPERS_CLIP, one)
    assert config.executed_macs(PAPERS_CLIP, both) == config.executed_macs(PAPERS_CLIP, one)


def test_multiply_adds_are_those_of_one_pass_in_evaluation() -> None:
    layers = nn.Sequential(nn.Conv1d(2, 3, kernel_size=5), nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 7))
    assert executed_macs(layers, (torch.randn(1, 2, 8),)) == 3 * 4 * 2 * 5 + 12 * 7
    assert executed_macs(layers.to("meta"), (torch.randn(4, 2, 8, device="meta"),)) == 4 * (3 * 4 * 2 * 5 + 12 * 7)


def test_layer_norm_counts_five_per_element_as_a_module_and_as_a_function() -> None:
    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.linear = nn.LayerNorm(8), nn.Linear(8, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.layer_norm(self.linear(self.norm(x)), (6,))

    layers = Normalised()
    for device in ("cpu", "meta"):
        macs = executed_macs(layers.to(device), (torch.randn(2, 3, 8, device=device),))
        assert macs == 2 * 3 * (5 * 8 + 8 * 6 + 5 * 6)


def test_parameters_are_all_or_those_that_are_trained() -> None:
    layers = nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    layers[0].requires_grad_(False)
    assert num_parameters(layers) == 5 * 3 + 3 + 2 * 3 + 3 * 2 + 2
    assert num_parameters(layers, trainable=True) == 2 * 3 + 3 * 2 + 2
