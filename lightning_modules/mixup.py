"""Mixup and CutMix of a batch with timm, drawn from one seed.

timm draws from numpy's global state, which checkpoints do not contain. It is seeded at each step, so that a resumed run
draws the same values. B: items.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Mixed(NamedTuple):
    """Mixed inputs, and the weights (B, B) of all items in each mixed item."""

    inputs: Tensor
    weights: Tensor


class Mixup:
    """Mixing of each item of a batch with another item of the batch.

    Mixup: https://arxiv.org/abs/1710.09412; CutMix: https://arxiv.org/abs/1905.04899.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Settings of timm's mixup.

        `alpha`, `cutmix_alpha`: parameters of the beta distributions of the weights; 0 disables mixup or CutMix.
        `probability`: probability of mixing a batch, an item or a pair, depending on `mode`.
        `switch_probability`: probability of CutMix if both are enabled.
        """

        alpha: float = 0.8
        cutmix_alpha: float = 0.0
        probability: float = 1.0
        switch_probability: float = 0.5
        mode: Literal["batch", "pair", "elem"] = "batch"

        def __post_init__(self) -> None:
            alphas = (self.alpha, self.cutmix_alpha)
            if not all(0 <= alpha < math.inf for alpha in alphas) or max(alphas) == 0:
                raise ValueError(
                    f"objective.mixup: alpha {self.alpha} and cutmix_alpha {self.cutmix_alpha}; one at least is above 0"
                )
            for name in ("probability", "switch_probability"):
                if not 0 <= getattr(self, name) <= 1:
                    raise ValueError(f"objective.mixup.{name} is {getattr(self, name)}; it is between 0 and 1")

        def build(self) -> "Mixup":
            """Mixup with these settings."""
            return Mixup(self)

    def __init__(self, config: Config) -> None:
        self.config = config

    def __call__(self, inputs: Tensor, generator: torch.Generator) -> Mixed:
        """Mix a batch of clips (B, F, 3, height, width) or images (B, 3, height, width).

        Raises:
            ValueError: for inputs of another shape, or an odd number of items, which cannot be paired.
        """
        from timm.data.mixup import Mixup as TimmMixup  # here: timm takes a second, not needed by configs

        if inputs.ndim < 4:
            raise ValueError(
                f"objective.mixup mixes images or clips, and an item has the shape {tuple(inputs.shape[1:])}"
            )
        if len(inputs) % 2:
            raise ValueError(
                f"objective.mixup mixes pairs, and a batch has {len(inputs)} items; use an even --micro-batch"
            )
        config = self.config
        mixup = TimmMixup(
            mixup_alpha=config.alpha,
            cutmix_alpha=config.cutmix_alpha,
            prob=config.probability,
            switch_prob=config.switch_probability,
            mode=config.mode,
            label_smoothing=0.0,
            num_classes=len(inputs),
        )
        item_labels = torch.arange(len(inputs), device=inputs.device)
        images = inputs.clone().flatten(1, -3)  # (B, F*3, height, width): timm mixes in place
        with numpy_seeded(int(torch.randint(2**32, (), generator=generator))):
            images, weights = mixup(images, item_labels)
        return Mixed(images.view_as(inputs), weights)


@contextmanager
def numpy_seeded(seed: int) -> Iterator[None]:
    """Seed numpy's global state inside the context. The state is restored afterwards."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
