from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import nn

from benchmarks import motionformer as reference
from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.block import Block, DropPath
from models.heads import TanhHead
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from models.positions import JointPositions, SeparatePositions
from models.tokens import CubicTokens, Grid, SquareTokens
from runner.measure.memory import bytes_saved_by
from tests.models.gradients import assert_same
from tests.models.vit_models import small

SIZE, TARGET = ClipSize(4, 16, 16), ClassTarget(5)
ATTENTIONS = [
    JointAttention.Config(),
    DividedAttention.Config(),
    TrajectoryAttention.Config(),
    TrajectoryAttention.Config(temporal="average"),
    TrajectoryAttention.Config(normalize_over="space-time"),
    TrajectoryAttention.Config(project_values=True),
]


def approximated(
    by: Orthoformer.Config | Nystromformer.Config | Performer.Config,
    normalize_over: Literal["space", "space-time"] = "space",
) -> TrajectoryAttention.Config:
    return TrajectoryAttention.Config(approximation=by, normalize_over=normalize_over)


APPROXIMATIONS: list[MixerConfig] = [
    approximated(approximation)
    for approximation in (
        Orthoformer.Config(num_prototypes=4),
        Orthoformer.Config(num_prototypes=3, share_over_time=False),
        Orthoformer.Config(num_prototypes=4, selection="random"),
        Orthoformer.Config(num_prototypes=4, selection="segment-means"),
        Orthoformer.Config(num_prototypes=3, candidates="queries-and-keys", candidates_per_prototype=2),
        Nystromformer.Config(num_prototypes=3),
        Performer.Config(num_features=16),
    )
]


@pytest.mark.parametrize("mode", ["saved", "recomputed"])
@pytest.mark.parametrize("attention", ATTENTIONS, ids=str)
def test_logits_and_gradients_are_those_of_all_tokens_computed_as_published(attention: MixerConfig, mode: str) -> None:
    torch.manual_seed(0)
    model = small(attention=attention, drop_path=0.5).build(SIZE, TARGET).double()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and positions in time are initially zero
            parameter.add_(torch.randn_like(parameter) / 10)
    model.recompute(mode == "recomputed")
    clip = torch.randn(3, 4, 3, 16, 16, dtype=torch.float64)
    torch.manual_seed(1)  # the same paths are dropped
    ours = model(clip)
    torch.manual_seed(1)
    published = reference.logits(clip, model)
    assert_same(ours, published, list(model.parameters()), 1e-10)


def test_unused_parameters_of_the_last_block_still_decay() -> None:
    model = small().build(SIZE, TARGET)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    model(torch.randn(2, 4, 3, 16, 16)).square().sum().backward()
    optimizer.step()
    for name, parameter in model.named_parameters():
        if name.startswith(("blocks.2.mixers.0.proj_q", "blocks.2.mixers.0.proj_kv")):
            torch.testing.assert_close(parameter.detach(), before[name] * 0.95)


def test_the_blocks_of_the_default_model_save_a_fraction_of_the_published_bytes_for_backward() -> None:
    model = Motionformer.Config(depth=1).build(ClipSize(16, 224, 224), ClassTarget(400))
    (block,), grid = model.blocks, Grid(8, 14, 14)
    assert isinstance(block, Block)
    x = torch.randn(1, 1 + grid.tokens, 768, requires_grad=True)
    published = 12 * bytes_saved_by(lambda: reference.block(x, block, grid), model)
    last = bytes_saved_by(lambda: block.cls(x, grid), model)
    ours = 11 * bytes_saved_by(lambda: block(x, grid), model) + last
    model.recompute(True)
    recomputed = 11 * bytes_saved_by(lambda: block(x, grid), model) + last
    assert published > 5e9
    assert published > 3.5 * ours
    assert published > 6 * recomputed


@pytest.mark.parametrize("attention", ATTENTIONS, ids=str)
def test_a_clip_of_one_frame_is_accepted(attention: MixerConfig) -> None:
    model = small(attention=attention, tokens=SquareTokens.Config(patch=8)).build(ClipSize(1, 32, 32), ClassTarget(7))
    assert model(torch.randn(2, 1, 3, 32, 32)).shape == (2, 7)


def test_logits_are_the_same_in_every_mode_but_for_dropped_paths() -> None:
    model = small(drop_path=0.0).build(SIZE, TARGET)
    clip = torch.randn(2, 4, 3, 16, 16)
    torch.testing.assert_close(model.train()(clip), model.eval()(clip))


def test_drop_path_rates_increase_with_depth_and_are_zero_for_time_attention() -> None:
    rates = [
        [drop.rate for drop in block.modules() if isinstance(drop, DropPath)]
        for block in small(attention=DividedAttention.Config()).build(SIZE, TARGET).blocks
    ]  # time, space, MLP of each block
    assert rates == [pytest.approx([0, 0, 0]), pytest.approx([0, 0.1, 0.1]), pytest.approx([0, 0.2, 0.2])]
    joint = small(attention=JointAttention.Config()).build(SIZE, TARGET).blocks[2]
    assert [drop.rate for drop in joint.modules() if isinstance(drop, DropPath)] == pytest.approx([0.2, 0.2])


