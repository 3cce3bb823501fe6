"""Votes of patches, and propagation step by step: sources, clips, and masks of sequences with features of colours."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import models.propagation.patch_votes
from models.propagation.patch_votes import (
    ClipMode,
    Clips,
    FrameVectors,
    Vectors,
    near,
    propagated,
    sources,
    strongest,
    votes,
)
from models.propagation.rules import CRW, DINO, PropagationRules
from models.tokens import Grid

GRID = Grid(4, 6, 8)
VOTE_GRID = Grid(4, 4, 5)
S = VOTE_GRID.patches
PLAIN = PropagationRules(topk=None, radius=None)


def vectors(num_sources: int = 3, *, heads: int = 2, is_attention: bool = False, seed: int = 0) -> FrameVectors:
    generator = torch.Generator().manual_seed(seed)
    queries = torch.randn(heads, S, 6, generator=generator)
    return FrameVectors(queries, torch.randn(num_sources, heads, S, 6, generator=generator), is_attention)


def one_hot_labels(num_sources: int = 3, num_labels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.nn.functional.one_hot(torch.randint(num_labels, (num_sources, S), generator=generator)).mT.float()


def bounded(num_sources: int = 3, *free: int) -> Tensor:
    return torch.tensor([source not in free for source in range(num_sources)])


def expected(matched: FrameVectors, labels: Tensor, is_bounded: Tensor, rules: PropagationRules) -> Tensor:
    """Labels of the target, one patch after the other."""
    result = torch.zeros(labels.shape[1], S)
    for target in range(S):
        candidates: list[tuple[float, Tensor]] = []
        for source in range(len(labels)):
            scores = torch.stack(
                [matched.keys[source, g] @ matched.queries[g, target] for g in range(len(matched.queries))]
            )
            weights = (scores.softmax(-1) if matched.is_attention else scores).mean(0)
            for patch in range(S):
                down, across = abs(target // 5 - patch // 5), abs(target % 5 - patch % 5)
                radius = rules.radius or 100
                inside = max(down, across) <= radius if rules.region == "square" else down**2 + across**2 < radius**2
                if inside or not is_bounded[source]:
                    candidates.append((float(weights[patch]), labels[source, :, patch]))
        candidates.sort(key=lambda pair: -pair[0])
        kept = candidates[: rules.topk]
        values = torch.tensor([weight for weight, _ in kept], dtype=torch.float64)
        shares = values / values.sum() if matched.is_attention else (values / rules.temperature).softmax(0)
        result[:, target] = sum(
            (w * label for w, (_, label) in zip(shares.float(), kept, strict=True)), torch.zeros(labels.shape[1])
        )
    return result


@pytest.mark.parametrize("is_attention", [False, True])
@pytest.mark.parametrize(
    "rules",
    [
        PLAIN,
        replace(PLAIN, topk=4),
        replace(CRW, radius=2, temperature=0.5),
        replace(DINO, radius=1),
        replace(DINO, radius=2),
    ],
)
def test_votes_equal_their_definition(rules: PropagationRules, is_attention: bool) -> None:
    matched, labels = vectors(is_attention=is_attention), one_hot_labels()
    is_bounded = bounded(3, 0)
    voted = votes([matched], labels, is_bounded, VOTE_GRID, rules)
    torch.testing.assert_close(voted, expected(matched, labels, is_bounded, rules), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(voted.sum(0), torch.ones(S))


def test_sources_of_several_clips_are_those_of_one_list() -> None:
    matched, labels = vectors(5), one_hot_labels(5)
    parts = [matched._replace(keys=matched.keys[:2]), matched._replace(keys=matched.keys[2:])]
    whole, split = (votes(found, labels, bounded(5), VOTE_GRID, DINO) for found in ([matched], parts))
    torch.testing.assert_close(whole, split)


def test_rows_are_computed_in_parts_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    matched, labels = vectors(is_attention=True), one_hot_labels()
    whole = votes([matched], labels, bounded(), VOTE_GRID, DINO)
    limit, sizes = 3 * 3 * S * 2, []
    monkeypatch.setattr(models.propagation.patch_votes, "MAX_NUMBERS", limit)
    original = models.propagation.patch_votes.weights

    def counted(found: list[FrameVectors], rows: Tensor, far: Tensor, rules: PropagationRules) -> Tensor:
        sizes.append(len(rows) * far.shape[0] * S * len(found[0].queries))
        return original(found, rows, far, rules)

    monkeypatch.setattr(models.propagation.patch_votes, "weights", counted)
    torch.testing.assert_close(votes([matched], labels, bounded(), VOTE_GRID, DINO), whole)
    assert len(sizes) == 7 and max(sizes) <= limit


def test_ties_vote_only_if_they_are_kept() -> None:
    weights = torch.tensor([[0.3, 0.2, 0.2, 0.1]])
    kept = strongest(weights, replace(PLAIN, topk=2, keep_ties=True))
    cut = strongest(weights, replace(PLAIN, topk=2, keep_ties=False))
    assert kept[0].tolist() == pytest.approx([0.3, 0.2, 0.2, 0.0])
    assert (cut > 0).sum() == 2 and cut.sum() == pytest.approx(0.5)


def test_radius_is_a_square_with_its_edge_or_a_disc_without() -> None:
    middle = torch.tensor([2 * 5 + 2])
    square = near(middle, VOTE_GRID, replace(DINO, radius=1))[0].unflatten(0, (4, 5))
    disc = near(middle, VOTE_GRID, replace(CRW, radius=2))[0].unflatten(0, (4, 5))
    assert square.sum() == 9 and square[1:4, 1:4].all()
    assert (disc == square).all()  # the corners are at a distance of 1.41
    assert near(middle, VOTE_GRID, replace(CRW, radius=1))[0].sum() == 1
    assert near(middle, VOTE_GRID, PLAIN).all()


PATCH = 8


def clips(mode: ClipMode = "duplicate", tubelet: int = 2, grid: Grid = GRID) -> Clips:
    return Clips(mode, tubelet, grid)


def colours(clip: Tensor) -> FrameVectors:
    """Mean colours of the patches of the first frame of each pair, as unit vectors."""
    means = F.avg_pool2d(clip[::2], PATCH).flatten(2).mT - 0.5  # (T, S, 3)
    unit = F.normalize(means, dim=-1).unsqueeze(1)  # (T, 1, S, 3)
    return FrameVectors(unit[-1], unit, is_attention=False)


ALL_EARLIER, COPIES = replace(DINO, context=None), replace(CRW, context=3)
WITHOUT_FIRST, STRIDED = replace(DINO, context=2, first_frame_always=False), replace(DINO, context=2, stride=3)


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        (ALL_EARLIER, {1: [0], 2: [0, 1], 3: [0, 1, 2], 9: [0, 7, 8]}),  # as many as fit into a clip
        (COPIES, {1: [0, 0, 0, 0], 2: [0, 0, 0, 1], 5: [0, 2, 3, 4]}),
        (WITHOUT_FIRST, {1: [0], 2: [0, 1], 5: [3, 4]}),
        (STRIDED, {1: [0], 4: [0, 1], 9: [0, 3, 6]}),
        (replace(STRIDED, first_frame_always=False), {2: [0]}),
        (replace(DINO, context=0), {5: [0]}),
    ],
)
def test_sources_are_the_first_frame_and_earlier_ones(rules: PropagationRules, found: dict[int, list[int]]) -> None:
    for step, numbers in found.items():
        of_step = sources(step, rules, clips())
        assert [source for source, _ in of_step] == numbers
        assert [always for _, always in of_step][1:] == [False] * (len(numbers) - 1)
        assert of_step[0] == (numbers[0], rules.first_frame_always)


def test_steps_are_frames_or_the_frames_of_a_token() -> None:
    assert clips("duplicate").steps(3) == [(0, 0), (1, 1), (2, 2)]
    assert clips("still").steps(2) == [(0, 0), (1, 1)]
    assert clips("window").steps(5) == [(0, 1), (2, 3), (4, 4)]


def recorded(
    mode: ClipMode, step: int, found: list[int], num_frames: int = 10
) -> tuple[list[list[int]], list[FrameVectors]]:
    """Clips that are matched, as the values of their frames; and the vectors of a step."""
    seen: list[list[int]] = []

    def match(clip: Tensor) -> FrameVectors:
        seen.append(clip[:, 0, 0, 0].int().tolist())
        keys = clip[::2, 0, 0, 0].view(-1, 1, 1, 1)
        return FrameVectors(keys[-1], keys, is_attention=False)

    frames = torch.arange(num_frames).float().view(-1, 1, 1, 1).expand(-1, 3, 2, 2)
    chosen = clips(mode)
    vectors = Vectors(frames, match, chosen, chosen.steps(num_frames)).of(step, found)
    return seen, vectors


@pytest.mark.parametrize(
    ("mode", "step", "found", "seen"),
    [
        ("duplicate", 5, [0, 3, 4], [[0, 0, 3, 3, 4, 4, 5, 5]]),
        ("duplicate", 1, [0], [[0, 0, 0, 0, 0, 0, 1, 1]]),  # filled up with the first frame, which is no further source
        ("duplicate", 9, [0, 5, 6, 7, 8], [[0, 0, 5, 5, 6, 6, 9, 9], [0, 0, 7, 7, 8, 8, 9, 9]]),
        ("window", 3, [0, 1, 2], [[0, 1, 2, 3, 4, 5, 6, 7]]),
        ("still", 3, [0, 2], [[0] * 8, [2] * 8, [3] * 8]),
    ],
)
def test_a_clip_has_its_sources_then_the_target(
    mode: ClipMode, step: int, found: list[int], seen: list[list[int]]
) -> None:
    clips_seen, vectors = recorded(mode, step, found)
    frames = {step: step * 2 if mode == "window" else step for step in (*found, step)}
    assert clips_seen == seen
    assert torch.cat([one.keys for one in vectors]).flatten().tolist() == [frames[source] for source in found]
    assert {one.queries.item() for one in vectors} == {frames[step]}


def moving_square(num_frames: int = 7) -> tuple[Tensor, Tensor]:
    """Frames (F, 3, h, w) of a red square that moves by a patch each frame over blue, and its masks (F, h, w)."""
    frames = torch.tensor([0.1, 0.2, 0.9]).view(1, 3, 1, 1).repeat(num_frames, 1, 6 * PATCH, 8 * PATCH)
    masks = torch.zeros(num_frames, 6 * PATCH, 8 * PATCH, dtype=torch.uint8)
    for t in range(num_frames):
        columns = slice(t * PATCH, (t + 2) * PATCH)
        frames[t, :, PATCH : 4 * PATCH, columns] = torch.tensor([0.9, 0.1, 0.1]).view(3, 1, 1)
        masks[t, PATCH : 4 * PATCH, columns] = 1
    return frames, masks


@pytest.mark.parametrize("mode", ["duplicate", "still"])
@pytest.mark.parametrize("rules", [replace(CRW, context=3), DINO], ids=["crw", "dino"])
def test_a_moving_square_is_followed(rules: PropagationRules, mode: ClipMode) -> None:
    frames, masks = moving_square()
    found = propagated(frames, masks[0], colours, clips(mode), replace(rules, radius=4))
    assert (found[0] == masks[0]).all()
    overlap = ((found == 1) & (masks == 1)).sum((1, 2)) / ((found == 1) | (masks == 1)).sum((1, 2))
    assert (overlap > 0.8).all()


def test_frames_of_a_token_have_the_same_mask() -> None:
    frames, masks = moving_square(7)
    found = propagated(frames, masks[0], colours, clips("window"), DINO)
    assert (found[0] == found[1]).all() and (found[2] == found[3]).all() and (found[4] != found[3]).any()
    assert found.shape == masks.shape


def test_later_masks_are_not_used_and_other_ids_give_the_same_objects() -> None:
    frames, masks = moving_square()
    first = masks[0].clone()
    first[4 * PATCH :] = 2
    found = propagated(frames, first, colours, clips(), CRW)
    exchanged = torch.tensor([0, 2, 1], dtype=torch.uint8)
    assert (propagated(frames, exchanged[first.long()], colours, clips(), CRW) == exchanged[found.long()]).all()


def test_hard_labels_are_carried_if_the_rules_say_so() -> None:
    _, masks = moving_square()
    frames = torch.rand(7, 3, 6 * PATCH, 8 * PATCH, generator=torch.Generator().manual_seed(0))
    soft, hard = (
        propagated(frames, masks[0], colours, clips(), replace(CRW, soft_labels=kind, radius=3))
        for kind in (True, False)
    )
    assert (soft[1] == hard[1]).all() and (soft != hard).any()
