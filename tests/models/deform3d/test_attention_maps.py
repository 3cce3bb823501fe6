"""Attention of one query: weights of the places that it reads, against attention computed as a whole and in one pass.

T frames, S cells per frame, R joints, H heads, D width.
"""

import pytest
import torch
from torch import Tensor

from models.attention_query import AttentionOfPoint, Patch, PointQuery
from models.deform3d.attention_maps import (
    cls_attention,
    in_tokens,
    joint_attention,
    nearest_joint,
    spread,
    stride_weights,
)
from models.deform3d.deformable import DeformableStage, PlainAttention, joined, reference_places
from models.deform3d.model import DeformableTransformer
from models.deform3d.stage import Stage, Tokens
from models.deform3d.stride import JointStrideStage, joints_first
from models.deform3d.windows import Windows
from models.tokens import Grid
from tests.models.deform3d.deform_models import LABELS, SIZE, built, inputs, small

GRID = Grid(6, 3, 4)
QUERY = PointQuery(frame=2, x=0.6, y=0.4)


def asked(model: DeformableTransformer, joints: Tensor | None = None, /, **changes: object) -> AttentionOfPoint:
    clips, places = inputs(1)
    query = QUERY._replace(**changes)  # type: ignore[arg-type]
    return model.attention_maps().of_point((clips[0], places[0] if joints is None else joints), query)


def full_weights(stage: Stage, queries: Tensor, keys: Tensor) -> Tensor:
    """Attention weights (B, H, n, L) of tokens (B, ..., D) for tokens (B, ..., D), as in the stage."""
    q, kv = stage.attention.q(queries), stage.attention.kv(keys)
    return stage.attention.weights(q.flatten(1, -2), kv.flatten(1, -2))


def deformable_stage(model: DeformableTransformer, num: int) -> tuple[DeformableStage, Tokens, Tensor]:
    """First stage of the last block, the tokens before it, and weights (B, H, T, S + 2, T, S) of all found cells."""
    stage = model.block(1).stages["deformable"]
    assert isinstance(stage, DeformableStage)
    tokens = model.tokens_before(1, *inputs(num))
    y = stage.norm(joined(tokens))
    weights = full_weights(stage, y, stage.keys(y, GRID)).unflatten(3, (6, 14))[..., :12]
    return stage, tokens, weights.unflatten(2, (6, 14))


def joint_stage(model: DeformableTransformer, joints: Tensor) -> tuple[JointStrideStage, Tokens]:
    """Second stage of the last block and the tokens before it."""
    block = model.block(1)
    stage = block.stages["joint"]
    assert isinstance(stage, JointStrideStage)
    return stage, block.before("joint", model.tokens_before(1, inputs(len(joints))[0], joints))


@torch.no_grad()
def test_weights_of_the_deformable_attention_give_its_output() -> None:
    model = built()
    stage, tokens, weights = deformable_stage(model, 1)
    assert stage.search is not None and tokens.rgb is not None
    places = stage.search.places(stage.norm(tokens.rgb).unflatten(2, (3, 4)))[0]
    of_heads = weights[0, :, 2, 1 * 4 + 2]  # frame 2, row 1, column 2
    for head in (None, 3):
        found = asked(model, head=head)
        of_cells = of_heads.mean(0) if head is None else of_heads[head]
        assert found.found.patch == Patch(2, 1, 2) and found.places is not None
        torch.testing.assert_close(found.places[:, 3], of_cells.flatten())
        torch.testing.assert_close(found.places[:, 0], places[..., 0].flatten())
        torch.testing.assert_close(found.places[:, 1] * 4 - 0.5, places[..., 2].flatten(), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found.places[:, 2] * 3 - 0.5, places[..., 1].flatten(), atol=1e-5, rtol=1e-5)
        assert found.maps.shape == (6, 3, 4) and 0 < found.maps.sum() <= found.places[:, 3].sum() + 1e-6 < 1
    assert found.found[2:] == ("deformable", 1, 4)
    assert model.attention_maps().num_blocks == 2 and model.attention_maps().one_scale


