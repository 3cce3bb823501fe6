"""Maps of the cross-attention of CAST: equal to the equation written naively, and to what the exchange computes.

T frames, S patches per frame, H heads, W width.
"""

import math

import pytest
import torch
from torch import Tensor

from interface.targets import VerbNounTarget
from models.attention_query import AttentionOfPoint, CheckedQuery, Patch, PointQuery
from models.cast.bottleneck import AllTokensAttention, BottleneckExchange, FullWidthExchange
from models.cast.clip_expert import ClipExpert
from models.cast.cross_attention import CrossAttention, Window
from models.cast.exchange import ExchangeConfig, LateralExchange
from models.cast.model import CAST
from tests.models.cast.cast_models import SIZE, clips, randomized, small

TARGETS = VerbNounTarget(5, 6)
QUERY = PointQuery(frame=1, x=0.6, y=0.2)
PATCH = Patch(1, 0, 1)
FRAMES, PATCHES, PLACE, HEADS = 4, 4, 1, 4
WINDOWS: tuple[Window, ...] = ("time", "space", "space-time")
VIDEO = ClipExpert.Config(width=48, depth=3, heads=4)


def built(**settings: object) -> CAST:
    """Model in double precision without zero weights."""
    torch.manual_seed(0)
    return randomized(small(**settings).build(SIZE, TARGETS)).double()


def clip() -> Tensor:
    return clips(1)[0].double()


def asked(model: CAST, **changes: object) -> AttentionOfPoint:
    return model.attention_maps().of_point((clip(),), QUERY._replace(**changes))  # type: ignore[arg-type]


def patches(model: CAST, block: int) -> tuple[Tensor, Tensor]:
    """Projected and normalised patches (T, S, W) of both streams at the exchange of a block."""
    exchange = model.exchange_of(block)
    s, t = model.exchange_input(block, clip().unsqueeze(0))
    if isinstance(exchange, BottleneckExchange):
        s, t = exchange.down_s(s), exchange.down_t(t)
    assert isinstance(exchange, BottleneckExchange | FullWidthExchange)
    return model.spatial.layout.patches(exchange.norm_s(s))[0], model.temporal.layout.patches(exchange.norm_t(t))[0]


def within(window: Window, frame: int, place: int) -> bool:
    """Whether the query attends to a patch."""
    return {"time": place == PLACE, "space": frame == PATCH.frame, "space-time": True}[window]


def softmax_of_scores(q: Tensor, keys: dict[object, Tensor], heads: int) -> list[dict[object, float]]:
    """Attention weights of a query (W) for some keys (W) by name, one by one; a dict for each head."""
    weights = []
    for head in range(heads):
        part = slice(head * len(q) // heads, (head + 1) * len(q) // heads)
        scores = {name: float(q[part] @ key[part]) / math.sqrt(len(q) // heads) for name, key in keys.items()}
        total = sum(math.exp(score) for score in scores.values())
        weights.append({name: math.exp(score) / total for name, score in scores.items()})
    return weights


def naive_map(layer: CrossAttention, queries: Tensor, context: Tensor) -> Tensor:
    """Equation 7 for the query: (H, T, S)."""
    queries, context = layer.with_positions(queries, context)
    keys: dict[object, Tensor] = {
        (t, s): layer.kv(context[t, s]).chunk(2)[0]
        for t in range(FRAMES)
        for s in range(PATCHES)
        if within(layer.window, t, s)
    }
    maps = torch.zeros(HEADS, FRAMES, PATCHES, dtype=torch.float64)
    for head, weights in enumerate(softmax_of_scores(layer.q(queries[1, PLACE]), keys, HEADS)):
        for (t, s), weight in weights.items():  # type: ignore[misc]
            maps[head, t, s] = weight
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
    for head in range(HEADS):
        maps = asked(model, attention=attention, block=1, head=head).maps
        torch.testing.assert_close(maps.flatten(1), wanted[head], rtol=0, atol=1e-10)
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
    keys: dict[object, Tensor] = {n: exchange.s2t.kv(token).chunk(2)[0] for n, token in enumerate(tokens)}
    query = exchange.s2t.q(model.temporal.layout.patches(exchange.norm_t(t))[0, 1, PLACE])
    for head, weights in enumerate(softmax_of_scores(query, keys, HEADS)):
        maps = asked(model, head=head).maps.flatten(1)
        wanted = [[weights[t * (1 + PATCHES) + 1 + s] for s in range(PATCHES)] for t in range(FRAMES)]
        torch.testing.assert_close(maps, torch.tensor(wanted, dtype=torch.float64), rtol=0, atol=1e-10)
        of_cls = sum(weights[t * (1 + PATCHES)] for t in range(FRAMES))
        assert 0 < float(maps.sum()) < 1 and float(maps.sum()) + of_cls == pytest.approx(1)


@torch.no_grad()
def test_full_width_t2s_attends_along_time() -> None:
    model = built(exchange=FullWidthExchange.Config(adapter_ratio=0.25))
    exchange = model.exchange_of(1)
    assert isinstance(exchange, FullWidthExchange)
    maps = torch.stack([asked(model, attention="t2s", head=head).maps.flatten(1) for head in range(HEADS)])
    torch.testing.assert_close(maps, naive_map(exchange.t2s, *patches(model, 1)), rtol=0, atol=1e-10)


def test_full_width_s2t_of_a_spatial_stream_without_cls_sums_to_one() -> None:
    maps = asked(built(spatial=VIDEO, exchange=FullWidthExchange.Config())).maps
    assert maps.shape == (4, 2, 2) and float(maps.sum()) == pytest.approx(1)


def test_the_default_is_s2t_of_the_last_block() -> None:
    model = built()
    found = asked(model)
    assert found[1:] == (None, CheckedQuery(QUERY, PATCH, "s2t", 2, 4))
    assert torch.equal(found.maps, asked(model, attention="s2t", block=2).maps)
    assert not torch.allclose(found.maps, asked(model, block=1).maps, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "attention", "wanted"),
    [
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
    maps, _, found = asked(model := built(**settings), attention=attention)
    assert (found.attention, found.block) == wanted and model.attention_maps().num_blocks == 3
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