@pytest.mark.parametrize("std", [0.02, 0.5])
def test_weights_are_initialised_like_the_authors_by_default(std: float) -> None:
    torch.manual_seed(0)
    config = replace(small(attention=DividedAttention.Config()), linear_std=std)
    model = config.build(ClipSize(4, 16, 16), ClassTarget(50))
    for module in model.modules():
        if isinstance(module, nn.Linear):
            assert module.weight.std().item() == pytest.approx(std, rel=0.1)
            assert module.weight.abs().max() <= 2
            assert (module.bias == 0).all()
        elif isinstance(module, nn.LayerNorm):
            assert module.eps == 1e-6
            assert (module.weight == 1).all() and (module.bias == 0).all()
        elif isinstance(module, nn.Conv3d):
            assert module.weight.abs().max() <= (3 * 2 * 8 * 8) ** -0.5
    assert model.get_parameter("cls").std().item() == pytest.approx(0.02, rel=0.5)


def test_the_head_is_a_hidden_layer_with_tanh_and_a_classifier() -> None:
    head = small().build(SIZE, TARGET).head
    assert isinstance(head, TanhHead)
    cls = torch.randn(2, 32)
    hidden = torch.tanh(cls @ head.pre_logits.weight.T + head.pre_logits.bias)
    torch.testing.assert_close(head(cls), hidden @ head.classifier.weight.T + head.classifier.bias)


def test_a_model_with_positions_of_its_own_side_takes_other_resolutions() -> None:
    model = small(positions=SeparatePositions.Config(side=2)).build(ClipSize(4, 32, 32), ClassTarget(5))
    assert model.get_parameter("positions.space").shape == (1, 5, 32)
    for height, width in ((16, 16), (24, 24), (32, 32), (16, 24)):
        assert model(torch.randn(1, 4, 3, height, width)).shape == (1, 5)


def test_the_smallest_sizes_are_accepted() -> None:
    least = replace(small(drop_path=0.0), width=1, depth=1, heads=1, mlp_ratio=1.0, linear_std=1e-9)
    least = replace(least, tokens=CubicTokens.Config(patch=1, tubelet=1), positions=SeparatePositions.Config(side=1))
    least.check(ClipSize(1, 1, 1))
    assert least.build(ClipSize(1, 1, 1), TARGET)(torch.randn(2, 1, 3, 1, 1)).shape == (2, 5)


def test_layers_are_counted_from_the_tokens_to_the_head() -> None:
    model = small(attention=DividedAttention.Config()).with_depth(11).build(SIZE, TARGET)
    layers: dict[int, set[str]] = {}
    for name, _ in model.named_parameters():
        part = ".".join(name.split(".")[:2]) if name.startswith("blocks.") else name.split(".")[0]
        layers.setdefault(model.layer_of(name), set()).add(part)
    blocks = {number + 1: {f"blocks.{number}"} for number in range(11)}
    assert layers == {0: {"tokens", "cls", "positions"}, **blocks, 12: {"norm", "head"}}


def test_depths_can_be_replaced() -> None:
    config = small()
    assert config.with_depth(7) == replace(config, depth=7) and config.with_depth(7).identical_blocks == 7
    assert len(config.with_depth(7).build(SIZE, TARGET).blocks) == 7


@pytest.mark.parametrize("tokens", [CubicTokens.Config(), SquareTokens.Config()], ids=["cubic", "square"])
@pytest.mark.parametrize("positions", [SeparatePositions.Config(side=14), JointPositions.Config()], ids=str)
@pytest.mark.parametrize(
    ("attention", "tiny"),
    [
        *((attention, attention) for attention in (*ATTENTIONS[:2], *ATTENTIONS[3:4])),
        (approximated(Orthoformer.Config()), approximated(Orthoformer.Config(num_prototypes=16))),
        (
            approximated(Nystromformer.Config(num_prototypes=64, num_iterations=4)),
            approximated(Nystromformer.Config(num_prototypes=8, num_iterations=4)),
        ),
        (approximated(Performer.Config(num_features=64)), approximated(Performer.Config(num_features=64))),
    ],
    ids=["joint", "divided", "average", "orthoformer", "nystromformer", "performer"],
)
def test_a_tiny_model_is_narrow_shallow_and_from_random_weights(
    attention: MixerConfig,
    tiny: MixerConfig,
    positions: SeparatePositions.Config | JointPositions.Config,
    tokens: CubicTokens.Config | SquareTokens.Config,
) -> None:
    config = Motionformer.Config(attention=attention, tokens=tokens, positions=positions).tiny()
    assert config == Motionformer.Config(
        width=64,
        depth=3,
        heads=4,
        tokens=replace(tokens, patch=8),
        positions=positions if positions.side is None else replace(positions, side=4),
        attention=tiny,
        drop_path=0.0,
        init=None,
        linear_std=0.125,
    )
    size = ClipSize(8, 32, 32)
    assert config.build(size, TARGET)(*size.example(1)).shape == (1, 5)


def test_half_precision_is_close_to_single_precision() -> None:
    torch.manual_seed(0)
    model = small(attention=TrajectoryAttention.Config(normalize_over="space-time")).build(SIZE, TARGET)
    clip = torch.randn(2, 4, 3, 16, 16)
    model.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(clip)
    torch.testing.assert_close(half.float(), model(clip), rtol=0, atol=2e-3)