def test_plain_attention_reads_the_tokens_themselves() -> None:
    found = asked(built(attention=PlainAttention.Config()))
    assert found.places is not None
    torch.testing.assert_close(found.maps.flatten(), found.places[:, 3])
    torch.testing.assert_close(found.places[:4, 1], torch.tensor([0.125, 0.375, 0.625, 0.875]))


def test_weights_are_spread_to_the_tokens_between_which_a_place_lies() -> None:
    grid, weights = Grid(2, 3, 4), torch.zeros(2, 3, 4)
    weights[1, 2, 3] = 1
    places = reference_places(grid, weights.device)
    places[1, 2, 3] = torch.tensor([0.25, 1.0, 1.5])
    maps = spread(weights, places, grid)
    expected = torch.zeros(2, 3, 4)
    expected[0, 1, 1:3], expected[1, 1, 1:3] = 0.375, 0.125
    torch.testing.assert_close(maps, expected)


def test_the_weight_of_a_joint_is_shared_by_the_cells_around_it() -> None:
    grid, placed = Grid(2, 3, 4), torch.tensor([[1.0, 0.5, 0.5, 0.6], [0.0, 1.0, 0.0, 0.2]])
    maps, expected = spread(placed[:, 3], in_tokens(placed, grid), grid), torch.zeros(2, 3, 4)
    expected[1, 1, 1:3] = 0.3  # half-way between two columns
    expected[0, 0, 3] = 0.2  # at the right upper corner
    torch.testing.assert_close(maps, expected)


@torch.no_grad()
def test_weights_of_joints_are_those_of_full_attention_if_there_is_one_window() -> None:
    model, (_, joints) = built(joint_windows=Windows.Config(window=50)), inputs(1)
    stage, tokens = joint_stage(model, joints)
    joint = nearest_joint(joints[0, 2], joints[0, 2, :, :2] / torch.tensor([32.0, 24.0]), QUERY)
    y = stage.norm(joints_first(tokens)[0])  # (1, R + 2, T, D)
    weights = full_weights(stage, y[:, joint, 2:3], y)[0, :, 0].mean(0)  # (R + 2)*T
    found = asked(model, attention="joint")
    assert found.places is not None
    torch.testing.assert_close(found.places[:, 3], weights.unflatten(0, (7, 6))[:5].T.flatten())
    torch.testing.assert_close(found.places[:, 1], joints[0, ..., 0].flatten() / 32)
    torch.testing.assert_close(found.places[:, 2], joints[0, ..., 1].flatten() / 24)
    assert found.places[:, 0].tolist() == [frame for frame in range(6) for _ in range(5)]
    torch.testing.assert_close(found.maps.sum((1, 2)), found.places[:, 3].unflatten(0, (6, 5)).sum(1))


def test_weights_of_several_windows_are_averaged() -> None:
    model = built(time_windows=Windows.Config(window=2))
    found = asked(model, attention="temporal")
    assert found.places is not None and len(found.places) == 6 * (12 + 5)
    # Windows of frames 1-2 and 2-3 contain frame 2, and their keys are those of frames 2-3 and 3-4.
    assert (found.maps.sum((1, 2)) > 0).tolist() == [False, False, True, True, True, False]
    sums = found.places[:, 3].sum()
    assert 0.5 < sums < 1


def test_joints_without_a_place_are_no_query_and_are_not_read() -> None:
    _, joints = inputs(1)
    joints = joints[0]
    joints[2, :3] = 0
    joints[2, 3] = torch.tensor([1.0, 1.0, 1.0])
    joints[2, 4] = torch.tensor([31.0, 23.0, 1.0])
    shares = joints[2, :, :2] / torch.tensor([32.0, 24.0])
    assert nearest_joint(joints[2], shares, QUERY._replace(x=0.0, y=0.0)) == 3
    assert nearest_joint(joints[2], shares, QUERY._replace(x=1.0, y=1.0)) == 4
    found = asked(built(), joints, attention="joint")
    assert found.places is not None and len(found.places) == 6 * 5 - 3
    joints[2] = 0
    with pytest.raises(ValueError, match=r"^frame 2 has no joints, and the query is the joint next to the point$"):
        asked(built(), joints, attention="joint")


