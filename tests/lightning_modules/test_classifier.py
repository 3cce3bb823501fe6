"""The loss of single-label classification, and the scores of its test."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_modules.objective import SingleLabel
from lightning_modules.optim import OptimConfig


@dataclass
class Batch:
    clips: Tensor
    labels: Tensor
    replaced: Tensor


@dataclass
class Views:
    clips: Tensor
    labels: Tensor
    videos: Tensor
    view: Tensor
    status: Tensor


class Sum(nn.Module):
    """Logits that are the clip's own numbers."""

    def forward(self, clips: Tensor) -> Tensor:
        return clips.flatten(1)


def test_label_smoothing_gives_its_share_evenly_to_all_classes() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 5), torch.tensor([0, 1, 2, 3])
    module = SingleLabel(label_smoothing=0.2).build(Sum(), OptimConfig(), seed=0)
    module.log = lambda *args, **keywords: None  # type: ignore[method-assign]
    module.lr_schedulers = lambda: torch.optim.lr_scheduler.LambdaLR(  # type: ignore[method-assign]
        torch.optim.SGD([nn.Parameter(torch.zeros(1))]), lambda step: 1.0
    )
    loss = module.training_step(Batch(logits.view(4, 1, 1, 1, 5), labels, torch.zeros(4, dtype=torch.bool)), 0)
    log_p = logits.log_softmax(-1)
    # The authors' form: 0.8 of the label's negative log-likelihood and 0.2 of the mean over all classes.
    expected = (-0.8 * log_p[range(4), labels] - 0.2 * log_p.mean(-1)).mean()
    torch.testing.assert_close(loss, expected)


def test_a_confident_crop_loses_to_two_that_agree_as_softmax_scores_are_summed() -> None:
    logits = torch.tensor([[[9.0, 0.0], [0.0, 3.0]], [[0.0, 3.0], [0.0, 0.0]]])  # (views, crops, C), summing to (9, 6)
    module = SingleLabel().build(Sum(), OptimConfig(), seed=0)
    label, video, status = torch.tensor([1]), torch.tensor([0]), torch.tensor([0])
    for view, crops in enumerate(logits):
        module.test_step(Views(crops.view(1, 2, 1, 1, 1, 2), label, video, torch.tensor([view]), status), view)
    torch.testing.assert_close(module.scores.videos[0].scores, logits.softmax(-1).sum((0, 1)))
    assert module.scores.accuracy().top1 == 100.0
