"""Propagation step by step: sources, clips, and masks of sequences with features of colours."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.propagation.propagate import ClipMode, Clips, Vectors, propagated, sources
from models.propagation.rules import CRW, DINO, PropagationRules
from models.propagation.votes import FrameVectors
from models.tokens import Grid

PATCH = 8
GRID = Grid(4, 6, 8)


def clips(mode: ClipMode = "duplicate", tubelet: int = 2, grid: Grid = GRID) -> Clips:
    return Clips(mode, tubelet, grid)


def colours(clip: Tensor) -> FrameVectors:
    """Mean colours of the patches of the first frame of each pair, as unit vectors."""
    means = F.avg_pool2d(clip[::2], PATCH).flatten(2).mT - 0.5  # (T, S, 3)
    unit = F.normalize(means, dim=-1).unsqueeze(1)  # (T, 1, S, 3)
    return FrameVectors(unit[-1], unit, is_attention=False)


def numbers(rules: PropagationRules, step: int, mode: ClipMode = "duplicate") -> list[int]:
    return [source.step for source in sources(step, rules, clips(mode))]


def test_sources_are_the_first_frame_and_as_many_earlier_ones_as_fit_into_a_clip() -> None:
    rules = replace(DINO, context=None)
    assert [numbers(rules, step) for step in (1, 2, 3, 9)] == [[0], [0, 1], [0, 1, 2], [0, 7, 8]]
    assert [source.is_always for source in sources(9, rules, clips())] == [True, False, False]


def test_sources_before_the_start_are_copies_of_the_first_frame_where_the_rules_say_so() -> None:
    rules = replace(CRW, context=3)
    assert [numbers(rules, step) for step in (1, 2, 5)] == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 2, 3, 4]]
    assert [source.is_always for source in sources(1, rules, clips())] == [True, False, False, False]


def test_sources_without_the_first_frame_and_at_a_stride() -> None:
    rules = replace(DINO, context=2, first_frame_always=False)
    assert [numbers(rules, step) for step in (1, 2, 5)] == [[0], [0, 1], [3, 4]]
    strided = replace(DINO, context=2, stride=3)
    assert [numbers(strided, step) for step in (1, 4, 9)] == [[0], [0, 1], [0, 3, 6]]
    assert numbers(replace(strided, first_frame_always=False), 2) == [0]
    assert numbers(replace(DINO, context=0), 5) == [0]


def test_steps_are_frames_or_the_frames_of_a_token() -> None:
    assert clips("duplicate").steps(3) == [(0, 0), (1, 1), (2, 2)]
    assert clips("still").steps(2) == [(0, 0), (1, 1)]
    assert clips("window").steps(5) == [(0, 1), (2, 3), (4, 4)]


def recorded(
    mode: ClipMode, step: int, found: list[int], num_frames: int = 10
) -> tuple[list[list[int]], list[FrameVectors]]:
    """Clips that are matched, as the values of their frames; and the vectors of a step."""
    seen: list[list[int]] = []

    def match(clip: Tensor) -> FrameVectors:
        seen.append(clip[:, 0, 0, 0].int().tolist())
        keys = clip[::2, 0, 0, 0].view(-1, 1, 1, 1)
        return FrameVectors(keys[-1], keys, is_attention=False)

    frames = torch.arange(num_frames).float().view(-1, 1, 1, 1).expand(-1, 3, 2, 2)
    chosen = clips(mode)
    vectors = Vectors(frames, match, chosen, chosen.steps(num_frames)).of(step, found)
    return seen, vectors


def keys_of(vectors: list[FrameVectors]) -> list[int]:
    return torch.cat([found.keys for found in vectors]).flatten().int().tolist()


def test_a_clip_has_the_sources_then_the_target_each_repeated() -> None:
    seen, vectors = recorded("duplicate", 5, [0, 3, 4])
    assert seen == [[0, 0, 3, 3, 4, 4, 5, 5]]
    assert keys_of(vectors) == [0, 3, 4] and vectors[0].queries.item() == 5


def test_a_short_clip_is_filled_up_with_the_first_frame_which_is_no_further_source() -> None:
    seen, vectors = recorded("duplicate", 1, [0])
    assert seen == [[0, 0, 0, 0, 0, 0, 1, 1]] and keys_of(vectors) == [0]


def test_more_sources_than_a_clip_holds_are_matched_in_several_clips() -> None:
    seen, vectors = recorded("duplicate", 9, [0, 5, 6, 7, 8])
    assert seen == [[0, 0, 5, 5, 6, 6, 9, 9], [0, 0, 7, 7, 8, 8, 9, 9]]
    assert keys_of(vectors) == [0, 5, 6, 7, 8]


def test_windows_show_successive_frames_and_stills_one_frame() -> None:
    assert recorded("window", 3, [0, 1, 2])[0] == [[0, 1, 2, 3, 4, 5, 6, 7]]
    seen, vectors = recorded("still", 3, [0, 2])
    assert seen == [[0] * 8, [2] * 8, [3] * 8] and keys_of(vectors) == [0, 2]
    assert all(found.queries.item() == 3 for found in vectors)


def moving_square(num_frames: int = 7) -> tuple[Tensor, Tensor]:
    """Frames (F, 3, h, w) of a red square that moves by a patch each frame over blue, and its masks (F, h, w)."""
    frames = torch.tensor([0.1, 0.2, 0.9]).view(1, 3, 1, 1).repeat(num_frames, 1, 6 * PATCH, 8 * PATCH)
    masks = torch.zeros(num_frames, 6 * PATCH, 8 * PATCH, dtype=torch.uint8)
    for t in range(num_frames):
        columns = slice(t * PATCH, (t + 2) * PATCH)
        frames[t, :, PATCH : 4 * PATCH, columns] = torch.tensor([0.9, 0.1, 0.1]).view(3, 1, 1)
        masks[t, PATCH : 4 * PATCH, columns] = 1
    return frames, masks


@pytest.mark.parametrize("mode", ["duplicate", "still"])
@pytest.mark.parametrize("rules", [replace(CRW, context=3), DINO], ids=["crw", "dino"])
def test_a_moving_square_is_followed(rules: PropagationRules, mode: ClipMode) -> None:
    frames, masks = moving_square()
    found = propagated(frames, masks[0], colours, clips(mode), replace(rules, radius=4))
    assert (found[0] == masks[0]).all()
    overlap = ((found == 1) & (masks == 1)).sum((1, 2)) / ((found == 1) | (masks == 1)).sum((1, 2))
    assert (overlap > 0.8).all()


def test_frames_of_a_token_have_the_same_mask() -> None:
    frames, masks = moving_square(7)
    found = propagated(frames, masks[0], colours, clips("window"), DINO)
    assert (found[0] == found[1]).all() and (found[2] == found[3]).all() and (found[4] != found[3]).any()
    assert found.shape == masks.shape


def test_later_masks_are_not_used_and_other_ids_give_the_same_objects() -> None:
    frames, masks = moving_square()
    first = masks[0].clone()
    first[4 * PATCH :] = 2
    found = propagated(frames, first, colours, clips(), CRW)
    exchanged = torch.tensor([0, 2, 1], dtype=torch.uint8)
    assert (propagated(frames, exchanged[first.long()], colours, clips(), CRW) == exchanged[found.long()]).all()


def test_hard_labels_are_carried_if_the_rules_say_so() -> None:
    _, masks = moving_square()
    frames = torch.rand(7, 3, 6 * PATCH, 8 * PATCH, generator=torch.Generator().manual_seed(0))
    soft, hard = (
        propagated(frames, masks[0], colours, clips(), replace(CRW, soft_labels=kind, radius=3))
        for kind in (True, False)
    )
    assert (soft[1] == hard[1]).all() and (soft != hard).any()
