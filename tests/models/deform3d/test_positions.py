import pytest
import torch

from models.deform3d.positions import in_space_time, in_time, of_joints, sinusoids, stretched
from models.tokens import Grid

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
