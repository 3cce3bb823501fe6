import pytest
import torch
from timm.layers.drop import DropPath
from torch import nn

from benchmarks import oracle
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention
from models.pretrained import ImageNet
from models.tokens import CubicTokens, Grid, JointPositions, SeparatePositions, SquareTokens
from models.trunk import Block, VideoViT

ATTENTIONS = [
    JointAttention.Config(),
    DividedAttention.Config(),
    TrajectoryAttention.Config(),
    TrajectoryAttention.Config(temporal="average"),
    TrajectoryAttention.Config(normalize_over="space-time"),
    TrajectoryAttention.Config(project_values=True),
]
APPROXIMATIONS: list[MixerConfig] = [
    TrajectoryAttention.Config(approximation=approximation)
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


def small(
    *,
    attention: MixerConfig | None = None,
    tokens: CubicTokens.Config | SquareTokens.Config | None = None,
    positions: SeparatePositions.Config | JointPositions.Config | None = None,
    drop_path: float = 0.2,
) -> VideoViT.Config:
    return VideoViT.Config(
        width=32,
        depth=3,
        heads=4,
        tokens=tokens or CubicTokens.Config(patch=8),
        positions=positions or SeparatePositions.Config(),
        attention=attention or TrajectoryAttention.Config(),
        drop_path=drop_path,
        init=None,
    )


def test_the_default_is_the_papers_model() -> None:
    config = VideoViT.Config()
    assert (config.width, config.depth, config.heads, config.mlp_ratio, config.drop_path) == (768, 12, 12, 4.0, 0.2)
    assert config.tokens == CubicTokens.Config(patch=16, tubelet=2)
    assert isinstance(config.positions, SeparatePositions.Config)
    assert config.attention == TrajectoryAttention.Config(
        temporal="attention", normalize_over="space", project_values=False
    )
    assert isinstance(config.init, ImageNet.Config)


@pytest.mark.parametrize("attention", [*ATTENTIONS, *APPROXIMATIONS], ids=str)
@pytest.mark.parametrize("tokens", [CubicTokens.Config(patch=8), SquareTokens.Config(patch=8)], ids=["cubic", "square"])
@pytest.mark.parametrize("positions", [SeparatePositions.Config(), JointPositions.Config()], ids=["separate", "joint"])
def test_every_combination_gives_logits_and_every_parameter_learns(
    attention: MixerConfig,
    tokens: CubicTokens.Config | SquareTokens.Config,
    positions: SeparatePositions.Config | JointPositions.Config,
) -> None:
    torch.manual_seed(0)
    model = small(attention=attention, tokens=tokens, positions=positions, drop_path=0.0).build(
        frames=4, crop=16, num_classes=5
    )
    logits = model(torch.randn(2, 4, 3, 16, 16))
    assert logits.shape == (2, 5)
    logits.square().sum().backward()
    # A parameter without a gradient stops distributed training; those of the key biases are zero but for rounding.
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("mode", ["saved", "recomputed"])
@pytest.mark.parametrize("attention", ATTENTIONS, ids=str)
def test_logits_and_gradients_are_those_of_all_tokens_computed_as_published(attention: MixerConfig, mode: str) -> None:
    torch.manual_seed(0)
    model = small(attention=attention, drop_path=0.5).build(frames=4, crop=16, num_classes=5).double()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and positions in time start at zero, which would hide them
            parameter.add_(torch.randn_like(parameter) / 10)
    model.recompute_attention(mode == "recomputed")
    clip = torch.randn(3, 4, 3, 16, 16, dtype=torch.float64)
    torch.manual_seed(1)  # the same paths are dropped
    ours = model(clip)
    torch.manual_seed(1)
    published = oracle.logits(clip, model)
    torch.testing.assert_close(ours, published, rtol=0, atol=1e-10)
    parameters = list(model.parameters())
    upstream = torch.randn_like(ours)
    for got, wanted in zip(
        torch.autograd.grad(ours, parameters, upstream),
        torch.autograd.grad(published, parameters, upstream, materialize_grads=True),
        strict=True,
    ):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-10)


def test_what_the_last_block_does_not_read_decays_all_the_same() -> None:
    model = small().build(frames=4, crop=16, num_classes=5)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    model(torch.randn(2, 4, 3, 16, 16)).square().sum().backward()
    optimizer.step()
    for name, parameter in model.named_parameters():
        if name.startswith(("blocks.2.mixers.0.proj_q", "blocks.2.mixers.0.proj_kv")):
            torch.testing.assert_close(parameter.detach(), before[name] * 0.95)


def test_recomputing_the_attention_is_no_part_of_the_weights() -> None:
    model = small().build(frames=4, crop=16, num_classes=5)
    names = list(model.state_dict())
    model.recompute_attention()
    assert list(model.state_dict()) == names


def test_the_blocks_of_the_default_model_save_a_fraction_of_the_published_bytes_for_backward() -> None:
    model = VideoViT.Config(depth=1).build(frames=16, crop=224, num_classes=400)
    (block,), grid = model.blocks, Grid(8, 14, 14)
    assert isinstance(block, Block)
    x = torch.randn(1, 1 + grid.tokens, 768, requires_grad=True)
    there = {p.untyped_storage().data_ptr() for p in model.parameters()}
    published = 12 * oracle.saved_for_backward(lambda: oracle.block(x, block, grid), there)
    last = oracle.saved_for_backward(lambda: block.cls(x, grid), there)
    ours = 11 * oracle.saved_for_backward(lambda: block(x, grid), there) + last
    model.recompute_attention()
    recomputed = 11 * oracle.saved_for_backward(lambda: block(x, grid), there) + last
    assert published > 5e9
    assert published > 3.5 * ours
    assert published > 6 * recomputed


