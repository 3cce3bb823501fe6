"""The loss of single-label classification, its mixed batches, and the scores of its test."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.targets import ClassTarget, MaskTarget, Targets, VerbNounTarget
from lightning_modules.classification import SingleLabel, VerbNoun
from lightning_modules.mixup import Mixup
from lightning_modules.scores import ViewScores

LABELS = torch.tensor([0, 4, 2, 3])
PAIRS = torch.tensor([[0, 4], [1, 0], [2, 3], [1, 2]])


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


def negative_log_likelihood(logits: Tensor, probabilities: Tensor) -> Tensor:
    return -(probabilities * logits.log_softmax(-1)).sum(-1).mean()


# Labels


def test_label_smoothing_is_uniform_over_all_classes() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 5), torch.tensor([0, 1, 2, 3])
    loss = SingleLabel(label_smoothing=0.2).task(ClassTarget(5)).loss(logits, labels)
    log_p = logits.log_softmax(-1)
    # The authors' formula: 0.8 of the label's negative log-likelihood and 0.2 of the mean over all classes.
    expected = (-0.8 * log_p[range(4), labels] - 0.2 * log_p.mean(-1)).mean()
    torch.testing.assert_close(loss, expected)


def test_validation_is_without_smoothing() -> None:
    logits = torch.randn(4, 5, generator=seeded())
    for smoothing in (0.0, 0.2):
        loss = SingleLabel(label_smoothing=smoothing).task(ClassTarget(5)).validation_loss(logits, LABELS)
        torch.testing.assert_close(loss, -logits.log_softmax(-1)[range(4), LABELS].mean())


def test_without_mixup_a_batch_is_unchanged() -> None:
    inputs = (distinct_clips(), torch.zeros(4, 2))
    generator = seeded()
    prepared = SingleLabel().task(ClassTarget(5)).prepare(inputs, LABELS, generator)
    assert prepared.inputs is inputs
    assert prepared.targets is LABELS
    assert torch.equal(generator.get_state(), seeded().get_state())


def test_curves_are_top1_accuracy() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0], [0.0, 3.0, 2.0], [0.0, 3.0, 9.0]])
    curves = SingleLabel().task(ClassTarget(3)).curves(logits, torch.tensor([0, 2, 1, 0]))
    assert {name: value.item() for name, value in curves.items()} == {"top1": 0.75}


def test_the_metrics_of_a_test_match_the_objective() -> None:
    for objective, targets, labels in (
        (SingleLabel(), ClassTarget(6), torch.tensor([1])),
        (VerbNoun(), VerbNounTarget(3, 3), torch.tensor([[1, 2]])),
    ):
        scores = objective.task(targets).new_scores(EvalConfig(views=1, crops=1))
        assert isinstance(scores, ViewScores)
        zero, no = torch.tensor([0]), torch.tensor([False])
        scores.add(torch.zeros(1, 1, 6), labels, zero, zero, no, no)
        assert set(scores.result().metrics) == set(objective.metrics)


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


@pytest.mark.parametrize("mode", ["batch", "pair", "elem"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_targets_of_a_mixed_batch_are_weighted_sums_of_smoothed_labels(mode: str, smoothing: float) -> None:
    mixup = Mixup.Config(mode=mode)  # pyright: ignore[reportArgumentType]
    task = SingleLabel(label_smoothing=smoothing, mixup=mixup).task(ClassTarget(5))
    prepared = task.prepare((distinct_clips(),), LABELS, seeded())
    weights = weights_of(prepared.inputs[0])
    assert 0 < weights[0, 0] < 1
    torch.testing.assert_close(prepared.targets, weights @ smoothed(LABELS, 5, smoothing))
    torch.testing.assert_close(prepared.targets.sum(1), torch.ones(4))


def test_verbs_and_nouns_of_a_mixed_batch_have_the_same_weights() -> None:
    mixup = Mixup.Config(mode="elem")
    task = VerbNoun(label_smoothing=0.2, mixup=mixup).task(VerbNounTarget(3, 7))
    prepared = task.prepare((distinct_clips(),), PAIRS, seeded())
    weights = weights_of(prepared.inputs[0])
    verbs, nouns = prepared.targets.split((3, 7), dim=1)
    torch.testing.assert_close(verbs, weights @ smoothed(PAIRS[:, 0], 3, 0.2))
    torch.testing.assert_close(nouns, weights @ smoothed(PAIRS[:, 1], 7, 0.2))


def test_mixing_draws_only_from_the_generator() -> None:
    task = SingleLabel(mixup=Mixup.Config()).task(ClassTarget(5))
    torch.manual_seed(1)
    one = task.prepare((distinct_clips(),), LABELS, seeded(3))
    torch.manual_seed(2)
    other = task.prepare((distinct_clips(),), LABELS, seeded(3))
    assert torch.equal(one.inputs[0], other.inputs[0])
    assert torch.equal(one.targets, other.targets)
    assert not torch.equal(task.prepare((distinct_clips(),), LABELS, seeded(4)).targets, one.targets)


def test_the_loss_of_soft_targets_is_their_negative_log_likelihood() -> None:
    logits = torch.randn(4, 5, generator=seeded())
    task = SingleLabel(label_smoothing=0.2, mixup=Mixup.Config()).task(ClassTarget(5))
    targets = task.prepare((distinct_clips(),), LABELS, seeded()).targets
    torch.testing.assert_close(task.loss(logits, targets), negative_log_likelihood(logits, targets))


def test_the_loss_of_soft_verbs_and_nouns_is_the_mean_of_both() -> None:
    logits = torch.randn(4, 10, generator=seeded())
    task = VerbNoun(label_smoothing=0.2, mixup=Mixup.Config()).task(VerbNounTarget(3, 7))
    targets = task.prepare((distinct_clips(),), PAIRS, seeded()).targets
    verb = negative_log_likelihood(logits[:, :3], targets[:, :3])
    noun = negative_log_likelihood(logits[:, 3:], targets[:, 3:])
    torch.testing.assert_close(task.loss(logits, targets), (verb + noun) / 2)


@pytest.mark.parametrize(
    ("objective", "targets", "labels"), [(SingleLabel, ClassTarget(5), LABELS), (VerbNoun, VerbNounTarget(3, 5), PAIRS)]
)
def test_a_probability_of_zero_equals_training_without_mixup(
    objective: type[SingleLabel | VerbNoun], targets: ClassTarget | VerbNounTarget, labels: Tensor
) -> None:
    logits = torch.randn(4, sum(targets.classes.values()), generator=seeded())
    plain = objective(label_smoothing=0.2).task(targets)
    task = objective(label_smoothing=0.2, mixup=Mixup.Config(probability=0.0, mode="elem")).task(targets)
    prepared = task.prepare((distinct_clips(),), labels, seeded())
    assert torch.equal(prepared.inputs[0], distinct_clips())
    torch.testing.assert_close(task.loss(logits, prepared.targets), plain.loss(logits, labels))


def test_soft_targets_are_exact_in_mixed_precision() -> None:
    task = SingleLabel(mixup=Mixup.Config()).task(ClassTarget(5))
    exact = task.prepare((distinct_clips(),), LABELS, seeded())
    with torch.autocast("cpu", torch.bfloat16):
        mixed = task.prepare((distinct_clips(),), LABELS, seeded())
    assert torch.equal(mixed.targets, exact.targets)
    assert torch.equal(mixed.inputs[0], exact.inputs[0])


def test_items_of_several_inputs_are_not_mixed() -> None:
    task = SingleLabel(mixup=Mixup.Config()).task(ClassTarget(5))
    with pytest.raises(ValueError, match=r"^objective\.mixup mixes clips only, and these items have several inputs$"):
        task.prepare((distinct_clips(), distinct_clips()), LABELS, seeded())


# Tests


def test_every_input_of_an_item_reaches_the_model_crop_by_crop() -> None:
    class Two(nn.Module):
        def forward(self, clips: Tensor, sounds: Tensor) -> Tensor:
            assert clips.shape == (2 * 3, 4)
            return clips[:, :2] + sounds

    task = SingleLabel().task(ClassTarget(2))
    scores = task.new_scores(EvalConfig(views=1, crops=3))
    assert isinstance(scores, ViewScores)
    clips, sounds = torch.randn(2, 3, 4, generator=seeded()), torch.randn(2, 3, 2, generator=seeded(1))
    zeros, no = torch.zeros(2, dtype=torch.long), torch.zeros(2, dtype=torch.bool)
    task.test(Two(), Batch((clips, sounds), zeros, torch.arange(2), zeros, no, no), scores)
    for item in range(2):
        expected = (clips[item, :, :2] + sounds[item]).softmax(-1).sum(0)
        torch.testing.assert_close(scores.merged(item), expected)
