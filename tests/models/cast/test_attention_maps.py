"""Maps of the cross-attention of CAST: equal to the equation written naively, and to what the exchange computes.

T frames, S patches per frame, H heads, W width.
"""

import pytest
import torch
from torch import Tensor

from benchmarks.cast import softmax_attention
from interface.targets import VerbNounTarget
from models.attention_query import AttentionOfPoint, CheckedQuery, Patch, PointQuery
from models.cast.bottleneck import AllTokensAttention, BottleneckExchange, FullWidthExchange
from models.cast.cross_attention import CrossAttention, Window
from models.cast.exchange import ExchangeConfig, LateralExchange
from models.cast.model import CAST
from tests.models.cast.cast_models import SIZE, VIDEO, clips, randomized, small

TARGETS = VerbNounTarget(5, 6)
QUERY = PointQuery(frame=2, x=0.6, y=0.2)
PATCH = Patch(2, 0, 1)
FRAMES, PATCHES, PLACE, HEADS = 4, 4, 1, 4
WINDOWS: tuple[Window, ...] = ("time", "space", "space-time")


def built(**settings: object) -> CAST:
    """Model in double precision without zero weights."""
    torch.manual_seed(0)
    return randomized(small(**settings).build(SIZE, TARGETS)).double()


def clip() -> Tensor:
    return clips(1)[0].double()


def asked(model: CAST, **changes: object) -> AttentionOfPoint:
    return model.attention_maps().of_point((clip(),), QUERY._replace(**changes))  # type: ignore[arg-type]


def heads_of(model: CAST, **changes: object) -> Tensor:
    """Maps (H, T, S) of all heads."""
    return torch.stack([asked(model, head=head, **changes).maps.flatten(1) for head in range(HEADS)])


def patches(model: CAST, block: int) -> tuple[Tensor, Tensor]:
    """Projected and normalised patches (T, S, W) of both streams at the exchange of a block."""
    exchange = model.exchange_of(block)
    s, t = model.exchange_input(block, clip().unsqueeze(0))
    if isinstance(exchange, BottleneckExchange):
        s, t = exchange.down_s(s), exchange.down_t(t)
    assert isinstance(exchange, BottleneckExchange | FullWidthExchange)
    return model.spatial.layout.patches(exchange.norm_s(s))[0], model.temporal.layout.patches(exchange.norm_t(t))[0]


def weights_of(query: Tensor, keys: Tensor) -> Tensor:
    """Attention weights (H, L) of a query (W) for keys (L, W): the published output for unit vectors as values."""
    unit_vectors = torch.eye(len(keys), dtype=keys.dtype).repeat(1, HEADS)
    return softmax_attention(query.unsqueeze(0), keys, unit_vectors, HEADS).view(HEADS, -1)


def naive_map(layer: CrossAttention, queries: Tensor, context: Tensor) -> Tensor:
    """Equation 7 for the query: (H, T, S)."""
    queries, context = layer.with_positions(queries, context)
    frame = torch.arange(FRAMES).unsqueeze(1).expand(-1, PATCHES)
    within = {"time": torch.arange(PATCHES) == PLACE, "space": frame == PATCH.frame, "space-time": frame >= 0}
    seen = within[layer.window].expand(FRAMES, PATCHES)
    maps = torch.zeros(HEADS, FRAMES, PATCHES, dtype=torch.float64)
    maps[:, seen] = weights_of(layer.q(queries[PATCH.frame, PLACE]), layer.kv(context[seen]).chunk(2, -1)[0])
    return maps


@torch.no_grad()
@pytest.mark.parametrize("positions", [True, False], ids=["positions", "no positions"])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("attention", ["t2s", "s2t"])
def test_maps_are_the_softmax_of_the_equation(attention: str, window: Window, positions: bool) -> None:
    model = built(exchange=BottleneckExchange.Config(t2s=window, s2t=window, positions=positions))
    exchange = model.exchange_of(1)
    assert isinstance(exchange, BottleneckExchange)
    a, b = patches(model, 1)
    layer, queries, context = (exchange.t2s, a, b) if attention == "t2s" else (exchange.s2t, b, a)
    assert layer is not None
    wanted = naive_map(layer, queries, context)
    torch.testing.assert_close(heads_of(model, attention=attention, block=1), wanted, rtol=0, atol=1e-10)
    mean = asked(model, attention=attention, block=1).maps
    torch.testing.assert_close(mean.flatten(1), wanted.mean(0), rtol=0, atol=1e-10)
    assert mean[mean > 0].std() > 0.01  # not uniform


