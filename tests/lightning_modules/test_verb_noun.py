"""A verb and a noun a video: the loss, the scores, and what counts as a right action."""

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.objective import VerbNoun
from lightning_modules.optim import OptimConfig
from lightning_modules.verb_noun import VerbNounClassifier
from lightning_modules.views import FAILED, OK, VerbNounScores

VERBS, NOUNS = 3, 7


class Flat(nn.Module):
    """Logits that are the clip's own numbers."""

    def forward(self, clips: Tensor) -> Tensor:
        return clips.flatten(1)


@pytest.fixture
def module() -> VerbNounClassifier:
    return VerbNoun(label_smoothing=0.2).build(Flat(), OptimConfig(), seed=0, num_verbs=VERBS)


def scored(rows: list[tuple[tuple[int, int], int, int, list[float], list[float]]]) -> VerbNounScores:
    """Rows of label, video, status, scores of verbs and of nouns."""
    scores = VerbNounScores(VERBS)
    for label, video, status, verbs, nouns in rows:
        probabilities = torch.tensor([[verbs + nouns]])
        scores.add(probabilities, torch.tensor([label]), *(torch.tensor([n]) for n in (video, 0, status)))
    return scores


def one_hot(place: int, size: int) -> list[float]:
    return [float(number == place) for number in range(size)]


def test_the_loss_is_the_mean_of_both_smoothed_cross_entropies(module: VerbNounClassifier) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, VERBS + NOUNS), torch.tensor([[0, 6], [1, 0], [2, 3], [0, 1]])
    verbs, nouns = logits[:, :VERBS].log_softmax(-1), logits[:, VERBS:].log_softmax(-1)
    rows = range(4)
    verb = -0.8 * verbs[rows, labels[:, 0]] - 0.2 * verbs.mean(-1)
    noun = -0.8 * nouns[rows, labels[:, 1]] - 0.2 * nouns.mean(-1)
    torch.testing.assert_close(module.loss(logits, labels, 0.2), (0.5 * verb + 0.5 * noun).mean())


def test_verbs_and_nouns_have_a_softmax_each(module: VerbNounClassifier) -> None:
    probabilities = module.probabilities(torch.randn(2, 3, VERBS + NOUNS))
    torch.testing.assert_close(probabilities[..., :VERBS].sum(-1), torch.ones(2, 3))
    torch.testing.assert_close(probabilities[..., VERBS:].sum(-1), torch.ones(2, 3))


def test_an_action_is_right_only_when_both_its_parts_are() -> None:
    right, wrong = one_hot(1, VERBS), one_hot(2, VERBS)
    noun, other = one_hot(4, NOUNS), one_hot(5, NOUNS)
    rows = [(right, noun), (right, other), (wrong, noun), (wrong, other), (right, noun)]
    scores = scored([((1, 4), video, OK, verbs, nouns) for video, (verbs, nouns) in enumerate(rows)])
    percent = scores.accuracy().percent
    assert (percent["action"], percent["verb"], percent["noun"]) == pytest.approx((40, 60, 60))
    assert percent["top1"] == percent["action"]


def test_an_action_is_among_five_when_both_its_parts_are() -> None:
    nouns = [0.3, 0.2, 0.15, 0.14, 0.11, 0.06, 0.04]
    rows = [((2, 4), 0, OK, one_hot(0, VERBS), nouns), ((0, 5), 1, OK, one_hot(0, VERBS), nouns)]
    percent = scored(rows).accuracy().percent
    assert (percent["verb_top5"], percent["noun_top5"], percent["top5"]) == (100, 50, 50)
    assert (percent["verb"], percent["noun"], percent["action"]) == (50, 0, 0)


def test_unreadable_videos_are_wrong_in_every_metric() -> None:
    rows = [((1, 4), video, status, one_hot(1, VERBS), one_hot(4, NOUNS)) for video, status in ((0, OK), (1, FAILED))]
    accuracy = scored(rows).accuracy()
    assert set(accuracy.percent.values()) == {50.0}
    assert (accuracy.evaluated, accuracy.failed) == (1, 1)


def test_the_views_of_verbs_and_nouns_are_summed_apart(module: VerbNounClassifier) -> None:
    logits = torch.randn(2, 2, VERBS + NOUNS)  # (views, crops, outputs)
    scores = module.no_scores()
    probabilities = module.probabilities(logits)
    zeros, views = torch.zeros(2, dtype=torch.int64), torch.tensor([0, 1])
    scores.add(probabilities, torch.tensor([[1, 4], [1, 4]]), zeros, views, zeros)
    expected = torch.cat([logits[..., :VERBS].softmax(-1), logits[..., VERBS:].softmax(-1)], -1).sum((0, 1))
    torch.testing.assert_close(scores.videos[0].scores, expected)
    assert scores.videos[0].label == (1, 4)


def test_curves_tell_action_verb_and_noun(module: VerbNounClassifier) -> None:
    logits = torch.tensor([one_hot(1, VERBS) + one_hot(4, NOUNS), one_hot(1, VERBS) + one_hot(5, NOUNS)])
    accuracies = module.accuracies(logits, torch.tensor([[1, 4], [1, 4]]))
    assert {name: float(value) for name, value in accuracies.items()} == {"action": 0.5, "verb": 1.0, "noun": 0.5}
