"""Tokenisation."""

import pytest
import torch

from models.tokens import CubicTokens, Grid, SquareTokens


def test_cubes_are_projected_frame_after_frame_and_row_after_row() -> None:
    tokens = CubicTokens.Config(patch=4, tubelet=2).build(width=8).double()
    clip = torch.randn(2, 6, 3, 8, 12, dtype=torch.float64)
    out, grid = tokens(clip)
    assert grid == Grid(frames=3, height=2, width=3) and out.shape == (2, grid.tokens, 8)
    bias = tokens.projection.get_parameter("bias")
    for t, r, c in [(0, 0, 0), (1, 0, 2), (2, 1, 1)]:
        cube = clip[:, 2 * t : 2 * t + 2, :, 4 * r : 4 * r + 4, 4 * c : 4 * c + 4]  # (B, 2, 3, 4, 4)
        expected = torch.einsum("bfcyx,dcfyx->bd", cube, tokens.projection.weight)
        torch.testing.assert_close(out[:, t * grid.patches + r * grid.width + c], expected + bias)


def test_patches_are_projected_frame_after_frame_and_row_after_row() -> None:
    tokens = SquareTokens.Config(patch=4).build(width=8).double()
    clip = torch.randn(2, 3, 3, 8, 12, dtype=torch.float64)
    out, grid = tokens(clip)
    assert grid == Grid(frames=3, height=2, width=3) and out.shape == (2, grid.tokens, 8)
    bias = tokens.projection.get_parameter("bias")
    for t, r, c in [(0, 0, 0), (1, 0, 2), (2, 1, 1)]:
        patch = clip[:, t, :, 4 * r : 4 * r + 4, 4 * c : 4 * c + 4]  # (B, 3, 4, 4)
        expected = torch.einsum("bcyx,dcyx->bd", patch, tokens.projection.weight)
        torch.testing.assert_close(out[:, t * grid.patches + r * grid.width + c], expected + bias)


def test_the_papers_clip_gives_eight_frames_of_fourteen_by_fourteen_tokens() -> None:
    assert CubicTokens.Config().grid(16, 224, 224) == SquareTokens.Config().grid(8, 224, 224) == Grid(8, 14, 14)


@pytest.mark.parametrize(
    ("config", "clip", "message"),
    [
        (CubicTokens.Config(), (15, 224, 224), "15 frames do not divide into cubes of 2"),
        (CubicTokens.Config(), (16, 224, 225), "224x225 pixels do not divide into patches of 16x16"),
        (SquareTokens.Config(), (8, 100, 224), "100x224 pixels do not divide into patches of 16x16"),
    ],
)
def test_a_clip_that_does_not_divide_is_refused(
    config: CubicTokens.Config | SquareTokens.Config, clip: tuple[int, int, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        config.grid(*clip)
    frames, height, width = clip
    with pytest.raises(ValueError, match=message):
        config.build(width=8)(torch.empty(1, frames, 3, height, width))


def test_tiny_tokens_have_half_the_side_and_all_their_frames() -> None:
    assert CubicTokens.Config(patch=32, tubelet=4).tiny() == CubicTokens.Config(patch=16, tubelet=4)
    assert SquareTokens.Config().tiny() == SquareTokens.Config(patch=8)
