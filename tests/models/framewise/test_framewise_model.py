"""Properties of frame-wise ViTs: what connects their frames, and how far."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.block import Block
from models.framewise.frame_attention import ShiftedAttention
from models.framewise.model import FrameMeanHead, FramewiseViT
from models.mixers.joint import JointAttention
from models.model import ModelConfig
from models.msca.attention import HeadShift, TokenGroupShift
from models.msca.model import MSCA, TokenShift
from models.tokens import Grid, SquareTokens
from models.xvit.heads import TemporalAttentionHead
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import TSMViT, XViT

SIZE, CLASSES, WIDTH, HEADS = ClipSize(6, 16, 16), ClassTarget(3), 24, 12
GRID = Grid(6, 2, 2)
N = 1 + GRID.patches


def small(config: FramewiseViT.Config) -> FramewiseViT.Config:
    head = config.head
    if isinstance(head, TemporalAttentionHead.Config):
        head = replace(head, heads=4)
    tokens = SquareTokens.Config(patch=8)
    return replace(config, width=WIDTH, heads=HEADS, depth=2, tokens=tokens, head=head, linear_std=0.3, init=None)


def random_model(config: ModelConfig, seed: int = 0) -> nn.Module:
    """Model in evaluation mode with random values in all parameters."""
    torch.manual_seed(seed)
    model = config.build(SIZE, CLASSES).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return model


def clip() -> Tensor:
    return torch.randn(2, 6, 3, 16, 16, generator=torch.Generator().manual_seed(1))


SUBSETS = ("q", "k", "v", "qk", "kv", "qv", "qkv")
VARIANTS = {
    "frame-wise": FramewiseViT.Config(),
    "tokenshift": TokenShift.Config(),
    "mixing, summary": XViT.Config(attention=SpaceTimeMixing.Config(summary="patches")),
    "mixing, some blocks": XViT.Config(blocks=(1,)),
    "tokenshift, some blocks": TokenShift.Config(blocks=(0,)),
    "tsm": TSMViT.Config(division=4),
    "mixing": XViT.Config(),
    "mixing, per head": XViT.Config(attention=SpaceTimeMixing.Config(per_head=True, fraction=1.0)),
    "mixing, wide": XViT.Config(attention=SpaceTimeMixing.Config(window=2, of="qkv")),
    "mixing, input": XViT.Config(attention=SpaceTimeMixing.Config(of="x")),
    **{f"heads {of}": MSCA.Config(attention=HeadShift.Config(of=of)) for of in SUBSETS},
    **{
        f"tokens {of}": MSCA.Config(attention=TokenGroupShift.Config(of=of, past_tokens=2, future_tokens=2))
        for of in SUBSETS
    },
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_last_block_gives_cls_the_output_of_the_whole_block(name: str) -> None:
    model = random_model(small(VARIANTS[name]))
    assert isinstance(model, FramewiseViT)
    x = torch.randn(12, N, WIDTH)
    before = x.clone()
    last = model.blocks[-1]
    assert isinstance(last, Block)
    with torch.inference_mode():
        torch.testing.assert_close(last.cls(x, GRID), last(x, GRID)[:, :1])
    assert x.equal(before)


def test_without_shifts_msca_is_the_frame_wise_vit() -> None:
    plain, x = random_model(small(FramewiseViT.Config())), clip()
    for attention in (
        HeadShift.Config(past_heads=0, future_heads=0),
        TokenGroupShift.Config(past_tokens=0, future_tokens=0),
        SpaceTimeMixing.Config(window=0),
        SpaceTimeMixing.Config(fraction=0.0),
    ):
        model = random_model(small(MSCA.Config(attention=attention)))
        torch.testing.assert_close(model(x), plain(x))
    torch.testing.assert_close(random_model(small(MSCA.Config(blocks=())))(x), plain(x))


def test_a_shift_of_queries_keys_and_values_is_a_shift_of_the_heads_outputs() -> None:
    config = HeadShift.Config(of="qkv", past_heads=2, future_heads=3, first="past", at_ends=False)
    [shifted] = config.build(WIDTH, HEADS)
    plain = JointAttention(WIDTH, HEADS)
    plain.load_state_dict(shifted.state_dict())
    plain.proj = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    x = torch.randn(6, N, WIDTH)
    heads = plain(x, GRID).unflatten(-1, (HEADS, -1))
    expected = heads.clone()
    expected[1:, :, :2], expected[0, :, :2] = heads[:-1, :, :2], 0
    expected[:-1, :, 2:5], expected[-1, :, 2:5] = heads[1:, :, 2:5], 0
    torch.testing.assert_close(shifted(x, GRID), shifted.proj(expected.flatten(-2)))


def test_mixing_of_a_quarter_from_each_side_is_msca_of_keys_and_values_with_three_heads_each() -> None:
    head = FrameMeanHead.Config()
    mixing = small(MSCA.Config(attention=SpaceTimeMixing.Config(fraction=0.5), head=head))
    heads = HeadShift.Config(of="kv", past_heads=3, future_heads=3, at_ends=False)
    x = clip()
    torch.testing.assert_close(random_model(mixing)(x), random_model(small(MSCA.Config(attention=heads, head=head)))(x))


def reached(config: FramewiseViT.Config, frames: slice) -> list[int]:
    """Frames whose pixels influence the features of some frames."""
    model, x = random_model(config), clip().requires_grad_()
    assert isinstance(model, FramewiseViT)
    [gradient] = torch.autograd.grad(model.features(x)[:, frames].sum(), x)
    return [t for t in range(6) if gradient[:, t].abs().max() > 0]


CONNECTED = [
    MSCA.Config(),
    MSCA.Config(attention=TokenGroupShift.Config(past_tokens=2, future_tokens=2)),
    XViT.Config(head=FrameMeanHead.Config()),
]


@pytest.mark.parametrize(
    ("config", "distance"),
    [
        *((replace(small(config), depth=depth), depth) for config in CONNECTED for depth in (1, 2, 3)),
        *((replace(small(MSCA.Config()), blocks=blocks), len(blocks)) for blocks in ((), (1,), (0, 1))),
    ],
)
def test_a_frame_is_reached_from_as_far_away_as_blocks_connect_frames(
    config: FramewiseViT.Config, distance: int
) -> None:
    assert reached(config, slice(3, 4)) == [t for t in range(6) if abs(t - 3) <= distance]


def test_segments_are_independent() -> None:
    config = small(XViT.Config(attention=SpaceTimeMixing.Config(segment_frames=3), head=FrameMeanHead.Config()))
    assert reached(config, slice(0, 3)) == [0, 1, 2]


@pytest.mark.parametrize("summary", [None, "patches"])
def test_clips_that_segments_do_not_divide_are_refused_instead_of_mixed(summary: Literal["patches"] | None) -> None:
    attention = SpaceTimeMixing.Config(segment_frames=3, summary=summary)
    positions = FramewiseViT.Config().positions  # without positions in time, which accept one length only
    model = random_model(small(XViT.Config(attention=attention, positions=positions, head=FrameMeanHead.Config())))
    of_other_length = torch.cat([clip(), clip()[:, :2]], dim=1)  # 3 clips of 8 frames have whole segments
    with pytest.raises(ValueError, match="8 frames; segments of 3 frames"):
        model(of_other_length[[0, 0, 0]])


def test_the_temporal_attention_head_does_not_depend_on_the_order_of_frames() -> None:
    torch.manual_seed(0)
    head = TemporalAttentionHead.Config(heads=4).build(WIDTH, 3).eval()
    cls = torch.randn(2, 6, WIDTH)
    torch.testing.assert_close(head(cls[:, torch.randperm(6)]), head(cls))


def test_the_temporal_attention_head_drops_values_of_the_cls_of_frames_and_of_the_hidden_layer() -> None:
    head, shapes = TemporalAttentionHead.Config(heads=4).build(WIDTH, 3), []
    head.dropout.register_forward_hook(lambda _, inputs, output: shapes.append(inputs[0].shape))
    head(torch.randn(2, 6, WIDTH))
    assert (head.dropout.p, shapes) == (0.5, [(2, 6, WIDTH), (2, WIDTH)])


@pytest.mark.parametrize(
    ("head", "std"),
    [
        (FrameMeanHead.Config(), 0.0),
        (FrameMeanHead.Config(dropout=0.5, std=0.001), 0.001),
        (TemporalAttentionHead.Config(heads=4), (3 * WIDTH) ** -0.5),  # PyTorch's
    ],
)
def test_heads_start_as_released(head: FrameMeanHead.Config | TemporalAttentionHead.Config, std: float) -> None:
    classifier = small(XViT.Config(head=head)).build(SIZE, ClassTarget(400)).head.get_submodule("classifier")
    assert isinstance(classifier, nn.Linear)
    assert classifier.weight.std().item() == pytest.approx(std, rel=0.05)


def test_the_frame_wise_vit_does_not_depend_on_the_order_of_frames_and_the_others_do() -> None:
    x = clip()
    for name, config in VARIANTS.items():
        model = random_model(small(replace(config, positions=FramewiseViT.Config().positions)))
        difference = (model(x.flip(1)) - model(x)).abs().max()
        assert (difference < 1e-5) == (name == "frame-wise"), name


@pytest.mark.parametrize(
    ("config", "channels"),
    [
        (SpaceTimeMixing.Config(), {1: range(192), -1: range(192, 384)}),
        (SpaceTimeMixing.Config(fraction=0.25), {1: range(96), -1: range(96, 192)}),
        (
            SpaceTimeMixing.Config(window=2),
            {1: range(96), -1: range(96, 192), 2: range(192, 288), -2: range(288, 384)},
        ),
        (SpaceTimeMixing.Config(window=2, only_farthest=True), {2: range(192), -2: range(192, 384)}),
        (SpaceTimeMixing.Config(window=0), {}),
        (
            SpaceTimeMixing.Config(per_head=True, fraction=1.0),
            {1: [c for c in range(768) if c % 64 < 32], -1: [c for c in range(768) if c % 64 >= 32]},
        ),
        (HeadShift.Config(past_heads=2, future_heads=3), {1: range(192), -1: range(640, 768)}),
        (
            HeadShift.Config(past_heads=2, future_heads=3, first="past", at_ends=False),
            {-1: range(128), 1: range(128, 320)},
        ),
    ],
)
def test_channels_come_from_other_frames_as_released(
    config: ShiftedAttention.Config, channels: dict[int, Sequence[int]]
) -> None:
    found: dict[int, list[int]] = {}
    for part in config.shifted(768, 12):
        heads = range(12)[part.heads]
        found.setdefault(part.source, []).extend(64 * head + c for head in heads for c in range(64)[part.channels])
    assert found == {source: list(of_source) for source, of_source in channels.items()}


@pytest.mark.parametrize("summary", ["patches", "tokens"])
def test_all_frames_of_a_segment_attend_to_its_summaries(summary: Literal["patches", "tokens"]) -> None:
    config = SpaceTimeMixing.Config(fraction=0.5, segment_frames=3, summary=summary)
    [mixer] = config.build(WIDTH, HEADS)
    x = torch.randn(6, N, WIDTH)
    q, k, v = mixer.qkv(x).chunk(3, dim=-1)
    # Equation 4 of X-ViT's main paper: the summary of frame t is a key and a value of every frame. The mean commutes
    # with the projection.
    first = 1 if summary == "patches" else 0
    summaries = [t[:, first:].mean(dim=1) for t in (k, v)]
    fold = WIDTH // 4
    mixed_k, mixed_v = (mixed_naively(t, fold, segment=3) for t in (k, v))
    outputs = []
    for t in range(6):
        of_segment = slice(t // 3 * 3, t // 3 * 3 + 3)
        keys, values = (
            torch.cat([own[t], summary[of_segment]]).unflatten(-1, (HEADS, -1)).transpose(0, 1)
            for own, summary in zip((mixed_k, mixed_v), summaries, strict=True)
        )
        queries = q[t].unflatten(-1, (HEADS, -1)).transpose(0, 1)
        weights = (queries @ keys.mT / (WIDTH // HEADS) ** 0.5).softmax(dim=-1)
        outputs.append((weights @ values).transpose(0, 1).flatten(-2))
    torch.testing.assert_close(mixer(x, GRID), mixer.proj(torch.stack(outputs)))


def mixed_naively(x: Tensor, fold: int, segment: int) -> Tensor:
    """Tokens (T, N, D) with `fold` channels of the next and of the previous frame of each segment, or zeros."""
    mixed = x.clone()
    for t in range(len(x)):
        mixed[t, :, :fold] = x[t + 1, :, :fold] if t % segment < segment - 1 else 0
        mixed[t, :, fold : 2 * fold] = x[t - 1, :, fold : 2 * fold] if t % segment else 0
    return mixed


def test_tsm_shifts_the_residual_stream_before_each_block() -> None:
    model = random_model(small(TSMViT.Config(division=4)))
    assert isinstance(model, FramewiseViT)
    block = model.blocks[0]
    assert isinstance(block, Block)
    z = torch.randn(6, N, WIDTH)
    shifted = mixed_naively(z, WIDTH // 4, segment=6)  # equation 1
    y = block.mixers[0](block.norms[0](shifted), GRID) + shifted  # equation 2, whose index is a misprint
    torch.testing.assert_close(block(z, GRID), block.mlp(block.mlp_norm(y)) + y)  # equation 3


def test_macs_sum_over_the_attention_of_each_block() -> None:
    attention = SpaceTimeMixing.Config(summary="patches")
    none, one, both = (
        small(XViT.Config(attention=attention, blocks=blocks)).macs(SIZE, CLASSES) for blocks in ((), (1,), None)
    )
    assert one - none == 2 * 6 * N * 6 * WIDTH and 2 * one == none + both


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (range(12), (0, 1, 2)),
        (range(6), (0, 1)),
        (range(6, 12), (1, 2)),
        (range(0, 12, 2), (0, 2)),
        (range(8, 12), (2,)),
        (range(4, 12), (1, 2)),
        ((), ()),
    ],
)
def test_a_tiny_model_connects_the_same_fraction_of_blocks(blocks: range, expected: tuple[int, ...]) -> None:
    assert MSCA.Config(blocks=tuple(blocks)).tiny().blocks == expected


@pytest.mark.parametrize(
    ("config", "kept"),
    [(MSCA.Config(), {"head.classifier.weight", "head.classifier.bias"}), (XViT.Config(), {"positions.time"})],
)
def test_a_run_starts_from_another_with_the_tensors_that_both_have(config: FramewiseViT.Config, kept: set[str]) -> None:
    parent = random_model(small(config)).state_dict()
    model = small(config).build(ClipSize(4, 16, 16), ClassTarget(5))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    config.copy_from(model, parent)
    for name, tensor in model.state_dict().items():
        is_kept = name in kept or (name.startswith("head.") and tensor.shape != parent[name].shape)
        assert torch.equal(tensor, before[name] if is_kept else parent[name]), name
