import pytest
import torch
from torch import Tensor

from benchmarks import motionformer as reference
from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.attention_query import AttentionOfPoint, CheckedQuery, Patch, PointQuery
from models.block import Block
from models.mixers.attention import MixerConfig
from models.mixers.divided import DividedAttention
from models.mixers.joint import JointAttention
from models.mixers.orthoformer import Orthoformer
from models.mixers.performer import Performer
from models.mixers.trajectory import TrajectoryAttention
from models.motionformer.model import Motionformer
from models.tokens import CubicTokens, Grid, SquareTokens
from tests.models.vit_models import small

GRID = Grid(frames=4, height=2, width=3)
HEADS = 4
QUERY, POINT = Patch(frame=1, row=1, column=2), PointQuery(frame=1, x=0.9, y=0.6)


def model_and_clip(
    attention: MixerConfig | None = None, *, square: bool = False, depth: int = 4
) -> tuple[Motionformer, Tensor]:
    """Model in double precision without zero weights, and a clip of 16 x 24 pixels."""
    torch.manual_seed(0)
    tokens = SquareTokens.Config(patch=8) if square else CubicTokens.Config(patch=8)
    config = small(depth=depth, tokens=tokens, attention=attention or TrajectoryAttention.Config())
    frames = GRID.frames if square else 2 * GRID.frames
    model = config.build(ClipSize(frames, 24, 24), ClassTarget(5)).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 5)
    return model, torch.randn(frames, 3, 16, 24, dtype=torch.float64)


def asked(model: Motionformer, clip: Tensor, block: int | None = None, head: int | None = None) -> AttentionOfPoint:
    return model.attention_maps().of_point((clip,), POINT._replace(block=block, head=head))


def spatial_map(model: Motionformer, clip: Tensor, block: int | None = None) -> Tensor:
    """Maps (H, T, S) of the query."""
    return torch.stack([asked(model, clip, block, head).maps.flatten(1) for head in range(HEADS)])


@torch.no_grad()
def scores(model: Motionformer, clip: Tensor, block: int) -> Tensor:
    """scale * <q_i, k_fs> of the query with every patch: (H, T, S)."""
    x, grid = model.embedded(clip.unsqueeze(0))
    assert grid == GRID
    for module in list(model.blocks)[:block]:
        assert isinstance(module, Block)
        x = reference.block(x, module, grid)
    chosen = model.blocks[block]
    assert isinstance(chosen, Block)
    mixer = chosen.mixers[0]
    assert isinstance(mixer, TrajectoryAttention)
    q, k, _ = reference.heads_of(chosen.norms[0](x), mixer)  # (1, H, N, K)
    query, keys = q[0, :, 1 + QUERY.number(GRID)], k[0, :, 1:]  # (H, K), (H, T*S, K)
    return torch.einsum("hk,hnk->hn", query, keys).unflatten(1, (GRID.frames, -1)) / keys.shape[-1] ** 0.5


@pytest.mark.parametrize("square", [False, True], ids=["cubic", "square"])
@pytest.mark.parametrize("block", [0, 1, 2])
def test_maps_are_those_of_equation_4(block: int, square: bool) -> None:
    model, clip = model_and_clip(square=square)
    wanted = scores(model, clip, block).softmax(dim=-1)
    maps = spatial_map(model, clip, block)
    torch.testing.assert_close(maps, wanted, rtol=0, atol=1e-10)
    assert maps.std() > 0.01  # not uniform


def test_normalised_over_space_and_time_a_map_sums_to_one_over_all_frames() -> None:
    model, clip = model_and_clip(TrajectoryAttention.Config(normalize_over="space-time"))
    exponentials = scores(model, clip, 1).exp()
    wanted = exponentials / exponentials.sum(dim=(1, 2), keepdim=True)
    torch.testing.assert_close(spatial_map(model, clip, 1), wanted, rtol=0, atol=1e-10)


def test_the_default_attention_is_the_mean_over_the_heads_of_the_last_block_but_one() -> None:
    model, clip = model_and_clip()
    found, heads = asked(model, clip), spatial_map(model, clip, 2)
    assert found[1:] == (None, CheckedQuery(POINT, QUERY, None, 2, HEADS))
    assert model.attention_maps().num_blocks == 4 and not model.attention_maps().one_scale
    torch.testing.assert_close(found.maps.flatten(1), heads.mean(0))
    assert not torch.allclose(heads, spatial_map(model, clip, 1), atol=1e-3)


@pytest.mark.parametrize(
    ("attention", "depth"),
    [
        (JointAttention.Config(), 4),
        (DividedAttention.Config(), 4),
        (TrajectoryAttention.Config(approximation=Orthoformer.Config(num_prototypes=2)), 4),
        (TrajectoryAttention.Config(approximation=Performer.Config(num_features=8)), 4),
        (None, 1),  # the only block computes CLS alone
    ],
    ids=["joint", "divided", "orthoformer", "performer", "one block"],
)
def test_models_without_attention_maps_are_refused(attention: MixerConfig | None, depth: int) -> None:
    model, _ = model_and_clip(attention, depth=depth)
    with pytest.raises(ValueError, match="no block with maps before the last; choose a row with exact trajectory"):
        model.attention_maps().check(ClipSize(8, 16, 24), POINT)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (POINT._replace(block=3), "^block 3: maps are in blocks 0, 1, 2; the last block computes CLS alone$"),
        (POINT._replace(attention="s2t"), "^attention 's2t': the model has one attention, which has no name$"),
    ],
)
def test_the_last_block_and_names_are_refused(query: PointQuery, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_and_clip()[0].attention_maps().check(ClipSize(8, 16, 24), query)
