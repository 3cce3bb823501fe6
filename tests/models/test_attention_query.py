"""Attention of one point: the contract of the query, with a model of two attentions in some of four blocks."""

import pytest
import torch
from torch import Tensor

from interface.sizes import ClipSize
from models.attention_query import AttentionMaps, CheckedQuery, MappedAttention, Patch, PointQuery, of_head, patch_at
from models.tokens import Grid

GRID = Grid(frames=4, height=2, width=3)
QUERY = PointQuery(frame=3, x=0.9, y=0.6)


class Maps(AttentionMaps):
    """Maps that contain the number of the block."""

    @property
    def num_blocks(self) -> int:
        return 4

    @property
    def attentions(self) -> list[MappedAttention]:
        return [
            MappedAttention({0: 3, 2: 2}, "near", "; others are far"),
            MappedAttention({1: 4}, "far"),
            MappedAttention({}, "none", "; it is off"),
        ]

    def grid(self, frames: int, height: int, width: int) -> Grid:
        return Grid(frames, height // 8, width // 8)

    def maps(self, inputs: tuple[Tensor, ...], found: CheckedQuery, grid: Grid) -> tuple[Tensor, None]:
        return torch.full(grid, float(found.block)), None


def asked(**changes: object) -> tuple[object, ...]:
    query = QUERY._replace(**changes)  # type: ignore[arg-type]
    Maps().check(ClipSize(4, 16, 24), query)
    maps, places, found = Maps().of_point((torch.zeros(4, 3, 16, 24),), query)
    assert maps.shape == GRID and maps.unique().item() == found.block and places is None and found.query == query
    return tuple(found[1:])


def test_the_default_is_the_last_block_of_the_first_attention_and_the_mean_over_its_heads() -> None:
    assert asked() == (Patch(3, 1, 2), "near", 2, 2)
    assert asked(attention="far", head=3) == (Patch(3, 1, 2), "far", 1, 4)
    assert asked(block=0, head=2) == (Patch(3, 1, 2), "near", 0, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame": 4}, "frame 4: the clip has the token frames 0 to 3"),
        ({"frame": -1}, "frame -1: the clip has the token frames 0 to 3"),
        ({"x": 1.01}, "point 1.01,0.6: x and y are shares of the picture's width and height, from 0 to 1"),
        ({"y": float("nan")}, "point 0.9,nan: x and y are shares of the picture's width and height, from 0 to 1"),
        ({"attention": "t2s"}, "attention 't2s': the model has near and far and none"),
        ({"attention": "none"}, "attention 'none': no block has maps of it; it is off"),
        ({"block": 1}, "block 1: maps are in blocks 0, 2; others are far"),
        ({"block": -1}, "block -1: maps are in blocks 0, 2; others are far"),
        ({"head": 2}, "head 2: choose one from 0 to 1"),
        ({"head": -1}, "head -1: choose one from 0 to 1"),
    ],
)
def test_what_does_not_exist_is_refused_before_and_with_a_clip(changes: dict[str, object], message: str) -> None:
    query = QUERY._replace(**changes)  # type: ignore[arg-type]
    for ask in (
        lambda: Maps().check(ClipSize(4, 16, 24), query),
        lambda: Maps().of_point((torch.zeros(4, 3, 16, 24),), query),
    ):
        with pytest.raises(ValueError) as caught:
            ask()
        assert str(caught.value) == message


def test_a_query_is_checked_against_the_size_of_the_clip() -> None:
    with pytest.raises(ValueError, match="frame 3: the clip has the token frames 0 to 1"):
        Maps().check(ClipSize(2, 16, 24), QUERY)


def test_a_point_belongs_to_the_patch_that_contains_it() -> None:
    assert patch_at(GRID, 3, 0.0, 0.0) == Patch(3, 0, 0)
    assert patch_at(GRID, 0, 0.34, 0.51) == Patch(0, 1, 1)
    assert patch_at(GRID, 0, 1.0, 1.0) == Patch(0, 1, 2)


def test_patches_are_numbered_frame_after_frame_and_row_after_row() -> None:
    patches = [Patch(t, row, column) for t in range(4) for row in range(2) for column in range(3)]
    assert [patch.number(GRID) for patch in patches] == list(range(24))
    assert [patch.place(GRID) for patch in patches] == list(range(6)) * 4


def test_without_a_head_a_map_is_the_mean_over_all_heads() -> None:
    maps = torch.arange(8.0).view(4, 2)
    assert of_head(maps, 3).tolist() == [6, 7] and of_head(maps, None).tolist() == [3, 4]