@pytest.mark.parametrize("attention", APPROXIMATIONS, ids=str)
def test_recomputing_an_approximation_draws_the_same_again(attention: MixerConfig) -> None:
    torch.manual_seed(0)
    model = small(attention=attention).build(frames=4, crop=16, num_classes=5)
    clip = torch.randn(2, 4, 3, 16, 16)
    steps = []
    for recompute in (False, True):
        model.recompute_attention(recompute)
        torch.manual_seed(1)
        logits = model(clip)
        steps.append((logits, *torch.autograd.grad(logits.square().sum(), list(model.parameters()))))
    assert all(torch.equal(kept, again) for kept, again in zip(*steps, strict=True))


@pytest.mark.parametrize("attention", APPROXIMATIONS, ids=str)
def test_logits_of_a_clip_depend_on_no_other_clip(attention: MixerConfig) -> None:
    torch.manual_seed(0)
    model = small(attention=attention).build(frames=4, crop=16, num_classes=5).eval()
    clips = torch.randn(3, 4, 3, 16, 16)
    with torch.no_grad():
        together, alone = model(clips), torch.cat([model(clip.unsqueeze(0)) for clip in clips])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_approximations_want_enough_tokens_and_attention_within_frames() -> None:
    few = small(attention=TrajectoryAttention.Config(approximation=Orthoformer.Config(num_prototypes=9)))
    with pytest.raises(ValueError, match="9 prototypes, but 8 candidates"):
        few.build(frames=4, crop=16, num_classes=5)
    over_all = TrajectoryAttention.Config(normalize_over="space-time", approximation=Performer.Config())
    with pytest.raises(ValueError, match="set normalize_over=space"):
        small(attention=over_all).build(frames=4, crop=16, num_classes=5)


@pytest.mark.parametrize("attention", ATTENTIONS, ids=str)
def test_one_frame_is_a_clip(attention: MixerConfig) -> None:
    model = small(attention=attention, tokens=SquareTokens.Config(patch=8)).build(frames=1, crop=32, num_classes=7)
    assert model(torch.randn(2, 1, 3, 32, 32)).shape == (2, 7)


def test_logits_are_the_same_in_every_mode_but_for_dropped_paths() -> None:
    model = small(drop_path=0.0).build(frames=4, crop=16, num_classes=5)
    clip = torch.randn(2, 4, 3, 16, 16)
    torch.testing.assert_close(model.train()(clip), model.eval()(clip))


def test_paths_drop_more_with_depth_and_never_along_time() -> None:
    rates = [
        [drop.drop_prob for drop in block.modules() if isinstance(drop, DropPath)]
        for block in small(attention=DividedAttention.Config()).build(frames=4, crop=16, num_classes=5).blocks
    ]  # time, space, MLP of each block
    assert rates == [
        pytest.approx([0, 0, 0]),
        pytest.approx([0, 0.1, 0.1]),
        pytest.approx([0, 0.2, 0.2]),
    ]
    joint = small(attention=JointAttention.Config()).build(frames=4, crop=16, num_classes=5).blocks[2]
    assert [drop.drop_prob for drop in joint.modules() if isinstance(drop, DropPath)] == pytest.approx([0.2, 0.2])


def test_weights_start_as_the_authors_start_them() -> None:
    torch.manual_seed(0)
    model = small(attention=DividedAttention.Config()).build(frames=4, crop=16, num_classes=50)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert module.weight.abs().max() <= 2
            assert (module.bias == 0).all()
        elif isinstance(module, nn.LayerNorm):
            assert module.eps == 1e-6
            assert (module.weight == 1).all() and (module.bias == 0).all()
        elif isinstance(module, nn.Conv3d):
            assert module.weight.abs().max() <= (3 * 2 * 8 * 8) ** -0.5
    assert model.cls.std().item() == pytest.approx(0.02, rel=0.5)


def test_the_head_reads_cls_through_a_hidden_layer_with_tanh() -> None:
    head = small().build(frames=4, crop=16, num_classes=5).head
    cls = torch.randn(2, 32)
    hidden = torch.tanh(cls @ head.pre_logits.weight.T + head.pre_logits.bias)
    torch.testing.assert_close(head(cls), hidden @ head.classifier.weight.T + head.classifier.bias)


def test_a_model_with_positions_of_its_own_side_takes_other_resolutions() -> None:
    model = small(positions=SeparatePositions.Config(side=2)).build(frames=4, crop=32, num_classes=5)
    assert model.positions.space.shape == (1, 5, 32)
    for crop in (16, 24, 32):
        assert model(torch.randn(1, 4, 3, crop, crop)).shape == (1, 5)


def test_sizes_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="width 100 does not divide into 12 heads"):
        VideoViT.Config(width=100).build(frames=16, crop=224, num_classes=5)
    with pytest.raises(ValueError, match="7 frames do not divide into cubes of 2"):
        small().build(frames=7, crop=32, num_classes=5)
    with pytest.raises(ValueError, match="learnt for 2 token frames, the clip has 4"):
        small().build(frames=4, crop=16, num_classes=5)(torch.randn(1, 8, 3, 16, 16))


def test_configs_are_frozen_and_equal_when_their_fields_are() -> None:
    assert small() == small() and hash(small()) == hash(small())
    assert small() != small(attention=JointAttention.Config())
    with pytest.raises(AttributeError):
        small().width = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_a_half_precision_pass_stays_close() -> None:
    torch.manual_seed(0)
    model = small(attention=TrajectoryAttention.Config(normalize_over="space-time")).build(
        frames=4, crop=16, num_classes=5
    )
    clip = torch.randn(2, 4, 3, 16, 16)
    model.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(clip)
    torch.testing.assert_close(half.float(), model(clip), rtol=0, atol=2e-3)
