"""Classification of a verb and a noun: the loss, the scores, and correct actions."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.spec.ids import canonical, digest
from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.targets import VerbNounTarget
from lightning_modules.classification import VerbNoun, VerbNounTask
from lightning_modules.scores import ViewScores

VERBS, NOUNS = 3, 7
OK, FAILED = False, True


class Flat(nn.Module):
    """Model whose outputs are the flattened clips."""

    def forward(self, clips: Tensor) -> Tensor:
        return clips.flatten(1)


@pytest.fixture
def task() -> VerbNounTask:
    return VerbNoun(label_smoothing=0.2).task(VerbNounTarget(VERBS, NOUNS))


def scored(rows: list[tuple[tuple[int, int], int, bool, list[float], list[float]]]) -> ViewScores:
    """Scores of rows (label, item, whether it is unreadable, logits of verbs, logits of nouns)."""
    task = VerbNoun().task(VerbNounTarget(VERBS, NOUNS))
    scores = task.new_scores(EvalConfig(views=1, crops=1, merge="sum of logits"))
    for label, item, unreadable, verbs, nouns in rows:
        flags = torch.tensor([unreadable]), torch.tensor([False])
        scores.add(
            torch.tensor([[verbs + nouns]]), torch.tensor([label]), torch.tensor([item]), torch.tensor([0]), *flags
        )
    return scores


def one_hot(hot: int, size: int) -> list[float]:
    return [float(number == hot) for number in range(size)]


def test_the_loss_is_the_mean_of_both_smoothed_cross_entropies(task: VerbNounTask) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, VERBS + NOUNS), torch.tensor([[0, 6], [1, 0], [2, 3], [0, 1]])
    verbs, nouns = logits[:, :VERBS].log_softmax(-1), logits[:, VERBS:].log_softmax(-1)
    rows = range(4)
    verb = -0.8 * verbs[rows, labels[:, 0]] - 0.2 * verbs.mean(-1)
    noun = -0.8 * nouns[rows, labels[:, 1]] - 0.2 * nouns.mean(-1)
    torch.testing.assert_close(task.loss(logits, labels), (0.5 * verb + 0.5 * noun).mean())
    plain = -0.5 * (verbs[rows, labels[:, 0]] + nouns[rows, labels[:, 1]]).mean()
    torch.testing.assert_close(task.validation_loss(logits, labels), plain)


def test_the_loss_may_be_the_sum_of_both_cross_entropies(task: VerbNounTask) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, VERBS + NOUNS), torch.tensor([[0, 6], [1, 0], [2, 3], [0, 1]])
    summed = VerbNoun(label_smoothing=0.2, reduction="sum").task(VerbNounTarget(VERBS, NOUNS))
    verbs, nouns = (F.cross_entropy(part, labels[:, kind], label_smoothing=0.2) for kind, part in enumerate(
        logits.split((VERBS, NOUNS), dim=1)
    ))  # fmt: skip
    torch.testing.assert_close(summed.loss(logits, labels), verbs + nouns)
    assert summed.loss(logits, labels) == 2 * task.loss(logits, labels)
    assert summed.validation_loss(logits, labels) == 2 * task.validation_loss(logits, labels)
    soft = task.smoothed(labels, torch.float32)
    torch.testing.assert_close(summed.loss(logits, soft), verbs + nouns)


def test_the_reduction_of_the_loss_is_part_of_an_id_only_if_it_is_no_mean() -> None:
    assert digest(VerbNoun()) == digest(VerbNoun(reduction="mean")) != digest(VerbNoun(reduction="sum"))
    assert "reduction" not in str(canonical(VerbNoun()))


def test_verbs_and_nouns_have_a_softmax_each(task: VerbNounTask) -> None:
    probabilities = task.softmax(torch.randn(2, 3, VERBS + NOUNS))
    torch.testing.assert_close(probabilities[..., :VERBS].sum(-1), torch.ones(2, 3))
    torch.testing.assert_close(probabilities[..., VERBS:].sum(-1), torch.ones(2, 3))


def test_an_action_is_correct_only_if_verb_and_noun_are() -> None:
    right, wrong = one_hot(1, VERBS), one_hot(2, VERBS)
    noun, other = one_hot(4, NOUNS), one_hot(5, NOUNS)
    rows = [(right, noun), (right, other), (wrong, noun), (wrong, other), (right, noun)]
    scores = scored([((1, 4), item, OK, verbs, nouns) for item, (verbs, nouns) in enumerate(rows)])
    metrics = scores.result().metrics
    assert (metrics["action"], metrics["verb"], metrics["noun"]) == pytest.approx((40, 60, 60))
    assert metrics["top1"] == metrics["action"]
    assert VerbNoun.metrics[: VerbNoun.num_headlines] == ("action", "verb", "noun")


def test_an_action_is_correct_at_five_if_verb_and_noun_are() -> None:
    nouns = [0.3, 0.2, 0.15, 0.14, 0.11, 0.06, 0.04]
    rows = [((2, 4), 0, OK, one_hot(0, VERBS), nouns), ((0, 5), 1, OK, one_hot(0, VERBS), nouns)]
    metrics = scored(rows).result().metrics
    assert (metrics["verb_top5"], metrics["noun_top5"], metrics["top5"]) == (100, 50, 50)
    assert (metrics["verb"], metrics["noun"], metrics["action"]) == (50, 0, 0)


def test_unreadable_items_are_incorrect_in_every_metric() -> None:
    rows = [((1, 4), item, state, one_hot(1, VERBS), one_hot(4, NOUNS)) for item, state in ((0, OK), (1, FAILED))]
    result = scored(rows).result()
    assert set(result.metrics.values()) == {50.0}
    assert (result.evaluated, result.failed) == (1, 1)


def test_scores_of_verbs_and_nouns_are_summed_separately(task: VerbNounTask) -> None:
    logits = torch.randn(2, 2, VERBS + NOUNS)  # (views, crops, outputs)
    scores = task.new_scores(EvalConfig(views=2, crops=2))
    zeros, views, no = torch.zeros(2, dtype=torch.int64), torch.tensor([0, 1]), torch.zeros(2, dtype=torch.bool)
    task.test(Flat(), Batch((logits,), torch.tensor([[1, 4], [1, 4]]), zeros, views, no, no), scores)
    expected = torch.cat([logits[..., :VERBS].softmax(-1), logits[..., VERBS:].softmax(-1)], -1).sum((0, 1))
    torch.testing.assert_close(scores.merged(0), expected)
    assert scores.items[0].label == (1, 4)


def test_verbs_and_nouns_are_counted_separately() -> None:
    rows = [
        ((1, 4), 0, OK, one_hot(1, VERBS), one_hot(5, NOUNS)),
        ((1, 5), 1, OK, one_hot(2, VERBS), one_hot(5, NOUNS)),
        ((0, 4), 2, FAILED, one_hot(0, VERBS), one_hot(4, NOUNS)),
    ]
    counts = scored(rows).counts_by_class()
    assert counts == {"verb": {0: (0, 0, 1), 1: (1, 1, 2), 2: (0, 1, 0)}, "noun": {4: (0, 0, 2), 5: (1, 2, 1)}}


def test_curves_are_accuracies_of_action_verb_and_noun(task: VerbNounTask) -> None:
    logits = torch.tensor([one_hot(1, VERBS) + one_hot(4, NOUNS), one_hot(1, VERBS) + one_hot(5, NOUNS)])
    curves = task.curves(logits, torch.tensor([[1, 4], [1, 4]]))
    assert {name: float(value) for name, value in curves.items()} == {"action": 0.5, "verb": 1.0, "noun": 0.5}
