"""Attention of many queries in one pass, against the attention maps of one query each.

T frames, S cells per frame, R joints.
"""

import pytest
import torch

from models.attention_query import PointQuery
from models.deform3d.attention_maps import block_of, stride_weights
from models.deform3d.deformable import DeformableStage, PlainAttention, joined
from models.deform3d.joint_stride import JointStrideStage
from models.deform3d.model import DeformableTransformer
from models.deform3d.tokens import Tokens
from models.deform3d.whole_attention import CellAttention, cls_attention, joint_attention
from models.deform3d.windows import Windows
from tests.models.deform3d.deform_models import built, inputs


def joint_stage(model: DeformableTransformer) -> tuple[JointStrideStage, Tokens]:
    """Second stage of the last block and the tokens before it, for two clips, the first of which lacks some joints."""
    clips, joints = inputs(2)
    joints[0, 2, 1:3] = 0
    joints[0, 4] = 0
    block = block_of(model, 1)
    stage = block.stages["joint"]
    assert isinstance(stage, JointStrideStage)
    with torch.no_grad():
        return stage, block.before("joint", model.tokens_before(1, clips, joints))


def deformable_stage(model: DeformableTransformer) -> tuple[DeformableStage, Tokens, CellAttention]:
    """First stage of the last block, the tokens before it, and the attention of CLS, for two clips."""
    stage = block_of(model, 1).stages["deformable"]
    assert isinstance(stage, DeformableStage)
    with torch.no_grad():
        tokens = model.tokens_before(1, *inputs(2))
    return stage, tokens, cls_attention(stage, tokens)


@pytest.mark.parametrize(
    "windows", [Windows.Config(window=2), Windows.Config(window=3, pairing="cyclic"), Windows.Config(window=50)]
)
def test_weights_of_every_pose_token_are_those_of_its_map(windows: Windows.Config) -> None:
    stage, tokens = joint_stage(built(joint_windows=windows))
    found = joint_attention(stage, tokens).weights  # (2, R, T, R, T)
    assert found.shape == (2, 5, 6, 5, 6)
    one = tokens._replace(**{name: part[:1] for name, part in tokens.parts.items()}, has_place=tokens.has_place[:1])  # type: ignore[index]
    for joint in range(5):
        for frame in (0, 2, 5):
            with torch.no_grad():
                weights = stride_weights(stage, one, frame, joint)
            assert weights.pose is not None  # (H, T, R)
            torch.testing.assert_close(found[0, joint, frame], weights.pose.mean(0).T)


def test_equal_weights_are_those_of_queries_of_zero() -> None:
    stage, tokens = joint_stage(built(joint_windows=Windows.Config(window=3)))
    equal = joint_attention(stage, tokens).equal
    stage.attention.q.weight.data.zero_()
    assert stage.attention.q.bias is not None
    stage.attention.q.bias.data.zero_()
    weights = joint_attention(stage, tokens).weights
    torch.testing.assert_close(weights, equal)
    assert (
        equal[0, :, :, 1, 2].sum() == 0 < equal[1, :, :, 1, 2].sum()
    )  # that joint has a place in the second clip alone


def test_cls_reads_the_places_that_an_rgb_token_reads() -> None:
    model = built()
    _, _, found = deformable_stage(model)
    clips, joints = inputs(2)
    places = model.attention_of((clips[1], joints[1]), PointQuery(frame=2, x=0.6, y=0.4)).places
    assert places is not None and found.weights.shape == (2, 6, 6 * 12)
    torch.testing.assert_close(found.places[1, :, 0], places[:, 0])
    torch.testing.assert_close((found.places[1, :, 2] + 0.5) / 4, places[:, 1])
    torch.testing.assert_close((found.places[1, :, 1] + 0.5) / 3, places[:, 2])


@pytest.mark.parametrize("settings", [{}, {"attention": PlainAttention.Config()}])
def test_weights_of_cls_are_those_of_full_attention(settings: dict[str, object]) -> None:
    stage, tokens, found = deformable_stage(built(**settings))
    with torch.no_grad():
        y = stage.norm(joined(tokens))
        keys = stage.keys(y, tokens.grid)
        q, kv = stage.attention.q(y).flatten(1, 2), stage.attention.kv(keys).flatten(1, 2)
        weights = stage.attention.weights(q, kv).mean(1)  # (2, T*(S + 2), T*(S + 2))
    for frame in range(6):
        of_cls = weights[:, frame * 14 + 13].unflatten(1, (6, 14))[..., :12]
        torch.testing.assert_close(found.weights[:, frame], of_cls.flatten(1))
