"""Votes of source patches, against the definition patch by patch; radius, strongest patches, memory."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import models.propagation.votes
from models.propagation.rules import CRW, DINO, PropagationRules
from models.propagation.votes import FrameVectors, near, strongest, votes
from models.tokens import Grid

GRID = Grid(4, 4, 5)
S = GRID.patches
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
    voted = votes([matched], labels, is_bounded, GRID, rules)
    torch.testing.assert_close(voted, expected(matched, labels, is_bounded, rules), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(voted.sum(0), torch.ones(S))


def test_sources_of_several_clips_are_those_of_one_list() -> None:
    matched, labels = vectors(5), one_hot_labels(5)
    parts = [matched._replace(keys=matched.keys[:2]), matched._replace(keys=matched.keys[2:])]
    whole, split = (votes(found, labels, bounded(5), GRID, DINO) for found in ([matched], parts))
    torch.testing.assert_close(whole, split)


def test_rows_are_computed_in_parts_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    matched, labels = vectors(is_attention=True), one_hot_labels()
    whole = votes([matched], labels, bounded(), GRID, DINO)
    limit, sizes = 3 * 3 * S * 2, []
    monkeypatch.setattr(models.propagation.votes, "MAX_NUMBERS", limit)
    original = models.propagation.votes.weights

    def counted(found: list[FrameVectors], rows: Tensor, far: Tensor, rules: PropagationRules) -> Tensor:
        sizes.append(len(rows) * far.shape[0] * S * len(found[0].queries))
        return original(found, rows, far, rules)

    monkeypatch.setattr(models.propagation.votes, "weights", counted)
    torch.testing.assert_close(votes([matched], labels, bounded(), GRID, DINO), whole)
    assert len(sizes) == 7 and max(sizes) <= limit


def test_twice_the_labels_give_twice_the_votes() -> None:
    matched, labels = vectors(), one_hot_labels()
    torch.testing.assert_close(
        votes([matched], 2 * labels, bounded(), GRID, CRW), 2 * votes([matched], labels, bounded(), GRID, CRW)
    )


def test_ties_vote_only_if_they_are_kept() -> None:
    weights = torch.tensor([[0.3, 0.2, 0.2, 0.1]])
    kept = strongest(weights, replace(PLAIN, topk=2, keep_ties=True))
    cut = strongest(weights, replace(PLAIN, topk=2, keep_ties=False))
    assert kept[0].tolist() == pytest.approx([0.3, 0.2, 0.2, 0.0])
    assert (cut > 0).sum() == 2 and cut.sum() == pytest.approx(0.5)


def test_radius_is_a_square_with_its_edge_or_a_disc_without() -> None:
    middle = torch.tensor([2 * 5 + 2])
    square = near(middle, GRID, replace(DINO, radius=1))[0].unflatten(0, (4, 5))
    disc = near(middle, GRID, replace(CRW, radius=2))[0].unflatten(0, (4, 5))
    assert square.sum() == 9 and square[1:4, 1:4].all()
    assert (disc == square).all()  # the corners are at a distance of 1.41
    assert near(middle, GRID, replace(CRW, radius=1))[0].sum() == 1
    assert near(middle, GRID, PLAIN).all()
