"""CAST against its printed equations, its costs, and its properties.

B batch, T frames, S patches per frame, N tokens, D width.
"""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from benchmarks.cast import softmax_attention
from interface.sizes import ClipSize
from interface.targets import ClassTarget, VerbNounTarget
from models.cast.baselines import LoneExpert
from models.cast.bottleneck import BottleneckExchange, FullWidthExchange
from models.cast.clip_expert import ClipExpert, SpaceTimePositions
from models.cast.cross_attention import CrossAttention, Window
from models.cast.exchange import ExchangeConfig, LateralExchange
from models.cast.frame_expert import ImageExpert
from models.cast.heads import ExpertHead, LateFusionHead
from models.cast.model import CAST
from models.cast.stream import AdaptersConfig
from models.cost import executed_macs, num_parameters
from models.tokens import Grid
from tests.models.cast.cast_models import EVA, IMAGE, LABELS, SIZE, VERBS_AND_NOUNS, VIDEO, clips, randomized, small

PAPER_SIZE = ClipSize(16, 224, 224)
EPIC, KINETICS = VerbNounTarget(97, 300), ClassTarget(400)
EXCHANGES: tuple[ExchangeConfig | None, ...] = (
    None,
    BottleneckExchange.Config(),
    BottleneckExchange.Config(t2s=None),
    BottleneckExchange.Config(s2t=None, positions=False),
    BottleneckExchange.Config(t2s="space-time", s2t="space-time", ratio=4),
    FullWidthExchange.Config(),
    FullWidthExchange.Config(adapter_ratio=0.25),
    LateralExchange.Config(),
)


def trained(model: nn.Module) -> float:
    return num_parameters(model, trainable=True)


def attention(x: Tensor, context: Tensor, layer: CrossAttention) -> Tensor:
    """Equation 7 for one group of queries and keys (n, W), with the biases and the output projection of the code."""
    k, v = layer.kv(context).chunk(2, dim=-1)
    return layer.proj(softmax_attention(layer.q(x), k, v, layer.heads))


@pytest.mark.parametrize("window", ["time", "space", "space-time"])
def test_cross_attention_is_the_equation_in_each_window(window: Window) -> None:
    torch.manual_seed(0)
    grid = Grid(3, 2, 2)
    layer = randomized(CrossAttention(16, 4, window, grid, positions=True))
    queries, context = torch.randn(2, 2, 3, 4, 16)
    assert layer.query_positions is not None and layer.key_positions is not None
    x, y = layer.query_positions(queries), layer.key_positions(context)
    expected = torch.empty_like(queries)
    for b in range(2):
        match window:
            case "time":
                for s in range(4):
                    expected[b, :, s] = attention(x[b, :, s], y[b, :, s], layer)
            case "space":
                for t in range(3):
                    expected[b, t] = attention(x[b, t], y[b, t], layer)
            case "space-time":
                expected[b] = attention(x[b].flatten(0, 1), y[b].flatten(0, 1), layer).view(3, 4, 16)
    torch.testing.assert_close(layer(queries, context), expected, atol=1e-5, rtol=1e-5)


