"""Mixup and CutMix of a batch with timm, drawn from one seed.

timm draws from numpy's global state, which checkpoints do not contain. It is seeded at each step, so that a resumed run
draws the same values. B: items.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from interface.batches import sent
from interface.ranges import CheckedConfig, PositiveOrZero, Share
from lightning_modules.task import FIRST, Place


class Mixed(NamedTuple):
    """Mixed inputs, and the weights (B, B) of all items in each mixed item."""

    inputs: Tensor
    weights: Tensor


class Mixup:
    """Mixing of each item of a batch with another item of the batch.

    Mixup: https://arxiv.org/abs/1710.09412; CutMix: https://arxiv.org/abs/1905.04899.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        """Settings of timm's mixup."""

        config_path: ClassVar[str] = "objective.mixup"

        alpha: PositiveOrZero = 0.8
        cutmix_alpha: PositiveOrZero = 0.0
        """Parameters of the beta distributions of the weights; 0 disables mixup or CutMix."""
        probability: Share = 1.0
        """Probability of mixing a batch, an item or a pair, depending on `mode`."""
        switch_probability: Share = 0.5
        """Probability of CutMix if both are enabled."""
        mode: Literal["batch", "pair", "elem"] = "batch"
        clips_per_lambda: int | None = field(default=None, metadata={"omit_if": None})
        """Number of clips in the training order that are mixed with one draw of weight and box."""
        clips_per_exchange: int | None = field(default=None, metadata={"omit_if": None})
        """Number of clips among which partners are exchanged. It divides `clips_per_lambda` and every micro-batch;
        draws then do not depend on the micro-batch and the devices. None for both: the clips of a micro-batch of a
        device, on which draws then depend."""
        partner: Literal["reversed", "permuted"] = field(default="reversed", metadata={"omit_if": "reversed"})
        """The clip with which a clip is mixed: that at its place from the end, or that of a random permutation, which
        leaves one clip of an exchange unmixed on average."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.alpha == self.cutmix_alpha == 0:
                raise ValueError("objective.mixup: alpha and cutmix_alpha are 0; one at least is above 0")

        def build(self) -> "Mixup":
            """Mixup with these settings. Groups are checked here, as overrides change one field after the other."""
            shared, exchanged = self.clips_per_lambda, self.clips_per_exchange
            if (shared, exchanged) != (None, None) and (
                not shared or not exchanged or exchanged % 2 or shared % exchanged
            ):
                raise ValueError(
                    f"objective.mixup: clips_per_lambda is {shared} and clips_per_exchange {exchanged}; the second "
                    f"must be even and divide the first, or both be None"
                )
            return Mixup(self)

    def __init__(self, config: Config) -> None:
        self.config = config

    def __call__(self, inputs: Tensor, generator: torch.Generator, place: Place = FIRST) -> Mixed:
        """Mix a batch of clips (B, F, 3, height, width) or images (B, 3, height, width).

        Args:
            generator: source of the draws of a whole micro-batch.
            place: source of the draws of groups of clips, the same in every split of a step into micro-batches.
        """
        if inputs.ndim < 4:
            raise ValueError(
                f"objective.mixup mixes images or clips, and an item has the shape {tuple(inputs.shape[1:])}"
            )
        if len(inputs) % 2:
            raise ValueError(
                f"objective.mixup mixes pairs, and a batch has {len(inputs)} items; use an even --micro-batch"
            )
        shared, exchanged = self.config.clips_per_lambda, self.config.clips_per_exchange
        if shared is None or exchanged is None:
            return self.mixed(inputs, torch.randint(2**32, (1,), generator=generator).tolist()[0], generator)
        groups = []
        for number, group in enumerate(inputs.split(exchanged)):
            first = place.start + number * exchanged
            of_lambda, of_exchange = (hash((place.seed, place.epoch, n, first // n)) for n in (shared, exchanged))
            partners = torch.Generator().manual_seed(of_exchange % 2**63)
            groups.append(self.mixed(group, of_lambda % 2**32, partners))
        mixed, weights = zip(*groups, strict=True)
        return Mixed(torch.cat(mixed), torch.block_diag(*weights))

    def mixed(self, inputs: Tensor, seed: int, generator: torch.Generator) -> Mixed:
        """Mix clips among each other. The seed is that of weights and boxes, the generator the source of partners."""
        from timm.data.mixup import Mixup as TimmMixup  # here: timm takes a second, not needed by configs

        config, B = self.config, len(inputs)
        places = torch.arange(B, device=inputs.device)
        if config.partner == "permuted":  # timm mixes with the batch in reverse order, so the partners follow in it
            partners = sent(torch.randperm(B, generator=generator), inputs.device)
            places = torch.cat([places, partners.flip(0)])
        mixup = TimmMixup(
            mixup_alpha=config.alpha,
            cutmix_alpha=config.cutmix_alpha,
            prob=config.probability,
            switch_prob=config.switch_probability,
            mode=config.mode,
            label_smoothing=0.0,
            num_classes=B,
        )
        images = inputs[places].flatten(1, -3)  # a copy (B, F*3, height, width): timm mixes in place
        with numpy_seeded(seed):
            images, weights = mixup(images, places)
        return Mixed(images[:B].view_as(inputs), weights[:B])


@contextmanager
def numpy_seeded(seed: int) -> Iterator[None]:
    """Seed numpy's global state inside the context. The state is restored afterwards."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
