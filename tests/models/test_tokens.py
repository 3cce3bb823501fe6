"""Tokenisation."""

import pytest
import torch

from models.tokens import CubicTokens, Grid, SquareTokens


@pytest.mark.parametrize("tokens", [CubicTokens.Config(patch=4), SquareTokens.Config(patch=4)])
def test_pixels_are_projected_frame_after_frame_and_row_after_row(
    tokens: CubicTokens.Config | SquareTokens.Config,
) -> None:
    model, frames = tokens.build(width=8).double(), tokens.frames_per_token
    clip = torch.randn(2, 3 * frames, 3, 8, 12, dtype=torch.float64)
    out, grid = model(clip)
    assert grid == Grid(frames=3, height=2, width=3) and out.shape == (2, grid.tokens, 8)
    weight, bias = model.projection.weight.view(8, 3, frames, 4, 4), model.projection.get_parameter("bias")
    for t, r, c in [(0, 0, 0), (1, 0, 2), (2, 1, 1)]:
        cube = clip[:, frames * t : frames * (t + 1), :, 4 * r : 4 * r + 4, 4 * c : 4 * c + 4]  # (B, f, 3, 4, 4)
        expected = torch.einsum("bfcyx,dcfyx->bd", cube, weight) + bias
        torch.testing.assert_close(out[:, t * grid.patches + r * grid.width + c], expected)


def test_the_papers_clip_gives_eight_frames_of_fourteen_by_fourteen_tokens() -> None:
    assert CubicTokens.Config().grid(16, 224, 224) == SquareTokens.Config().grid(8, 224, 224) == Grid(8, 14, 14)


@pytest.mark.parametrize("config", [CubicTokens.Config(), SquareTokens.Config()])
@pytest.mark.parametrize(("height", "width"), [(100, 224), (224, 225)])
def test_a_clip_that_does_not_divide_is_refused(
    config: CubicTokens.Config | SquareTokens.Config, height: int, width: int
) -> None:
    with pytest.raises(ValueError, match=f"{height}x{width} pixels do not divide into patches of 16x16"):
        config.build(width=8)(torch.empty(1, 16, 3, height, width))
