"""Stand-in for DAVIS 2017: its files, and what its difficulties ask of a propagation.

Masks are propagated by the colours of patches of 8 x 8 pixels.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from data.datasets.davis import Davis, read_frames, read_masks
from data.stand_ins.drawing.davis import DavisDrawing
from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.of_videos import DavisStandIn
from lightning_modules.mask_propagation import MaskPropagation, MaskScores
from models.propagation.patch_votes import Clips, FrameVectors, Match, propagated
from models.propagation.rules import CRW, DINO, PropagationRules
from models.tokens import Grid

PATCH, NUM_SEQUENCES = 8, 1
STAND_IN = DavisStandIn()
DRAWING = DavisDrawing(STAND_IN)
GRID = Grid(4, STAND_IN.height // PATCH, STAND_IN.width // PATCH)
RULES = replace(DINO, context=2, radius=3)


@cache
def sequence(number: int) -> tuple[Tensor, np.ndarray]:
    """Frames (F, 3, h, w) in [0, 1] and masks (F, h, w)."""
    pictures, masks = DRAWING.rendered(number)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255, masks


def colours(clip: Tensor) -> FrameVectors:
    """Mean colours of patches as unit vectors."""
    return unit_vectors(F.avg_pool2d(clip, PATCH).flatten(2).mT - 0.5)  # (T, S, 3)


def greys(clip: Tensor) -> FrameVectors:
    """Mean brightness of patches, as a point on a circle."""
    angle = 3 * F.avg_pool2d(clip.mean(1, keepdim=True), PATCH).flatten(2).mT  # (T, S, 1)
    return unit_vectors(torch.cat([angle.cos(), angle.sin()], dim=-1))


def noise(clip: Tensor) -> FrameVectors:
    """Random vectors, which differ from clip to clip."""
    generator = torch.Generator().manual_seed(int(clip.sum() * 1000) % 2**31)
    return unit_vectors(torch.randn(len(clip), GRID.patches, 3, generator=generator))


def unit_vectors(features: Tensor) -> FrameVectors:
    unit = F.normalize(features, dim=-1).unsqueeze(1)  # (T, 1, S, D)
    return FrameVectors(unit[-1], unit, is_attention=False)


def score(match: Match = colours, rules: PropagationRules = RULES) -> float:
    """J&F of some sequences."""
    scores = MaskScores(MaskPropagation())
    for number in range(NUM_SEQUENCES):
        frames, masks = sequence(number)
        found = propagated(frames, torch.from_numpy(masks[0]), match, Clips("duplicate", 1, GRID), rules)
        scores.add(number, found.numpy(), masks)
    return scores.result().metrics["jf"]


def kept() -> float:
    """J&F of the first masks."""
    scores = MaskScores(MaskPropagation())
    for number in range(NUM_SEQUENCES):
        masks = sequence(number)[1]
        scores.add(number, np.broadcast_to(masks[:1], masks.shape), masks)
    return scores.result().metrics["jf"]


@pytest.fixture(scope="module")
def colour_score() -> float:
    return score()


def test_colours_are_better_than_brightness_and_brightness_than_noise(colour_score: float) -> None:
    assert colour_score > score(greys) + 5 > score(noise) + 10


def test_colours_are_better_than_the_first_mask(colour_score: float) -> None:
    assert colour_score > kept() + 20


def test_attention_to_patches_of_like_colour_is_better_than_the_first_mask() -> None:
    def attention(clip: Tensor) -> FrameVectors:
        queries, keys, _ = colours(clip)
        return FrameVectors(30 * queries, keys, is_attention=True)

    assert score(attention, replace(CRW, context=2, radius=3)) > kept() + 20


def test_without_the_first_frame_hidden_objects_are_lost(colour_score: float) -> None:
    assert colour_score > score(rules=replace(RULES, context=3, first_frame_always=False)) + 5


def test_without_earlier_frames_changing_objects_are_lost(colour_score: float) -> None:
    assert colour_score > score(rules=replace(RULES, context=0)) + 5


def test_without_a_radius_look_alikes_are_confused(colour_score: float) -> None:
    assert colour_score > score(rules=replace(RULES, radius=None)) + 2


def test_true_masks_have_full_scores_and_every_sequence_has_three_objects_that_are_hidden_or_not() -> None:
    for number in range(STAND_IN.num_val):
        _, masks = DRAWING.rendered(number)
        sizes = np.array([[(mask == object_).sum() for object_ in (1, 2, 3)] for mask in masks])
        assert (sizes[0] > 100).all()  # all are visible at first
        assert (sizes[:, :2] == 0).any(0).all()  # the bar hides the first two
        assert (sizes[:, 2] > 100).all()
        assert (sizes[-2, :2] > 100).all()  # and they are visible again at the end
        assert set(np.unique(masks)) == {0, 1, 2, 3}


def test_the_reader_of_the_real_data_set_reads_it(tmp_path: Path) -> None:
    small = DavisStandIn(num_val=2, height=32, width=48, frames=5)
    drawing = DavisDrawing(small)
    items = Davis.Config(stand_in=small).build(ensure(drawing, tmp_path, progress=False, workers=0), "test")
    assert items.ids == ("shapes-00", "shapes-01")
    pictures, masks = drawing.rendered(1)
    assert (read_masks(items.sequences[1], (32, 48)) == masks).all()
    assert np.abs(read_frames(items.sequences[1]).astype(float) - pictures).mean() < 8
