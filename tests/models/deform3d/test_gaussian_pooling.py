"""Gaussian maps of joints, and pose tokens from them."""

import math

import pytest
import torch

from models.deform3d.embedding import JointTokens, cells, shares_of_crop
from models.deform3d.gaussian_pooling import joint_maps, pooled
from models.deform3d.positions import of_joints
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
    features, maps = torch.randn(2, 2, 12, 6), torch.rand(2, 2, 5, 12)
    torch.testing.assert_close(pooled(features, maps), torch.einsum("btsd,btrs->btrd", features, maps))


def test_a_mirrored_clip_has_the_mirrored_maps_of_the_mirrored_joints() -> None:
    places = torch.rand(1, 2, 5, 2) * torch.tensor([4.0, 3.0])
    mirrored = places.clone()
    mirrored[..., 0] = 4 - places[..., 0]
    maps, others = (joint_maps(each, GRID, 1.0, normalised=False).unflatten(-1, (3, 4)) for each in (places, mirrored))
    torch.testing.assert_close(maps, others.flip(-1))


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