@torch.no_grad()
def test_full_width_s2t_attends_to_all_tokens_and_its_map_leaves_each_cls_out() -> None:
    model = built(exchange=FullWidthExchange.Config())
    exchange = model.exchange_of(2)
    assert isinstance(exchange, FullWidthExchange) and isinstance(exchange.s2t, AllTokensAttention)
    s, t = model.exchange_input(2, clip().unsqueeze(0))
    tokens = exchange.norm_s(s).flatten(0, 1) + exchange.s2t.key_positions  # (T * (1 + S), W), CLS first in each frame
    query = exchange.s2t.q(model.temporal.layout.patches(exchange.norm_t(t))[0, PATCH.frame, PLACE])
    weights = weights_of(query, exchange.s2t.kv(tokens).chunk(2, -1)[0]).unflatten(1, (FRAMES, 1 + PATCHES))
    torch.testing.assert_close(heads_of(model), weights[..., 1:], rtol=0, atol=1e-10)
    assert (weights[..., 0] > 0).all()


@torch.no_grad()
def test_full_width_t2s_attends_along_time() -> None:
    model = built(exchange=FullWidthExchange.Config(adapter_ratio=0.25))
    exchange = model.exchange_of(1)
    assert isinstance(exchange, FullWidthExchange)
    wanted = naive_map(exchange.t2s, *patches(model, 1))
    torch.testing.assert_close(heads_of(model, attention="t2s"), wanted, rtol=0, atol=1e-10)


def test_full_width_s2t_of_a_spatial_stream_without_cls_sums_to_one() -> None:
    maps = asked(built(spatial=VIDEO, exchange=FullWidthExchange.Config())).maps
    assert maps.shape == (4, 2, 2) and float(maps.sum()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("settings", "attention", "wanted"),
    [
        ({}, None, ("s2t", 2)),
        ({}, "t2s", ("t2s", 1)),  # the last block computes CLS alone
        ({"spatial": VIDEO}, "t2s", ("t2s", 2)),  # it has no CLS
        ({"blocks": (0, 1)}, "t2s", ("t2s", 1)),
        ({"blocks": (1, 0)}, None, ("s2t", 1)),
        ({"exchange": BottleneckExchange.Config(s2t=None)}, None, ("t2s", 1)),
        ({"exchange": BottleneckExchange.Config(t2s=None)}, None, ("s2t", 2)),
        ({"exchange": FullWidthExchange.Config()}, None, ("s2t", 2)),
    ],
)
def test_the_default_block_is_the_last_one_with_maps(
    settings: dict[str, object], attention: str | None, wanted: tuple[str, int]
) -> None:
    maps, places, found = asked(model := built(**settings), attention=attention)
    assert found == CheckedQuery(QUERY._replace(attention=attention), PATCH, *wanted, HEADS) and places is None
    assert model.attention_maps().num_blocks == 3
    assert float(maps.sum()) > 0


NO_ATTENTION = "^no expert of the model attends to the other; choose a row with attention between the experts$"


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        ({"exchange": None}, {}, NO_ATTENTION),
        ({"exchange": LateralExchange.Config()}, {"attention": "s2t"}, NO_ATTENTION),
        (
            {},
            {"attention": "t2s", "block": 2},
            "^block 2: maps are in blocks 0, 1; the spatial stream of block 2 computes CLS alone$",
        ),
        (
            {"blocks": (2,)},
            {"attention": "t2s"},
            "^attention 't2s': no block has maps of it; the spatial stream of block 2 computes CLS alone$",
        ),
    ],
)
def test_a_query_without_maps_is_refused(
    settings: dict[str, ExchangeConfig | None], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        small(**settings).on_meta(SIZE, TARGETS).attention_maps().check(SIZE, QUERY._replace(**changes))  # type: ignore[arg-type]
