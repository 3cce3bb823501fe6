"""Stand-in for DAVIS 2017: its files, and what its difficulties ask of a propagation.

Masks are propagated by the colours of patches of 8 x 8 pixels.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data.stand_ins.drawing.davis import DavisDrawing
from data.stand_ins.of_videos import DavisStandIn
from lightning_modules.mask_propagation import MaskPropagation, MaskScores
from models.propagation.patch_votes import Clips, FrameVectors, Match, propagated
from models.propagation.rules import DINO, PropagationRules
from models.tokens import Grid

PATCH = 8
STAND_IN = DavisStandIn()
DRAWING = DavisDrawing(STAND_IN)
GRID = Grid(4, STAND_IN.height // PATCH, STAND_IN.width // PATCH)
RULES = replace(DINO, context=2, radius=3)


@cache
def sequence() -> tuple[Tensor, np.ndarray]:
    """Frames (F, 3, h, w) in [0, 1] and masks (F, h, w)."""
    pictures, masks = DRAWING.rendered(0)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255, masks


def colours(clip: Tensor) -> FrameVectors:
    """Mean colours of patches as unit vectors."""
    features = F.avg_pool2d(clip, PATCH).flatten(2).mT - 0.5  # (T, S, 3)
    unit = F.normalize(features, dim=-1).unsqueeze(1)  # (T, 1, S, D)
    return FrameVectors(unit[-1], unit, is_attention=False)


def greys(clip: Tensor) -> FrameVectors:
    return colours(clip.mean(1, keepdim=True).repeat(1, 3, 1, 1) * torch.tensor([1.0, 0.5, 0.2]).view(3, 1, 1))


def score(match: Match | None = colours, rules: PropagationRules = RULES) -> float:
    """J&F of the first sequence; that of its first mask if nothing is matched."""
    scores, (frames, masks) = MaskScores(MaskPropagation()), sequence()
    found = np.broadcast_to(masks[:1], masks.shape)
    if match is not None:
        clips = Clips("duplicate", 1, GRID)
        found = propagated(frames, torch.from_numpy(masks[0]), match, clips, rules).numpy()
    scores.add(0, found, masks)
    return scores.result().metrics["jf"]


def test_each_rule_of_the_propagation_is_needed() -> None:
    of_colours = score()
    assert of_colours > score(greys) + 5 and of_colours > score(None) + 20
    assert of_colours > score(rules=replace(RULES, context=3, first_frame_always=False)) + 5  # objects are hidden
    assert of_colours > score(rules=replace(RULES, context=0)) + 5  # one changes
    assert of_colours > score(rules=replace(RULES, radius=None)) + 2  # some look alike


def test_every_sequence_has_three_objects_that_are_hidden_or_not() -> None:
    for number in range(STAND_IN.num_val):
        _, masks = DRAWING.rendered(number)
        sizes = np.array([[(mask == object_).sum() for object_ in (1, 2, 3)] for mask in masks])
        assert (sizes[0] > 100).all()  # all are visible at first
        assert (sizes[:, :2] == 0).any(0).all()  # the bar hides the first two
        assert (sizes[:, 2] > 100).all()
        assert (sizes[-2, :2] > 100).all()  # and they are visible again at the end
        assert set(np.unique(masks)) == {0, 1, 2, 3}
