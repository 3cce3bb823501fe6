"""3D token search against the printed triple loop, with its gradients.

B batch, T frames, D width.
"""

import pytest
import torch
from torch import Tensor

from models.deform3d.deformable import TokenSearch, reference_places, search
from models.tokens import Grid
from tests.models.gradients import assert_same

GRIDS = [Grid(3, 4, 5), Grid(1, 4, 5), Grid(3, 1, 5), Grid(3, 4, 1), Grid(1, 1, 1), Grid(2, 6, 3)]


def triple_loop(z: Tensor, places: Tensor) -> Tensor:
    """Algorithm A3 for tokens z (T, rows, columns, D) and places (n, 3) of frame, row and column: (n, D)."""
    found = []
    for pz, py, px in places:
        total = torch.zeros_like(z[0, 0, 0])
        for rz in range(z.shape[0]):
            for ry in range(z.shape[1]):
                for rx in range(z.shape[2]):
                    phi = tent(px, rx) * tent(py, ry) * tent(pz, rz)
                    total = total + phi * z[rz, ry, rx]
        found.append(total)
    return torch.stack(found)


def tent(a: Tensor, b: int | Tensor) -> Tensor:
    return (1 - (a - b).abs()).clamp(min=0)


def random_case(grid: Grid, seed: int, *, beyond: float = 1.5) -> tuple[Tensor, Tensor]:
    """Tokens and places up to `beyond` tokens outside of the grid, at least 0.05 away from integers, in float64."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(*grid, 3, dtype=torch.float64, generator=generator)
    shares = torch.rand(17, 3, dtype=torch.float64, generator=generator)
    places = shares * (torch.tensor(grid) - 1 + 2 * beyond) - beyond
    return z, places.floor() + 0.05 + 0.9 * (places - places.floor())


def searched(z: Tensor, places: Tensor) -> Tensor:
    return search(z.unsqueeze(0), places.unsqueeze(0))[0]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_values_and_gradients_are_those_of_the_printed_sum(grid: Grid) -> None:
    for seed in range(3):
        z, places = (each.requires_grad_() for each in random_case(grid, seed))
        assert_same(searched(z, places), triple_loop(z, places), (z, places), 1e-13)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_without_offsets_the_search_is_the_identity(grid: Grid) -> None:
    z, _ = random_case(grid, 0)
    found = search(z.unsqueeze(0), reference_places(grid, z.device).unsqueeze(0))[0]
    torch.testing.assert_close(found, z, rtol=0, atol=1e-6)
    in_single = search(z.float().unsqueeze(0), reference_places(grid, z.device).unsqueeze(0))[0]
    torch.testing.assert_close(in_single, z.float(), rtol=0, atol=1e-5)


def network(scale: tuple[float, float, float] = (1.0, 2.0, 0.5), weight: float = 0.5) -> TokenSearch:
    torch.manual_seed(0)
    made = TokenSearch(8, 3, scale)
    torch.nn.init.normal_(made.offsets.weight, std=weight)
    return made


def test_offsets_are_within_the_scale_of_each_axis() -> None:
    for weight in (0.5, 1e3):
        made, z = network(weight=weight), torch.randn(2, 3, 4, 5, 8)
        offsets = made.places(z) - reference_places(Grid(3, 4, 5), z.device)
        largest = offsets.abs().amax((0, 1, 2, 3))
        assert (largest <= made.scale + 1e-5).all()
        assert (largest > 0.2 * made.scale).all()


def test_offsets_start_small_but_not_at_zero() -> None:
    torch.manual_seed(0)
    made = TokenSearch(64, 3, (1.0, 1.0, 1.0))
    z = torch.randn(1, 4, 6, 6, 64)
    offsets = made.places(z) - reference_places(Grid(4, 6, 6), z.device)
    assert offsets.abs().min() > 0 and 0.01 < offsets.std() < 0.5
    made(z).square().sum().backward()
    assert made.convolution.weight.grad is not None and made.convolution.weight.grad.abs().sum() > 0


def test_offsets_move_with_the_tokens_away_from_the_border() -> None:
    made, z = network(), torch.randn(1, 6, 7, 8, 8)
    there = made.places(z.roll((1, 1, 1), dims=(1, 2, 3))) - made.places(z).roll((1, 1, 1), dims=(1, 2, 3))
    inner = there[:, 2:-1, 2:-1, 2:-1]
    torch.testing.assert_close(inner, torch.ones_like(inner), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_places_are_in_single_precision_under_autocast(dtype: torch.dtype) -> None:
    made, z = network(), torch.randn(1, 3, 28, 28, 8)
    exact = made.places(z)
    with torch.autocast("cpu", dtype=dtype):
        places = made.places(z)
        found = search(z.to(dtype), exact)
    assert places.dtype == torch.float32 and found.dtype == dtype
    assert (places - exact).abs().max() < 0.05
    # In half precision, the places alone would be rounded by a sixteenth of a token.
    torch.testing.assert_close(found.float(), search(z.to(dtype).float(), exact), rtol=1e-2, atol=1e-2)
