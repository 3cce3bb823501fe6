"""Comparisons: their settings and cases, and forward passes and training steps timed in turns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.timing import Implementation, Pair, peak_memory, timings_in_turns
from runner.measure.measure import TrainingStep, mixed_precision

NUM_CLASSES = 400
# Cost of a training step in forward passes: the backward pass costs two.
TRAINING = 3


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of the model and the clips; by default ViT-B on clips of 16 x 224 x 224, as in the papers."""

    depth: int = 12
    width: int = 768
    heads: int = 12
    frames: int = 16
    crop: int = 224
    clips: int = 1
    repeats: int = 2  # a quarter of an hour for all comparisons on one core

    @property
    def are_published(self) -> bool:
        return replace(self, clips=1, repeats=1) == Sizes(clips=1, repeats=1)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Settings of comparisons.

    `precisions`: names of dtypes.
    `advance`: called with the multiply-adds of every finished call.
    """

    sizes: Sizes
    device: torch.device
    precisions: tuple[str, ...]
    advance: Callable[[float], object]

    def compared(
        self,
        published: Implementation,
        ours: dict[str, Implementation],
        *,
        precision: str,
        difference: float | None,
        rate: float | None,
        aims: "Aims",
        saved: tuple[int, int] | tuple[None, None] = (None, None),
    ) -> Iterator[Pair]:
        """Pairs of each of our implementations with the published one, all timed in turns.

        Args:
            difference: difference between the results of ours and of the published implementation; None if they are
                different models.
            rate: multiply-adds per second of a matrix product; None if the input is not clips.
            aims: target ratios for the published sizes.
            saved: bytes that a clip saves for the backward pass, published and ours.
        """
        published_turns, *our_turns = timings_in_turns(
            [published, *ours.values()], self.device, self.sizes.repeats, self.advance
        )
        memory = peak_memory(published.run, self.device)
        for (name, implementation), turns in zip(ours.items(), our_turns, strict=True):
            yield Pair(
                name=name,
                precision=precision,
                clips=self.sizes.clips if rate is not None else 0,
                published=published_turns,
                ours=turns,
                aim=aims.get((self.device.type, name, precision)) if self.sizes.are_published else None,
                difference=difference,
                published_memory=memory,
                ours_memory=peak_memory(implementation.run, self.device),
                ours_by_flops=implementation.macs / rate if rate is not None else None,
                published_saved=saved[0],
                ours_saved=saved[1],
            )


Aims = dict[tuple[str, str, str], float]  # device, name of the comparison, precision -> target ratio


class Case(NamedTuple):
    """A comparison, which has a name on the command line.

    `pairs`: runs it. `macs`: multiply-adds of all its calls.
    """

    pairs: Callable[[Bench], Iterator[Pair]]
    macs: Callable[[Bench], float]


class Forward:
    """Forward pass without gradients, in a precision."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype

    def __call__(self, logits: Callable[[], Tensor]) -> Tensor:
        with torch.no_grad(), mixed_precision(self.device, self.dtype):
            return logits()


def classification_step(device: torch.device, dtype: torch.dtype, model: nn.Module, num_clips: int) -> TrainingStep:
    """Training step of a classifier with AdamW. All implementations share the state of the optimiser."""
    labels = torch.arange(num_clips, device=device) % NUM_CLASSES
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    return TrainingStep(optimizer, lambda logits: F.cross_entropy(logits, labels), device, dtype)
