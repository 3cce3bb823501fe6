"""The published formulation of the attention between heads stores its maps, and has the results of ours."""

import pytest
import torch

from models.mixers.linformer import Linformer
from models.mixers.nystromformer import Nystromformer
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory_space import Approximation, ExactSpace, SpatialStage
from models.tokens import Grid
from tests.models.gradients import assert_same

HEADS = 2
VIDEO, SEQUENCE = Grid(3, 2, 4), Grid(1, 1, 24)
PER_FRAME = Orthoformer.Config(num_prototypes=4, share_over_time=False)
MATCHED = Orthoformer.Config(num_prototypes=4, share_over_time=False, matched_prototypes=True)
APPROXIMATIONS: list[Approximation | None] = [
    None,
    Performer.Config(num_features=32),
    Nystromformer.Config(num_prototypes=6),
    Nystromformer.Config(num_prototypes=6, conv_kernel=5, trains_landmarks=True),
    Orthoformer.Config(num_prototypes=6),
    Orthoformer.Config(num_prototypes=6, candidates="queries-and-keys"),
    Orthoformer.Config(num_prototypes=6, selection="segment-means"),
]


def built(approximation: Approximation | None, grid: Grid, *, stored: bool) -> SpatialStage:
    torch.manual_seed(1)
    if approximation is None:
        return ExactSpace(stores_map=stored)
    return approximation.build(HEADS, grid, stores_maps=stored).double().eval()


@pytest.mark.parametrize(
    ("approximation", "grid"),
    [
        *((approximation, grid) for approximation in APPROXIMATIONS for grid in (VIDEO, SEQUENCE)),
        (PER_FRAME, VIDEO),
        (MATCHED, VIDEO),
        (Linformer.Config(num_prototypes=5), SEQUENCE),
    ],
    ids=str,
)
def test_values_and_gradients_equal_those_of_ours(approximation: Approximation | None, grid: Grid) -> None:
    torch.manual_seed(0)
    heads = [torch.randn(3 * HEADS, 24, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    mask = torch.rand(3 * HEADS, 24) < 0.7 if grid == SEQUENCE else None  # tokens, the others are padding
    ours, stored = (built(approximation, grid, stored=stored)(*heads, grid, mask) for stored in (False, True))
    assert_same(stored, ours, heads)
