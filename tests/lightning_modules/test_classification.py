"""Classification of one label, and of a verb and a noun: losses, mixed batches, scores, correct actions."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.spec.ids import canonical, digest
from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.targets import ClassTarget, MaskTarget, Targets, VerbNounTarget
from lightning_modules.classification import SingleLabel, VerbNoun
from lightning_modules.mixup import Mixup
from lightning_modules.scores import ViewScores

LABELS = torch.tensor([0, 4, 2, 3])
PAIRS = torch.tensor([[0, 4], [1, 0], [2, 3], [1, 2]])
VERBS, NOUNS = 3, 7
OK, FAILED = False, True
each_objective = pytest.mark.parametrize(
    ("objective", "targets", "labels"),
    [(SingleLabel, ClassTarget(5), LABELS), (VerbNoun, VerbNounTarget(VERBS, NOUNS), PAIRS)],
    ids=["class", "verb and noun"],
)


def one_hot(hot: int, size: int) -> list[float]:
    return [float(number == hot) for number in range(size)]


def distinct_clips() -> Tensor:
    """Four clips (4, 1, 3, 2, 2) with one bright pixel each. The bright pixels of a mixed clip are its weights."""
    clips = torch.zeros(4, 1, 3, 2, 2)
    clips.view(4, 3, 4)[:, 0] = torch.eye(4)
    return clips


def weights_of(clips: Tensor) -> Tensor:
    return clips.view(4, 3, 4)[:, 0]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smoothed(labels: Tensor, num_classes: int, smoothing: float) -> Tensor:
    return (1 - smoothing) * F.one_hot(labels, num_classes).float() + smoothing / num_classes


def smoothed_kinds(labels: Tensor, targets: Targets, smoothing: float) -> Tensor:
    """Smoothed class probabilities (B, C) of all kinds of label."""
    kinds = zip(labels.reshape(len(labels), -1).unbind(1), targets.classes.values(), strict=True)
    return torch.cat([smoothed(of_kind, count, smoothing) for of_kind, count in kinds], dim=1)


def negative_log_likelihood(logits: Tensor, probabilities: Tensor, targets: Targets) -> Tensor:
    """Mean over the kinds of label."""
    sizes = tuple(targets.classes.values())
    parts = zip(logits.split(sizes, dim=1), probabilities.split(sizes, dim=1), strict=True)
    return torch.stack([-(p * part.log_softmax(-1)).sum(-1).mean() for part, p in parts]).mean()


# Labels


@each_objective
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_mean_of_smoothed_cross_entropies_and_that_of_validation_is_not_smoothed(
    objective: type[SingleLabel | VerbNoun], targets: Targets, labels: Tensor, smoothing: float
) -> None:
    logits = torch.randn(4, targets.num_outputs, generator=seeded())
    task = objective(label_smoothing=smoothing).task(targets)
    for loss, share in ((task.loss, smoothing), (task.validation_loss, 0.0)):
        expected = negative_log_likelihood(logits, smoothed_kinds(labels, targets, share), targets)
        torch.testing.assert_close(loss(logits, labels), expected)


def test_the_loss_may_be_the_sum_of_both_cross_entropies() -> None:
    logits, targets = torch.randn(4, VERBS + NOUNS, generator=seeded()), VerbNounTarget(VERBS, NOUNS)
    mean, summed = (VerbNoun(label_smoothing=0.2, reduction=reduction).task(targets) for reduction in ("mean", "sum"))
    assert summed.loss(logits, PAIRS) == 2 * mean.loss(logits, PAIRS)
    assert summed.validation_loss(logits, PAIRS) == 2 * mean.validation_loss(logits, PAIRS)
    soft = mean.smoothed(PAIRS, torch.float32)
    torch.testing.assert_close(summed.loss(logits, soft), summed.loss(logits, PAIRS))


def test_the_reduction_of_the_loss_is_part_of_an_id_only_if_it_is_no_mean() -> None:
    assert digest(VerbNoun()) == digest(VerbNoun(reduction="mean")) != digest(VerbNoun(reduction="sum"))
    assert "reduction" not in str(canonical(VerbNoun()))


def test_curves_are_accuracies_of_the_class_and_of_action_verb_and_noun() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0], [0.0, 3.0, 2.0], [0.0, 3.0, 9.0]])
    curves = SingleLabel().task(ClassTarget(3)).curves(logits, torch.tensor([0, 2, 1, 0]))
    assert {name: value.item() for name, value in curves.items()} == {"top1": 0.75}
    logits = torch.tensor([one_hot(1, VERBS) + one_hot(noun, NOUNS) for noun in (4, 5)])
    curves = VerbNoun().task(VerbNounTarget(VERBS, NOUNS)).curves(logits, torch.tensor([[1, 4], [1, 4]]))
    assert {name: value.item() for name, value in curves.items()} == {"action": 0.5, "verb": 1.0, "noun": 0.5}


def test_without_mixup_a_batch_is_unchanged() -> None:
    inputs = (distinct_clips(), torch.zeros(4, 2))
    generator = seeded()
    prepared = SingleLabel().task(ClassTarget(5)).prepare(inputs, LABELS, generator)
    assert prepared.inputs is inputs
    assert prepared.targets is LABELS
    assert torch.equal(generator.get_state(), seeded().get_state())


@pytest.mark.parametrize(
    ("objective", "targets", "kinds"),
    [
        (SingleLabel(), VerbNounTarget(3, 7), "verb and a noun"),
        (SingleLabel(), MaskTarget(), "no class"),
        (VerbNoun(), ClassTarget(10), "class"),
    ],
)
def test_an_objective_requires_data_with_its_kinds_of_label(
    objective: SingleLabel | VerbNoun, targets: Targets, kinds: str
) -> None:
    with pytest.raises(ValueError, match=f"^objective: {type(objective).__name__} .*, and these data have a {kinds}$"):
        objective.task(targets)


# Mixed batches


@each_objective
@pytest.mark.parametrize(("mode", "probability"), [("batch", 1.0), ("pair", 1.0), ("elem", 1.0), ("elem", 0.0)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_targets_of_a_mixed_batch_are_weighted_sums_of_smoothed_labels_and_their_loss_is_the_likelihood(
    mode: str,
    probability: float,
    smoothing: float,
    objective: type[SingleLabel | VerbNoun],
    targets: Targets,
    labels: Tensor,
) -> None:
    mixup = Mixup.Config(mode=mode, probability=probability)  # pyright: ignore[reportArgumentType]
    task = objective(label_smoothing=smoothing, mixup=mixup).task(targets)
    with torch.autocast("cpu", torch.bfloat16):  # in which the sums are exact, too
        prepared = task.prepare((distinct_clips(),), labels, seeded(3))
    weights = weights_of(prepared.inputs[0])
    assert torch.equal(prepared.inputs[0], mixup.build()(distinct_clips(), seeded(3)).inputs)
    assert (0 < weights[0, 0] < 1) == (probability == 1) and (weights[0, 0] == 1) == (probability == 0)
    torch.testing.assert_close(prepared.targets, weights @ smoothed_kinds(labels, targets, smoothing))
    torch.testing.assert_close(prepared.targets.sum(1), torch.full((4,), float(len(targets.classes))))
    logits = torch.randn(4, targets.num_outputs, generator=seeded())
    expected = negative_log_likelihood(logits, prepared.targets, targets)
    torch.testing.assert_close(task.loss(logits, prepared.targets), expected)


def test_items_of_several_inputs_are_not_mixed() -> None:
    task = SingleLabel(mixup=Mixup.Config()).task(ClassTarget(5))
    with pytest.raises(ValueError, match=r"^objective\.mixup mixes clips only, and these items have several inputs$"):
        task.prepare((distinct_clips(), distinct_clips()), LABELS, seeded())


# Tests


@each_objective
def test_every_input_of_an_item_reaches_the_model_and_scores_are_sums_of_a_softmax_over_each_kind_of_label(
    objective: type[SingleLabel | VerbNoun], targets: Targets, labels: Tensor
) -> None:
    class Two(nn.Module):
        def forward(self, clips: Tensor, sounds: Tensor) -> Tensor:
            assert clips.shape == (4 * 3, targets.num_outputs, 2)
            return clips[..., 0] + sounds

    scores = objective().task(targets).new_scores(EvalConfig(views=2, crops=3))
    assert isinstance(scores, ViewScores)
    clips, sounds = (torch.randn(4, 3, targets.num_outputs, *rest, generator=seeded()) for rest in ((2,), ()))
    items, views, no = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1]), torch.zeros(4, dtype=torch.bool)
    scores.test(Two(), Batch((clips, sounds), labels, items, views, no, no))
    kinds = (clips[..., 0] + sounds).split(tuple(targets.classes.values()), dim=-1)
    of_views = torch.cat([kind.softmax(-1) for kind in kinds], dim=-1).sum(1)
    torch.testing.assert_close(scores.merged(0), of_views[:2].sum(0))
    torch.testing.assert_close(scores.merged(1), of_views[2:].sum(0))
    assert scores.items[1].label == (tuple(labels[2].tolist()) if labels.ndim == 2 else labels[2])
    assert set(scores.result().metrics) == set(objective.metrics)


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


def test_verbs_and_nouns_are_counted_separately() -> None:
    rows = [
        ((1, 4), 0, OK, one_hot(1, VERBS), one_hot(5, NOUNS)),
        ((1, 5), 1, OK, one_hot(2, VERBS), one_hot(5, NOUNS)),
        ((0, 4), 2, FAILED, one_hot(0, VERBS), one_hot(4, NOUNS)),
    ]
    counts = scored(rows).counts_by_class()
    assert counts == {"verb": {0: (0, 0, 1), 1: (1, 1, 2), 2: (0, 1, 0)}, "noun": {4: (0, 0, 2), 5: (1, 2, 1)}}