def test_positions_have_an_entry_for_each_place_of_the_window() -> None:
    grid, expected = Grid(8, 14, 14), {"time": 8, "space": 196, "space-time": 8 + 196}
    for window, count in expected.items():
        layer = CrossAttention(384, 12, window, grid, positions=True)  # type: ignore[arg-type]
        assert layer.query_positions is not None
        assert sum(table.shape[0] for table in layer.query_positions.parameters()) == count


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_last_block_of_cls_alone_equals_the_block_of_all_tokens(exchange: ExchangeConfig | None) -> None:
    model = randomized(small(exchange=exchange).build(SIZE, LABELS))
    s, t = model.spatial.embedded(clips()), model.temporal.embedded(clips())
    of_all, t_of_all = model.block(2, s, t)
    of_cls, t_of_cls = model.block(2, s, t, cls_only=True)
    torch.testing.assert_close(of_cls, of_all[:, :1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(t_of_cls, t_of_all, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("exchange", EXCHANGES[1:])
def test_an_untrained_exchange_changes_nothing(exchange: ExchangeConfig) -> None:
    torch.manual_seed(0)
    model = small(exchange=exchange).build(SIZE, VERBS_AND_NOUNS).eval()
    other = small(exchange=None).build(SIZE, VERBS_AND_NOUNS).eval()
    other.load_state_dict({name: value for name, value in model.state_dict().items() if "exchanges" not in name})
    torch.testing.assert_close(model(clips()), other(clips()))


@pytest.mark.parametrize("labels", [LABELS, VERBS_AND_NOUNS])
def test_the_scale_of_the_initial_classifiers_is_that_of_the_config(labels: ClassTarget | VerbNounTarget) -> None:
    model = small(head=ExpertHead.Config(init_scale=0.0)).build(SIZE, labels).eval()
    assert not model.head(torch.ones(1, 48), torch.ones(1, 48)).any()


def test_experts_alone_and_without_exchange_are_the_same() -> None:
    model = randomized(small(exchange=None).build(SIZE, VERBS_AND_NOUNS))
    alone = LoneExpert.Config(expert=VIDEO, adapters=AdaptersConfig()).build(SIZE, VERBS_AND_NOUNS).eval()
    alone.stream.load_state_dict(model.temporal.state_dict())
    torch.testing.assert_close(model.head.verb(alone.features(clips())), model(clips())[:, :5])  # type: ignore[operator]


def reached(model: nn.Module, output: slice) -> set[int]:
    """Frames of a clip whose pixels influence some outputs."""
    clip = clips(1).requires_grad_()
    model(clip)[:, output].sum().backward()
    assert clip.grad is not None
    return {frame for frame in range(SIZE.frames) if clip.grad[0, frame].abs().sum() > 0}


def test_information_flows_in_the_direction_of_each_cross_attention() -> None:
    """Without T2S, the noun depends on the frames of the spatial expert alone: the second of each pair."""
    verbs, nouns = slice(0, 5), slice(5, 11)
    one_way = randomized(small(exchange=BottleneckExchange.Config(t2s=None)).build(SIZE, VERBS_AND_NOUNS))
    assert reached(one_way, nouns) == {1, 3, 5, 7} and reached(one_way, verbs) == set(range(8))
    both = randomized(small().build(SIZE, VERBS_AND_NOUNS))
    assert reached(both, nouns) == set(range(8))


def test_late_fusion_gives_all_labels_from_both_experts() -> None:
    for concatenated in (False, True):
        config = small(exchange=None, head=LateFusionHead.Config(concatenated=concatenated))
        model = randomized(config.build(SIZE, VERBS_AND_NOUNS))
        s, t = model.spatial, model.temporal
        features = []
        for stream in (s, t):
            x = stream.embedded(clips())
            for block in range(3):
                x = stream.feed(block, stream.attend(block, x))
            features.append(stream.features(x))
        fused = torch.cat(features, dim=1) if concatenated else features[0] + features[1]
        expected = model.head.classifier(fused)  # type: ignore[operator]
        torch.testing.assert_close(model(clips()), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "millions"),
    [
        ({}, 44.784781),
        ({"exchange": BottleneckExchange.Config(ratio=1)}, 103.352461),
        ({"exchange": BottleneckExchange.Config(ratio=4)}, 26.117773),
        ({"exchange": BottleneckExchange.Config(ratio=8)}, 19.438477),
        ({"exchange": BottleneckExchange.Config(t2s=None)}, 34.07),
        ({"exchange": BottleneckExchange.Config(s2t=None)}, 32.33),
        ({"blocks": (9, 10, 11)}, 22.08),
        ({"blocks": tuple(range(6, 12))}, 29.65),
        ({"blocks": tuple(range(3, 12))}, 37.22),
        ({"exchange": FullWidthExchange.Config()}, 85.915789),
        ({"exchange": FullWidthExchange.Config(adapter_ratio=0.25)}, 93.016717),
    ],
)
def test_numbers_of_trained_parameters_are_those_of_the_paper(settings: dict, millions: float) -> None:
    cost = CAST.Config(**settings).cost(PAPER_SIZE, EPIC)
    digits = 6 if millions != round(millions, 2) else 2
    assert round(cost.trainable_parameters / 1e6, digits) == millions


def test_trained_parameters_of_other_data_sets() -> None:
    assert CAST.Config().cost(PAPER_SIZE, KINETICS).trainable_parameters == 45_378_832
    assert CAST.Config().cost(PAPER_SIZE, ClassTarget(174)).trainable_parameters == 45_205_038


@pytest.mark.parametrize(
    ("config", "size", "gflops"),
    [
        (CAST.Config(), PAPER_SIZE, 390.87),
        (CAST.Config(exchange=BottleneckExchange.Config(ratio=1)), PAPER_SIZE, 482.7),
        (CAST.Config(exchange=BottleneckExchange.Config(ratio=4)), PAPER_SIZE, 361.6),
        (LoneExpert.Config(expert=ImageExpert.Config(tubelet=1)), ClipSize(8, 224, 224), 140.66),
        (LoneExpert.Config(expert=ClipExpert.Config()), PAPER_SIZE, 180.49),
        (
            LoneExpert.Config(expert=ImageExpert.Config(tubelet=1), adapters=AdaptersConfig(in_time=True)),
            PAPER_SIZE,
            405.1,
        ),
    ],
)
def test_published_gflops(config: CAST.Config | LoneExpert.Config, size: ClipSize, gflops: float) -> None:
    digits = 2 if gflops != round(gflops, 1) else 1
    assert round(config.macs(size, EPIC) / 1e9, digits) == gflops


CONFIGS: Sequence[CAST.Config] = [small(exchange=exchange) for exchange in EXCHANGES] + [
    small(spatial=EVA),
    small(spatial=VIDEO, head=LateFusionHead.Config(concatenated=True)),
    small(adapters=None),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_published_gflops_are_at_least_those_executed(config: CAST.Config) -> None:
    published, executed = config.macs(SIZE, LABELS), config.executed_macs(SIZE, LABELS)
    assert executed <= published < 1.4 * executed  # one of three blocks computes CLS alone in one of the experts


def test_a_run_on_other_labels_starts_from_all_but_the_head() -> None:
    parent, model = randomized(small().build(SIZE, LABELS)), small().build(SIZE, VERBS_AND_NOUNS)
    report = small().copy_from(model, parent.state_dict())
    assert {name.partition(".")[0] for name in (*report.missing, *report.unexpected)} == {"head"}
    assert torch.equal(model.exchanges["0"].up_s.bias, parent.exchanges["0"].up_s.bias)  # type: ignore[union-attr]


@pytest.mark.parametrize("exchange", EXCHANGES[1:])
def test_gflops_of_an_exchange_are_those_executed(exchange: ExchangeConfig) -> None:
    streams = small().streams(SIZE)
    with torch.device("meta"):
        module, tokens = exchange.build(streams), (torch.empty(4, 5, 48), torch.empty(1, 16, 48))
    assert executed_macs(module, tokens) == exchange.macs(streams)


def test_drop_path_removes_a_place_of_all_frames_as_released_or_a_clip() -> None:
    torch.manual_seed(0)
    stream = small(drop_path=0.5, drop_unit="token").build(SIZE, LABELS).spatial.train()
    ones = torch.ones(8, 5, 48)
    dropped = stream.drops[2](ones)
    assert (dropped == dropped[:1]).all() and set(dropped[0, :, 0].tolist()) == {0.0, 2.0}
    stream = small(drop_path=0.5, drop_unit="sample").build(SIZE, LABELS).spatial.train()
    rows = {tuple(stream.drops[2](ones)[:, 0, 0].tolist()) for _ in range(20)}
    assert rows == {(a,) * 4 + (b,) * 4 for a in (0.0, 2.0) for b in (0.0, 2.0)}
    assert (stream.drops[2].eval()(ones) == 1).all()


def test_stochastic_depth_does_not_touch_attention_and_its_adapters() -> None:
    config = small(drop_path=0.5, exchange=None)
    model = randomized(config.build(SIZE, LABELS)).train()
    x = model.temporal.embedded(clips())
    first = model.temporal.attend(2, x)
    assert all(torch.equal(first, model.temporal.attend(2, x)) for _ in range(5))
    assert not all(torch.equal(model.temporal.feed(2, x), model.temporal.feed(2, x)) for _ in range(5))
    assert not all(torch.equal(model.temporal.update(2, x, first), x + first) for _ in range(5))
    assert [drop.rate for drop in model.temporal.drops] == [0.0, 0.25, 0.5]


def test_stochastic_depth_applies_to_attention_over_time() -> None:
    config = LoneExpert.Config(expert=IMAGE, adapters=AdaptersConfig(in_time=True), drop_path=0.5)
    stream = randomized(config.build(SIZE, LABELS)).train().stream
    x = stream.embedded(clips())
    assert not all(torch.equal(stream.attend(2, x), stream.attend(2, x)) for _ in range(5))


def test_layers_for_layer_decay_are_embedding_blocks_and_head() -> None:
    model = small(blocks=(2,)).build(SIZE, VERBS_AND_NOUNS)
    layers = {name: model.layer_of(name) for name, p in model.named_parameters() if p.requires_grad}
    assert layers["spatial.attention_adapters.0.down.weight"] == 1
    assert layers["exchanges.2.t2s.query_positions.time"] == 3
    assert layers["spatial.expert.vit.norm.weight"] == layers["head.verb.weight"] == 4
    whole = small(adapters=None).build(SIZE, VERBS_AND_NOUNS)
    assert (
        whole.layer_of("spatial.expert.vit.pos_embed")
        == whole.layer_of("temporal.expert.vit.tokens.projection.bias")
        == 0
    )
    assert whole.layer_of("spatial.expert.vit.blocks.1.norm1.weight") == 2


def test_positions_of_mvd_are_those_of_frame_column_and_row() -> None:
    table = SpaceTimePositions.Config().build(16, Grid(2, 3, 3))(Grid(2, 3, 3))
    assert table.shape == (1, 18, 16)
    t, y, x = 1, 2, 1
    angles = torch.tensor([1.0, 10000**-0.5])
    expected = [torch.sin(t * angles), torch.cos(t * angles)]
    three = 10000.0 ** (-torch.arange(3) / 3)
    expected += [torch.sin(x * three), torch.cos(x * three), torch.sin(y * three), torch.cos(y * three)]
    torch.testing.assert_close(table[0, t * 9 + y * 3 + x], torch.cat(expected))
