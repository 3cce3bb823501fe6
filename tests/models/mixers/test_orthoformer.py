from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import motionformer as reference
from models.mixers import orthoformer
from models.mixers.orthoformer import Orthoformer, gathered, most_orthogonal
from models.mixers.trajectory_space import ExactSpace, SpatialStage, by_frame, segment_means
from models.tokens import Grid
from tests.models.mixers import test_approximations as contract
from tests.models.mixers.test_approximations import SEQUENCE, prototypes_of
from tests.parity.fixtures import TOLERANCE, Fixture

GRID = Grid(frames=4, height=5, width=5)
HEADS = 3


def heads(clips: int = 2, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Queries, keys and values of clips: (G, n, K) each."""
    torch.manual_seed(0)
    return [torch.randn(clips * HEADS, GRID.tokens, 16, dtype=dtype) for _ in range(3)]


def assert_outputs_equal_the_authors(fixture: Fixture, selected: Tensor, y: Tensor) -> None:
    """Compare the indices of prototypes (rows, R), and the outputs y: (T, n, G, K)."""
    assert torch.equal(selected.sort(dim=1).values, fixture.output("prototypes"))
    expected = fixture.content["outputs"]["y"]
    y = y.permute(2, 1, 0, 3)  # (G, n, T, K)
    assert list(y.shape) == expected["shape"]
    samples = y.flatten()[fixture.indices_of_samples("y")]
    torch.testing.assert_close(samples, torch.tensor(expected["values"]), rtol=0, atol=TOLERANCE)
    assert y.double().sum().item() == pytest.approx(expected["sum"], abs=1e-3, rel=0)
    assert y.double().square().sum().item() == pytest.approx(expected["sum_of_squares"], rel=1e-6)


def test_shared_prototypes_and_outputs_equal_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    fixture = Fixture("orthoformer_shared")
    q, k, v = (fixture.tensors[name] for name in "qkv")
    first = torch.tensor(fixture.content["inputs"]["first_index"])
    stage = Orthoformer.Config(num_prototypes=20).build(HEADS)
    numbers = (first + 0.5).unsqueeze(1) / GRID.tokens
    monkeypatch.setattr(stage, "uniform_numbers", lambda candidates, count, sets: numbers)
    assert_outputs_equal_the_authors(fixture, most_orthogonal(q, first, 20), stage(q, k, v, GRID))


def test_prototypes_per_frame_and_outputs_equal_the_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    fixture = Fixture("orthoformer_per_frame")
    q, k, v = (fixture.tensors[name] for name in "qkv")
    first = torch.tensor(fixture.content["inputs"]["first_index"])
    rows = q.unflatten(1, (GRID.frames, GRID.patches)).flatten(0, 1)  # the authors' rows: heads, then frames
    stage = Orthoformer.Config(num_prototypes=8, share_over_time=False).build(HEADS)
    numbers = (first.view(HEADS, GRID.frames).T.reshape(-1, 1) + 0.5) / GRID.patches  # ours: frames, then heads
    monkeypatch.setattr(stage, "uniform_numbers", lambda candidates, count, sets: numbers)
    assert_outputs_equal_the_authors(fixture, most_orthogonal(rows, first, 8), stage(q, k, v, GRID))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("num_prototypes", [1, 2, 31, 100])
def test_the_running_maximum_selects_the_same_as_the_released_code(seed: int, num_prototypes: int) -> None:
    torch.manual_seed(seed)
    # Signs times powers of two: cosines are exact in every order of summation, and so are ties.
    candidates = torch.randint(2, (6, 100, 64)) * 2.0 - 1
    candidates *= 2.0 ** torch.randint(-2, 3, (6, 100, 1))
    candidates[:, 50:60] = candidates[:, 20:30]  # copies
    first = torch.randint(100, (6,))
    selected = most_orthogonal(candidates, first, num_prototypes)
    assert torch.equal(selected, reference.greedy_prototypes(candidates, first, num_prototypes))
    assert all(len(set(row.tolist())) == num_prototypes for row in selected)


def test_orthogonal_vectors_are_selected_first() -> None:
    torch.manual_seed(0)
    candidates = torch.randn(1, 64, 8)
    candidates[0, 5:61:8] = torch.eye(8)[:7] * torch.tensor([1.0, -2, 3, -4, 5, -6, 7]).unsqueeze(1)
    selected = most_orthogonal(candidates, torch.tensor([5]), 7)
    assert sorted(selected[0].tolist()) == list(range(5, 54, 8))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_selection_runs_in_single_precision_under_mixed_precision(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    candidates = torch.randn(4, 200, 32).to(dtype)
    first = torch.arange(4)
    exact = most_orthogonal(candidates.float(), first, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(most_orthogonal(candidates, first, 32), exact)
    assert not torch.equal(reference.greedy_prototypes(candidates, first, 32), exact)


CONFIGS = [
    config
    for config in (*contract.STAGES, *contract.OF_CLIPS)
    if isinstance(config, Orthoformer.Config) and config.selection != "segment-means"
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_prototypes_are_distinct_candidates(config: Orthoformer.Config) -> None:
    q, k, _ = heads()
    prototypes = prototypes_of(config.build(HEADS), q, k, GRID).values
    rows = [t if config.share_over_time else by_frame(t, GRID).flatten(0, 1) for t in (q, k)]
    pool = torch.cat(rows if config.candidates == "queries-and-keys" else rows[:1], dim=1)
    same = (prototypes.unsqueeze(2) == pool.unsqueeze(1)).all(-1)  # (rows, R, L)
    assert (same.sum(2) == 1).all() and (same.sum(1) <= 1).all()
    from_keys = same[..., rows[0].shape[1] :].any()
    assert bool(from_keys) == (config.candidates == "queries-and-keys")


each_pool = pytest.mark.parametrize(
    ("config", "available"),
    [
        (Orthoformer.Config(num_prototypes=6), 100),
        (Orthoformer.Config(num_prototypes=6, share_over_time=False), 25),
        (Orthoformer.Config(num_prototypes=6, share_over_time=False, candidates="queries-and-keys"), 50),
    ],
)


@each_pool
def test_one_candidate_per_prototype_equals_random_selection(config: Orthoformer.Config, available: int) -> None:
    q, k, _ = heads()
    configs = replace(config, candidates_per_prototype=1), replace(config, selection="random"), config
    of_few, at_random, of_all = (prototypes_of(config.build(HEADS).eval(), q, k, GRID).values for config in configs)
    assert torch.equal(of_few, at_random)
    assert not torch.equal(of_few, of_all)


@each_pool
@pytest.mark.parametrize("c", [1, 2, 1000, None])
def test_prototypes_are_selected_from_c_times_as_many_candidates_or_from_all(
    config: Orthoformer.Config, available: int, c: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Tensor] = []
    monkeypatch.setattr(orthoformer, "most_orthogonal", lambda *args: given.append(args[0]) or most_orthogonal(*args))
    config = replace(config, candidates_per_prototype=c)
    config.build(HEADS)(*heads(), GRID)
    num_candidates = {1: 6, 2: 12}.get(c or 0, available)
    assert given[0].shape[1] == config.num_candidates(GRID) == num_candidates
    assert all(len(row.unique(dim=0)) == num_candidates for row in given[0])


def test_segment_means_average_neighbouring_positions_over_all_frames() -> None:
    q, k, _ = heads(clips=1)
    stage = Orthoformer.Config(num_prototypes=5, selection="segment-means").build(HEADS)
    prototypes = prototypes_of(stage, q, k, GRID).values
    rows_of_places = q.unflatten(1, (GRID.frames, GRID.height, GRID.width))  # (G, T, rows, columns, K)
    torch.testing.assert_close(prototypes, rows_of_places.mean(dim=(1, 3)))


def test_the_last_segments_are_longer_if_tokens_do_not_divide_evenly() -> None:
    means = segment_means(torch.arange(11.0).view(1, 11, 1), 4).flatten().tolist()  # 2 + 3 + 3 + 3
    assert means == [0.5, 3, 6, 9]


def test_padding_counts_as_zeros_in_segment_means() -> None:
    (q, k, _), mask = contract.heads(), contract.padding()
    stage = Orthoformer.Config(num_prototypes=6, selection="segment-means").build(contract.HEADS)
    prototypes = prototypes_of(stage, q, k, SEQUENCE, mask).values
    torch.testing.assert_close(prototypes, (q * mask.unsqueeze(-1)).unflatten(1, (6, 4)).mean(2))


@pytest.mark.parametrize("candidates", ["queries", "queries-and-keys"])
def test_prototypes_of_a_padded_sequence_are_selected_among_its_tokens(
    candidates: Literal["queries", "queries-and-keys"],
) -> None:
    (q, k, _), mask = contract.heads(), contract.padding()
    stage = Orthoformer.Config(num_prototypes=6, candidates=candidates).build(contract.HEADS).eval()
    prototypes, numbers = prototypes_of(stage, q, k, SEQUENCE, mask).values, stage.uniform_numbers(q, 1, 1)
    for row, own in enumerate(mask):
        found = q[row, own] if candidates == "queries" else torch.cat([q[row, own], k[row, own]])
        selected = reference.greedy_prototypes(found.unsqueeze(0), (numbers[row] * len(found)).long(), 6)
        assert torch.equal(prototypes[row], found[selected[0].sort().values])


def test_prototypes_in_excess_of_the_tokens_count_for_nothing_unless_padding_may_be_selected() -> None:
    q, k, v = contract.heads()
    few, many = (Orthoformer.Config(num_prototypes=count).build(contract.HEADS).eval() for count in (5, 12))
    mask = torch.arange(q.shape[1]).expand(len(q), -1) < 5
    y, short = many(q, k, v, SEQUENCE, mask), few(*(t[:, :5] for t in (q, k, v)), Grid(1, 1, 5))
    torch.testing.assert_close(y[:, :5], short, rtol=0, atol=1e-10)
    with_padding = Orthoformer.Config(num_prototypes=12, pads_as_prototypes=True).build(contract.HEADS).eval()
    assert prototypes_of(with_padding, q, k, SEQUENCE, mask).real is None
    assert not torch.allclose(with_padding(q, k, v, SEQUENCE, mask), y)


def test_prototypes_of_a_sequence_with_padding_are_those_of_its_frame() -> None:
    per_frame, shared = (Orthoformer.Config(num_prototypes=2, share_over_time=of_all) for of_all in (False, True))
    inputs = *contract.heads(), SEQUENCE, contract.padding()
    y, expected = (config.build(contract.HEADS).eval()(*inputs) for config in (per_frame, shared))
    torch.testing.assert_close(y, expected, rtol=0, atol=0)


def test_sharp_attention_with_all_queries_as_prototypes_is_exact() -> None:
    q, _, v = heads()
    q = 20 * torch.nn.functional.normalize(q, dim=-1)
    stage: SpatialStage = Orthoformer.Config(num_prototypes=GRID.tokens).build(HEADS)
    torch.testing.assert_close(stage(q, q, v, GRID), ExactSpace()(q, q, v, GRID), rtol=0, atol=1e-3)


def naive(q: Tensor, k: Tensor, v: Tensor, config: Orthoformer.Config, num_candidates: int) -> None:
    """Products of the released code, with prototypes from at most `num_candidates` candidates."""
    rows = q if config.share_over_time else by_frame(q, GRID).flatten(0, 1)
    first = torch.zeros(len(rows), dtype=torch.long)
    prototypes = gathered(
        rows, None, reference.greedy_prototypes(rows[:, :num_candidates], first, config.num_prototypes)
    ).values
    sets = prototypes.unflatten(0, (-1, HEADS))  # (1 or T, H, R, K)
    q, k, v = (by_frame(t, GRID) for t in (q, k, v))  # (T, H, S, K)
    query_scores = torch.einsum("shpk,thrk->sthpr", q, sets)
    key_scores = torch.einsum("shrk,thpk->sthrp", sets, k)
    values = key_scores @ v  # (1 or T, T, H, R, K)
    query_scores.expand(-1, GRID.frames, -1, -1, -1) @ values


@pytest.mark.parametrize("share_over_time", [True, False])
@pytest.mark.parametrize("c", [None, 2, 1000])
def test_macs_are_those_of_the_released_products(share_over_time: bool, c: int | None) -> None:
    config = Orthoformer.Config(num_prototypes=6, share_over_time=share_over_time, candidates_per_prototype=c)
    q, k, v = heads(clips=1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        naive(q, k, v, config, num_candidates=12 if c == 2 else 1000)
    assert config.macs(GRID, 16 * HEADS, HEADS) == counter.get_total_flops() // 2


def test_macs_of_matched_prototypes_are_those_of_their_own_frame() -> None:
    config = Orthoformer.Config(num_prototypes=6, share_over_time=False, matched_prototypes=True)
    n, T, R, D = GRID.tokens, GRID.frames, 6, 16 * HEADS
    macs_of_frames = 2 * T * R * GRID.patches * D  # prototypes with keys, and scores with values
    macs_of_queries = (
        2 * T * n * R * D
    )  # queries of all frames with the prototypes of each, and scores with their outputs
    assert config.macs(GRID, D, HEADS) == macs_of_frames + macs_of_queries + (R - 1) * n * D


def test_more_prototypes_than_candidates_are_refused() -> None:
    Orthoformer.Config(num_prototypes=100).check(GRID)
    Orthoformer.Config(num_prototypes=200, candidates="queries-and-keys").check(GRID)
    with pytest.raises(ValueError, match="101 prototypes, but 100 candidates; set num_prototypes"):
        Orthoformer.Config(num_prototypes=101).check(GRID)
    with pytest.raises(ValueError, match="26 prototypes, but 25 candidates"):
        Orthoformer.Config(num_prototypes=26, share_over_time=False).check(GRID)
