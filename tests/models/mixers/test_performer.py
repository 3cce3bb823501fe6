import itertools

import pytest
import torch

from models.mixers.performer import Performer
from models.mixers.trajectory_space import ExactSpace
from tests.models.mixers.test_approximations import HEADS, SEQUENCE, SIZE, VIDEO, heads


def test_more_features_converge_to_exact_attention() -> None:
    q, k, v = heads(items=1)
    q, k = q / 2, k / 2  # 1e-6 biases features if one is far larger than the others
    exact = ExactSpace()(q, k, v, VIDEO)
    errors = [
        (Performer.Config(num_features=m).build(HEADS).eval()(q, k, v, VIDEO) - exact).square().mean().sqrt().item()
        for m in (64, 1024, 16384, 262144)
    ]
    assert errors[3] < 0.01
    # The error decreases with the square root of the number of features, here by a factor of 4.
    assert all(2 < before / after < 8 for before, after in itertools.pairwise(errors))


def test_scaling_twice_divides_scores_by_the_size_of_a_head() -> None:
    q, k, v = (t / 2 for t in heads())
    stage = Performer.Config(num_features=65536, scales_twice=True).build(HEADS).eval()
    wanted = (q @ k.mT / SIZE).softmax(-1) @ v
    assert (stage(q, k, v, SEQUENCE)[0].transpose(0, 1) - wanted).abs().max() < 0.02


def test_directions_are_orthogonal_in_blocks_and_as_long_as_normal_vectors() -> None:
    directions = Performer.Config(num_features=3 * 64 - 10).build(HEADS).directions(64)
    assert directions.shape == (182, 64)
    block = torch.nn.functional.normalize(directions[64:128], dim=-1)
    torch.testing.assert_close(block @ block.T, torch.eye(64), rtol=0, atol=1e-5)
    assert directions.norm(dim=1).mean().item() == pytest.approx(8, abs=0.2)
    assert directions.norm(dim=1).std().item() == pytest.approx(0.5**0.5, abs=0.2)
    of_two_sides = Performer.Config(num_features=32, kernel="two-sided").build(HEADS).directions(SIZE)
    torch.testing.assert_close(of_two_sides.norm(dim=1), torch.full((16,), SIZE**0.5), rtol=1e-5, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_features_are_in_single_precision_under_mixed_precision(dtype: torch.dtype) -> None:
    q, k, v = (t.to(dtype) for t in heads(dtype=torch.float32))
    stage = Performer.Config(num_features=20).build(HEADS).eval()
    with torch.autocast("cpu", dtype=dtype):
        half = stage(q, k, v, VIDEO)
    assert torch.equal(half, stage(q.float(), k.float(), v.float(), VIDEO).to(dtype))
