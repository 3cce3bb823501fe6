"""Points and heads of attention queries."""

import pytest
import torch

from models.attention_query import Patch, check_head, of_head, patch_at
from models.tokens import Grid

GRID = Grid(frames=4, height=2, width=3)


def test_a_point_belongs_to_the_patch_that_contains_it() -> None:
    assert patch_at(GRID, 3, 0.0, 0.0) == Patch(3, 0, 0)
    assert patch_at(GRID, 0, 0.34, 0.51) == Patch(0, 1, 1)
    assert patch_at(GRID, 0, 1.0, 1.0) == Patch(0, 1, 2)


def test_patches_are_numbered_frame_after_frame_and_row_after_row() -> None:
    patches = [Patch(t, row, column) for t in range(4) for row in range(2) for column in range(3)]
    assert [patch.number(GRID) for patch in patches] == list(range(24))
    assert [patch.place(GRID) for patch in patches] == list(range(6)) * 4


@pytest.mark.parametrize(
    ("frame", "x", "y", "message"),
    [
        (4, 0.5, 0.5, "frame 4: the clip has the token frames 0 to 3"),
        (-1, 0.5, 0.5, "frame -1"),
        (0, 1.01, 0.5, "point 1.01,0.5: x and y are shares"),
        (0, 0.5, float("nan"), "point 0.5,nan"),
    ],
)
def test_frames_and_points_outside_are_refused(frame: int, x: float, y: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        patch_at(GRID, frame, x, y)


@pytest.mark.parametrize("head", [-1, 4])
def test_missing_heads_are_refused(head: int) -> None:
    with pytest.raises(ValueError, match=f"^head {head}: choose one from 0 to 3$"):
        check_head(head, 4)


def test_without_a_head_a_map_is_the_mean_over_all_heads() -> None:
    check_head(None, 4)
    check_head(3, 4)
    maps = torch.arange(8.0).view(4, 2)
    assert of_head(maps, 3).tolist() == [6, 7] and of_head(maps, None).tolist() == [3, 4]
