"""Baselines of CAST against their equations, written naively: experts alone, other exchanges, and ensembles."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from benchmarks.cast import softmax_attention
from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.cast.baselines import IndependentExperts, LoneExpert
from models.cast.bottleneck import FullWidthExchange
from models.cast.exchange import LateralExchange
from models.cast.expert import NORM_MACS
from models.cast.frame_expert import FrameExpert
from models.cast.stream import AdaptersConfig
from models.cost import executed_macs
from tests.models.cast.cast_models import EVA, IMAGE, SIZE, VERBS_AND_NOUNS, VIDEO, clips, randomized, small

T, S = 4, 4  # token frames, patches per frame


@pytest.mark.parametrize(
    "config",
    [
        IMAGE,
        replace(IMAGE, pre_norm=False, quick_gelu=False, norm_eps=1e-6),
        EVA,
    ],
)
def test_halves_of_blocks_are_the_model_of_timm(config: FrameExpert.Config) -> None:
    expert = randomized(config.build(SIZE))
    assert isinstance(expert, FrameExpert)
    x = expert.embedded(clips())
    for block in map(expert.block, range(config.depth)):
        x = x + block.attention(block.attention_norm(x))
        x = x + block.mlp(block.mlp_norm(x))
    frames = clips()[:, 1::2].flatten(0, 1)
    features = expert.vit.forward_features(frames)
    torch.testing.assert_close(expert.vit.norm(x), features, atol=1e-5, rtol=1e-5)
    # Ours are without the last LayerNorm, which timm applies to all tokens.
    executed = executed_macs(expert.vit.to("meta"), (frames.to("meta"),))
    assert executed == len(clips()) * config.macs(SIZE) + NORM_MACS * x.numel()


def test_attention_over_time_is_that_of_each_place_with_the_weights_within_frames() -> None:
    config = LoneExpert.Config(expert=replace(IMAGE, tubelet=2), adapters=AdaptersConfig(in_time=True))
    model = randomized(config.build(SIZE, VERBS_AND_NOUNS))
    expert = model.stream.expert
    assert isinstance(expert, FrameExpert)
    attention = expert.attention_module(1)
    x = torch.randn(2 * T, 1 + S, 48)
    expected = torch.empty_like(x).unflatten(0, (2, T))
    for clip in range(2):
        for place in range(1 + S):
            tokens = x.unflatten(0, (2, T))[clip, :, place]  # (T, D)
            q, k, v = attention.qkv(tokens).chunk(3, -1)
            expected[clip, :, place] = attention.proj(softmax_attention(q, k, v, 4))
    torch.testing.assert_close(expert.attention_over_time(1, x), expected.flatten(0, 1), atol=1e-5, rtol=1e-5)


def test_an_expert_without_adapters_in_time_does_not_connect_frames() -> None:
    alone = LoneExpert.Config(expert=IMAGE, adapters=AdaptersConfig())
    connected = replace(alone, adapters=AdaptersConfig(in_time=True))
    shuffled = clips()[:, [2, 3, 6, 7, 0, 1, 4, 5]]
    model = randomized(alone.build(SIZE, VERBS_AND_NOUNS))
    torch.testing.assert_close(model(clips()), model(shuffled), atol=1e-5, rtol=1e-5)
    with_positions = replace(connected, adapters=AdaptersConfig(in_time=True, time_positions=True))
    model = randomized(with_positions.build(SIZE, VERBS_AND_NOUNS))
    assert (model(clips()) - model(shuffled)).abs().max() > 1e-3


@pytest.mark.parametrize("frames", [4, 9, 16])
def test_clips_of_another_length_are_refused_by_experts_of_frames(frames: int) -> None:
    model = LoneExpert.Config(expert=IMAGE).build(SIZE, VERBS_AND_NOUNS)
    with pytest.raises(ValueError, match=f"^clip: {frames} frames; the model was built for 8$"):
        model(clips(2, ClipSize(frames, 32, 32)))


@pytest.mark.parametrize("ratio", [None, 0.25])
def test_full_width_exchange_is_its_equation(ratio: float | None) -> None:
    model = randomized(small(exchange=FullWidthExchange.Config(adapter_ratio=ratio)).build(SIZE, VERBS_AND_NOUNS))
    exchange = model.exchanges["1"]
    assert isinstance(exchange, FullWidthExchange)
    s, t = torch.randn(T, 1 + S, 48), torch.randn(1, T * S, 48)
    a, b = exchange.norm_s(s), exchange.norm_t(t)[0]
    k, v = exchange.s2t.kv(a.flatten(0, 1) + exchange.s2t.key_positions).chunk(2, -1)
    of_t = exchange.s2t.proj(softmax_attention(exchange.s2t.q(b), k, v, 4))
    layer = exchange.t2s
    assert layer.query_positions is not None and layer.key_positions is not None
    of_s = torch.zeros_like(s)
    for place in range(S):
        queries = a[:, 1 + place] + layer.query_positions.time
        k, v = layer.kv(b.unflatten(0, (T, S))[:, place] + layer.key_positions.time).chunk(2, -1)
        of_s[:, 1 + place] = layer.proj(softmax_attention(layer.q(queries), k, v, 4))
    if exchange.adapter_s is not None and exchange.adapter_t is not None:
        of_s[:, 1:], of_t = exchange.adapter_s(of_s[:, 1:]), exchange.adapter_t(of_t)
    update_s, update_t = exchange(s, t)
    torch.testing.assert_close(update_s, of_s, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(update_t, of_t.unsqueeze(0), atol=1e-5, rtol=1e-5)


def test_lateral_exchange_adds_the_projected_patch_of_the_same_place() -> None:
    model = randomized(small(exchange=LateralExchange.Config()).build(SIZE, VERBS_AND_NOUNS))
    exchange = model.exchanges["0"]
    assert isinstance(exchange, LateralExchange)
    s, t = torch.randn(T, 1 + S, 48), torch.randn(1, T * S, 48)
    update_s, update_t = exchange(s, t)
    for frame in range(T):
        for place in range(S):
            of_t, of_s = t[0, frame * S + place], s[frame, 1 + place]
            torch.testing.assert_close(update_s[frame, 1 + place], exchange.to_s(of_t))
            torch.testing.assert_close(update_t[0, frame * S + place], exchange.to_t(of_s))
    assert (update_s[:, 0] == 0).all()


def ensemble(**givers: str) -> tuple[IndependentExperts.Config, IndependentExperts, dict[str, nn.Module]]:
    """Experts that were trained alone, and their combination."""
    config = IndependentExperts.Config(
        spatial=LoneExpert.Config(expert=IMAGE, adapters=AdaptersConfig()),
        temporal=LoneExpert.Config(expert=VIDEO, adapters=AdaptersConfig()),
        **givers,  # type: ignore[arg-type]
    )
    alone = {
        part: randomized(getattr(config, part).build(SIZE, VERBS_AND_NOUNS), seed)
        for seed, part in enumerate(("spatial", "temporal"))
    }
    model = config.build(SIZE, VERBS_AND_NOUNS).eval()
    for part, expert in alone.items():
        config.copy_from(model, expert.state_dict(), part)
    return config, model, alone


def probabilities(logits: Tensor) -> Tensor:
    """Class probabilities of verbs and of nouns."""
    return torch.cat([part.softmax(-1) for part in logits.split([5, 6], -1)], -1)


@pytest.mark.parametrize("givers", [{}, {"verb": "both", "noun": "both"}], ids=["independent", "ensemble"])
def test_independent_experts_give_verbs_and_nouns_and_an_ensemble_the_mean(givers: dict[str, str]) -> None:
    _, model, alone = ensemble(**givers)
    spatial, temporal = (probabilities(alone[part](clips())) for part in ("spatial", "temporal"))
    expected = (spatial + temporal) / 2 if givers else torch.cat([temporal[:, :5], spatial[:, 5:]], -1)
    torch.testing.assert_close(probabilities(model(clips())), expected, atol=1e-6, rtol=1e-5)
    rows = [model.rows(part) for part in ("spatial", "temporal")]
    assert rows == ([list(range(11))] * 2 if givers else [list(range(5, 11)), list(range(5))])


def test_one_label_is_that_of_both_experts() -> None:
    config = IndependentExperts.Config(
        spatial=LoneExpert.Config(expert=IMAGE), temporal=LoneExpert.Config(expert=VIDEO)
    )
    model = config.build(SIZE, ClassTarget(7))
    assert model.rows("spatial") == model.rows("temporal") == list(range(7))


def test_an_expert_of_another_model_is_refused() -> None:
    config, _, _ = ensemble()
    with pytest.raises(ValueError, match=r"model\.spatial differs from the model of the run that trains it"):
        config.check_parent("spatial", replace(config.spatial, adapters=None))
    config.check_parent("temporal", config.temporal)
