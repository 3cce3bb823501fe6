"""Encoder of token sequences: its equations, its costs, its sizes."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from interface.sizes import TokenSequenceSize
from interface.targets import ClassTarget
from models.mixers.linformer import Linformer
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory_space import Approximation
from models.sequence.encoder import FirstToken, SequenceEncoder
from runner.measure.memory import bytes_saved

LISTOPS = TokenSequenceSize(2048, 32)
SMALL = TokenSequenceSize(12, 20)
TEN, TWO = ClassTarget(10), ClassTarget(2)
APPROXIMATIONS: dict[str, Approximation | None] = {
    "exact": None,
    "performer": Performer.Config(kernel="two-sided"),
    "nystromformer": Nystromformer.Config(conv_kernel=35, trains_landmarks=True),
    "orthoformer": Orthoformer.Config(num_prototypes=64, candidates="queries-and-keys"),
    "orthoformer of queries": Orthoformer.Config(num_prototypes=64),
    "linformer": Linformer.Config(),
}
ENCODERS = {name: SequenceEncoder.Config(approximation=one) for name, one in APPROXIMATIONS.items()}
EXACT, PERFORMER, NYSTROM, ORTHOFORMER, _, LINFORMER = ENCODERS.values()


def ids(size: TokenSequenceSize = SMALL, lengths: tuple[int, ...] = (12, 7, 1)) -> Tensor:
    """Token ids with padding."""
    torch.manual_seed(0)
    rows = torch.randint(1, size.vocabulary, (len(lengths), size.length))
    return rows * (torch.arange(size.length) < torch.tensor(lengths).unsqueeze(1))


def built(
    config: SequenceEncoder.Config, size: TokenSequenceSize = SMALL, targets: ClassTarget = TEN
) -> SequenceEncoder:
    torch.manual_seed(1)
    return config.build(size, targets).eval().double()


def logits(model: Any, ids: Tensor) -> Tensor:  # noqa: ANN401  (blocks have no declared type)
    """Logits by the plain equations of exact attention."""
    mask = ids != 0
    x = model.tokens(ids) + model.positions
    for block in model.blocks:
        normed = F.layer_norm(x, (64,), block.attention_norm.weight, block.attention_norm.bias)
        q, k, v = (t.unflatten(-1, (2, 32)).transpose(1, 2) for t in block.attention.qkv(normed).chunk(3, -1))
        scores = (q @ k.mT / 32**0.5).masked_fill(~mask[:, None, None], -torch.inf)
        y = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + block.attention.proj(y)
        normed = F.layer_norm(x, (64,), block.mlp_norm.weight, block.mlp_norm.bias)
        x = x + block.mlp[3](F.gelu(block.mlp[0](normed)))
    x = F.layer_norm(x, (64,), model.norm.weight, model.norm.bias) * mask.unsqueeze(-1)
    return model.head[2](F.relu(model.head[0](x.mean(1))))


@pytest.mark.parametrize("config", [EXACT, NYSTROM, ORTHOFORMER, LINFORMER], ids=["exact", "nystrom", "ortho", "lin"])
def test_executed_costs_are_the_published_ones_or_less(config: SequenceEncoder.Config) -> None:
    last_norm_and_head = 5 * 2048 * 64 + 2048 * 64 + 64 * 128 + 128 * 10
    assert config.executed_macs(LISTOPS, TEN) <= config.macs(LISTOPS, TEN) + last_norm_and_head
    if config is EXACT:
        assert config.executed_macs(LISTOPS, TEN) >= config.macs(LISTOPS, TEN)


def test_logits_are_those_of_the_plain_equations() -> None:
    model = built(EXACT)
    torch.testing.assert_close(model(ids()), logits(model, ids()), rtol=0, atol=1e-10)


def test_padding_counts_only_in_the_denominator_of_the_mean() -> None:
    longer = torch.cat([ids(), torch.zeros(3, 4, dtype=torch.long)], dim=1)
    by_tokens = SequenceEncoder.Config(mean_over="tokens")
    short, long = built(by_tokens), built(by_tokens, TokenSequenceSize(16, 20))
    with torch.no_grad():
        long.positions[:12] = short.positions
        long.load_state_dict({**long.state_dict(), **{n: t for n, t in short.state_dict().items() if n != "positions"}})
    torch.testing.assert_close(short(ids()), long(longer), rtol=0, atol=1e-10)
    over_positions = built(SequenceEncoder.Config()).features(ids())
    torch.testing.assert_close(over_positions[1], short.features(ids())[1] * 7 / 12, rtol=0, atol=1e-10)


def test_zeros_are_tokens_if_they_are_not_masked() -> None:
    model = built(SequenceEncoder.Config(masks_zeros=False))
    changed = ids()
    changed[1, 10] = 5
    with torch.no_grad():
        model.tokens.weight[5] = model.tokens.weight[0]
    torch.testing.assert_close(model(ids()), model(changed), rtol=0, atol=1e-12)
    masked = built(EXACT)
    assert not torch.allclose(masked(ids())[1], masked(changed)[1], rtol=0, atol=1e-6)


def test_a_first_token_replaces_the_mean() -> None:
    model = built(SequenceEncoder.Config(pooling="first token"))
    other = ids()
    other[:, -1] = 3  # dropped
    torch.testing.assert_close(model(ids()), model(other))
    other[:, 0] = 3
    assert not torch.allclose(model(ids()), model(other))


def test_a_pair_goes_through_the_same_blocks() -> None:
    model = built(EXACT, TokenSequenceSize(12, 20, pair=True), TWO)
    one, other = ids(), ids(lengths=(3, 4, 5))
    a, b = model.features(one), model.features(other)
    torch.testing.assert_close(model(one, other), model.head(torch.cat([a, b, a * b, a - b], dim=1)))
    assert model(one, other).shape == (3, 2)
    sample = TokenSequenceSize(12, 20, pair=True).example(3)
    assert len(sample) == 2 and model(*sample).shape == (3, 2)


@pytest.mark.parametrize("approximation", [Performer.Config(), Orthoformer.Config(num_prototypes=4)], ids=str)
def test_attention_is_in_float32_in_mixed_precision_unless_the_config_says_otherwise(
    approximation: Approximation,
) -> None:
    seen: list[torch.dtype] = []
    for in_float32 in (True, False):
        config = SequenceEncoder.Config(approximation=approximation, attention_in_float32=in_float32)
        model: Any = config.build(SMALL, TEN)
        stage = model.blocks[0].attention.stage
        stage.register_forward_pre_hook(lambda stage, inputs: seen.append(inputs[0].dtype))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert model(ids()).isfinite().all()
    assert seen == [torch.float32, torch.bfloat16]


def saved_megabytes(config: SequenceEncoder.Config, *, stored: bool) -> float:
    """Saved for the backward pass of one sequence of ListOps, in 10^6 bytes."""
    return bytes_saved(replace(config, stores_map=stored), LISTOPS, TEN) / 1e6


def test_the_published_formulations_save_their_maps() -> None:
    megabytes = 4 * LISTOPS.length / 1e6 * EXACT.heads * EXACT.depth  # of a column of a map
    for config, columns in ((NYSTROM, 3 * 128), (ORTHOFORMER, 2 * 64), (LINFORMER, 256)):
        difference = saved_megabytes(config, stored=True) - saved_megabytes(config, stored=False)
        assert difference == pytest.approx(columns * megabytes, rel=0.15)
    assert saved_megabytes(PERFORMER, stored=True) == saved_megabytes(PERFORMER, stored=False)  # it has no map


def test_the_order_of_what_is_saved_is_that_of_the_printed_memory() -> None:
    saved = [saved_megabytes(config, stored=True) for config in (EXACT, PERFORMER, NYSTROM, ORTHOFORMER)]
    assert saved == sorted(saved, reverse=True)
    # Of the published code, measured with its own modules; of Performer, the printed memory of 16 sequences.
    assert saved[:3] == pytest.approx([219.3, 885 / 16, 41.8], rel=0.01)
    assert saved_megabytes(EXACT, stored=False) < saved[0] / 5  # ours has no map in memory


SIZE = TokenSequenceSize(12, 20)
FOUR = ClassTarget(4)


def test_logits_depend_on_the_first_token_alone() -> None:
    model = FirstToken.Config().build(SIZE, FOUR)
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    (ids,) = SIZE.example(5)
    others = torch.cat([ids[:, :1], SIZE.example(5)[0][:, 1:]], dim=1)
    assert torch.equal(model(ids), model(others)) and model(ids).shape == (5, 4)
    assert not torch.equal(model(ids), model(ids.roll(1, dims=1)))


def test_both_sequences_of_a_pair_count() -> None:
    size = TokenSequenceSize(12, 20, pair=True)
    model = FirstToken.Config().build(size, FOUR)
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    a, b = size.example(5)
    assert not torch.equal(model(a, b), model(b, a)) and model(a, b).shape == (5, 4)


def test_it_costs_nothing() -> None:
    config = FirstToken.Config()
    assert config.macs(SIZE, FOUR) == 0 and config.cost(SIZE, FOUR).parameters == 20 * 4