def test_a_model_of_poses_has_maps_of_its_joints() -> None:
    model = built(modalities=("pose",))
    for attention in (None, "joint", "temporal"):
        found = asked(model, attention=attention)
        assert found.places is not None and found.maps.shape == (6, 3, 4)
        torch.testing.assert_close(found.maps.sum(), found.places[:, 3].sum())
    assert asked(model).found.attention == "joint"


def test_a_clip_of_another_length_than_in_training_has_maps() -> None:
    clips, joints = SIZE.with_frames(3).example(1)
    assert built().attention_maps().of_point((clips[0], joints[0]), QUERY).maps.shape == (3, 3, 4)


def test_a_model_without_poses_has_no_maps_of_joints() -> None:
    maps = small(modalities=("rgb",)).on_meta(SIZE, LABELS).attention_maps()
    with pytest.raises(ValueError, match=r"^attention 'joint': the model has deformable and temporal$"):
        maps.check(SIZE, QUERY._replace(attention="joint"))


def some_joints() -> Tensor:
    """Joints of two clips, the first of which lacks some."""
    _, joints = inputs(2)
    joints[0, 2, 1:3] = 0
    joints[0, 4] = 0
    return joints


@torch.no_grad()
@pytest.mark.parametrize(
    "windows", [Windows.Config(window=2), Windows.Config(window=3, pairing="cyclic"), Windows.Config(window=50)]
)
def test_weights_of_every_pose_token_are_those_of_its_map(windows: Windows.Config) -> None:
    stage, tokens = joint_stage(built(joint_windows=windows), some_joints())
    found = joint_attention(stage, tokens).weights  # (2, R, T, R, T)
    assert found.shape == (2, 5, 6, 5, 6)
    one = tokens._replace(**{name: part[:1] for name, part in tokens.parts.items()}, has_place=tokens.has_place[:1])  # type: ignore[index]
    for joint in range(5):
        for frame in (0, 2, 5):
            _, pose = stride_weights(stage, one, frame, joint)
            assert pose is not None  # (H, T, R)
            torch.testing.assert_close(found[0, joint, frame], pose.mean(0).T)


@torch.no_grad()
def test_equal_weights_are_those_of_queries_of_zero() -> None:
    stage, tokens = joint_stage(built(joint_windows=Windows.Config(window=3)), some_joints())
    equal = joint_attention(stage, tokens).equal
    for parameter in stage.attention.q.parameters():
        parameter.zero_()
    torch.testing.assert_close(joint_attention(stage, tokens).weights, equal)
    # That joint has a place in the second clip alone.
    assert equal[0, :, :, 1, 2].sum() == 0 < equal[1, :, :, 1, 2].sum()


@torch.no_grad()
@pytest.mark.parametrize("settings", [{}, {"attention": PlainAttention.Config()}])
def test_weights_of_cls_are_those_of_full_attention_to_the_places_of_an_rgb_token(settings: dict[str, object]) -> None:
    model, (clips, joints) = built(**settings), inputs(2)
    stage, tokens, weights = deformable_stage(model, 2)
    found = cls_attention(stage, tokens)
    torch.testing.assert_close(found.weights, weights.mean(1)[:, :, 13].flatten(2))
    places = model.attention_maps().of_point((clips[1], joints[1]), QUERY).places
    assert places is not None
    torch.testing.assert_close(found.places[1, :, 0], places[:, 0])
    torch.testing.assert_close((found.places[1, :, 2] + 0.5) / 4, places[:, 1])
    torch.testing.assert_close((found.places[1, :, 1] + 0.5) / 3, places[:, 2])
