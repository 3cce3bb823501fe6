"""Gaussian maps of joints, pose tokens from them, and fixed positions."""

import math

import pytest
import torch

from models.deform3d.embedding import (
    JointTokens,
    cells,
    in_space_time,
    in_time,
    joint_maps,
    of_joints,
    shares_of_crop,
    sinusoids,
    stretched,
)
from models.tokens import Grid

GRID = Grid(2, 3, 4)


@pytest.mark.parametrize("normalised", [True, False])
def test_maps_are_gaussians_of_the_distance_in_cells(normalised: bool) -> None:
    torch.manual_seed(0)
    places = torch.rand(1, 2, 5, 2) * torch.tensor([4.0, 3.0])
    maps = joint_maps(places, GRID, 0.7, normalised=normalised).unflatten(-1, (3, 4))
    for t in range(2):
        for r in range(5):
            x, y = places[0, t, r].tolist()
            heights = [
                [math.exp(-((x - c - 0.5) ** 2 + (y - row - 0.5) ** 2) / (2 * 0.7**2)) for c in range(4)]
                for row in range(3)
            ]
            total = sum(map(sum, heights)) if normalised else 1
            torch.testing.assert_close(maps[0, t, r], torch.tensor(heights) / total, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sigma", [1e-3, 1e5])
def test_normalised_maps_sum_to_one_for_any_width(sigma: float) -> None:
    maps = joint_maps(torch.tensor([[[[0.0, 3.0], [2.0, 1.3]]]]), Grid(1, 3, 4), sigma, normalised=True)
    torch.testing.assert_close(maps.sum(-1), torch.ones(1, 1, 2))


def test_maps_are_in_single_precision_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (
            joint_maps(torch.zeros(1, 2, 5, 2, dtype=torch.bfloat16), GRID, 1.0, normalised=True).dtype == torch.float32
        )


def test_tokens_are_sums_of_features_weighted_by_the_map() -> None:
    features, shares = torch.randn(2, 2, 12, 6), torch.rand(2, 2, 5, 2)
    maps = joint_maps(cells(shares, GRID), GRID, 0.7, normalised=True)
    around = JointTokens(5, 6, 0.7, normalised=True).around(features, shares, GRID)
    torch.testing.assert_close(around, torch.einsum("btsd,btrs->btrd", features, maps))


def test_places_in_pixels_become_cells_that_divide_the_crop() -> None:
    clips = torch.zeros(1, 2, 3, 24, 32)
    joints = torch.tensor([[[[0.0, 0.0, 1.0], [32.0, 24.0, 1.0], [4.0, 12.0, 1.0]]] * 2])
    assert cells(shares_of_crop(joints, clips), GRID)[0, 0].tolist() == [[0, 0], [4, 3], [0.5, 1.5]]


def test_joints_without_a_place_give_zero_tokens_whatever_their_numbers() -> None:
    torch.manual_seed(0)
    clips, joints = torch.zeros(1, 2, 3, 24, 32), torch.rand(1, 2, 5, 3)
    joints[..., 2] = 1
    joints[:, :, 3] = torch.tensor([float("nan"), 1e9, 0.0])
    shares = shares_of_crop(joints, clips)
    tokens, has_place = JointTokens(5, 6, 1.0, normalised=True), joints[..., 2] > 0.5
    around = tokens.around(torch.randn(1, 2, 12, 6), shares, GRID)
    positions = of_joints(shares, GRID, 6)
    for made in (tokens(positions, has_place, around), tokens(positions, has_place, None)):
        assert (made[:, :, 3] == 0).all()
        assert (made[:, :, [0, 1, 2, 4]] != 0).any(-1).all() and made.isfinite().all()


def test_each_joint_has_a_vector_of_its_own() -> None:
    torch.manual_seed(0)
    made = JointTokens(5, 6, 1.0, normalised=True)(torch.ones(1, 2, 5, 6), torch.ones(1, 2, 5) > 0, None)
    assert len({tuple(token) for token in made[0, 0].tolist()}) == 5


LEARNT, CPU = Grid(6, 3, 4), torch.device("cpu")


@pytest.mark.parametrize("width", [1, 2, 5, 16])
def test_sines_and_cosines_of_rising_frequencies(width: int) -> None:
    made = sinusoids(torch.arange(7), width, length=7)
    assert made.shape == (7, width) and made.isfinite().all()
    torch.testing.assert_close(made[:, 0], (torch.pi / 7 * torch.arange(7.0)).sin())


def test_joints_in_the_middle_of_cells_have_the_positions_of_the_cells() -> None:
    x, y = torch.meshgrid((torch.arange(4) + 0.5) / 4, (torch.arange(3) + 0.5) / 3, indexing="xy")
    shares = torch.stack([x, y], dim=-1).flatten(0, 1).expand(1, 6, -1, -1)  # (1, T, S, 2)
    torch.testing.assert_close(of_joints(shares, LEARNT, 32)[0], in_space_time(LEARNT, LEARNT, 32, CPU).flatten(1, 2))


def test_the_grid_of_training_has_the_places_0_1_2() -> None:
    assert stretched(6, 6, CPU).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("count", [1, 2, 3, 12, 24])
def test_another_number_of_cells_spans_the_same_range(count: int) -> None:
    places = stretched(count, 6, CPU)
    assert places.shape == (count,)
    torch.testing.assert_close(places.mean(), torch.tensor(2.5))
    half = 6 / count / 2
    torch.testing.assert_close(places[[0, -1]], torch.tensor([half - 0.5, 5.5 - half]))


@pytest.mark.parametrize("width", [8, 32, 30])
def test_all_cells_of_a_grid_have_different_positions(width: int) -> None:
    made = in_space_time(LEARNT, LEARNT, width, CPU)
    assert made.shape == (6, 3, 4, width)
    distances = torch.cdist(made.flatten(0, 2), made.flatten(0, 2)) + 10 * torch.eye(72)
    assert distances.min() > 0.05


def test_positions_of_frames_are_those_of_their_cells() -> None:
    of_time = in_time(6, LEARNT, 32, CPU)
    assert of_time.shape == (6, 1, 32)
    cells = in_space_time(LEARNT, LEARNT, 32, CPU)
    torch.testing.assert_close(cells[:, 1, 2, :8], of_time[:, 0, :8])
    assert (of_time[..., 8:] == 0).all()
