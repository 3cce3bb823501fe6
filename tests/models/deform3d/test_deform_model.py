"""3D deformable transformer: shapes, costs, settings, and its properties.

B batch, T frames, R joints, D width.
"""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from interface.sizes import PoseClipSize
from interface.targets import ClassTarget
from models.deform3d.deformable import DeformableAttention, DeformableStage, PlainAttention
from models.deform3d.heads import AllModalHead
from models.deform3d.model import DeformableTransformer
from models.deform3d.stage import Block
from models.deform3d.stride import TemporalStrideStage
from models.deform3d.windows import Windows
from tests.models.deform3d.deform_models import LABELS, SIZE, built, inputs, small
from tests.models.mixers.test_contract import Largest

PAPER_SIZE = PoseClipSize(12, 224, 224, 13)
VARIANTS: dict[str, dict[str, object]] = {
    "default": {},
    "rgb": {"modalities": ("rgb",)},
    "pose": {"modalities": ("pose",)},
    "plain attention": {"attention": PlainAttention.Config()},
    "wide search": {"attention": DeformableAttention.Config(kernel=5, offset_scale=(2.0, 3.0, 3.0))},
    "deformable alone": {"stages": ("deformable",), "modalities": ("rgb",)},
    "joint alone": {"stages": ("joint",)},
    "temporal alone": {"stages": ("temporal",)},
    "without joint": {"stages": ("deformable", "temporal")},
    "without temporal": {"stages": ("deformable", "joint")},
    "after FFN": {"merge": "after FFN"},
    "copy": {"cls_route": "copy"},
    "no pre-norm": {"pre_norm": False},
    "all modal tokens": {"head": AllModalHead.Config(dropout=0.1)},
    "not normalised": {"normalised": False, "sigma": 0.5},
    "printed": {
        "joint_windows": Windows.Config(window=2, pairing="printed"),
        "time_windows": Windows.Config(window=3, pairing="printed"),
    },
    "cyclic": {"joint_windows": Windows.Config(window=3, pairing="cyclic")},
    "deep": {"depth": 3, "drop_path": 0.2, "mlp_ratio": 1.5},
}
each_variant = pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())


@each_variant
def test_multiply_adds_are_those_that_torch_counts(settings: dict[str, object]) -> None:
    config = small(**settings)
    assert config.macs(SIZE, LABELS) == config.executed_macs(SIZE, LABELS)


@pytest.mark.parametrize("size", [PAPER_SIZE, PoseClipSize(12, 112, 112, 13)])
def test_no_map_of_all_tokens_is_in_memory(size: PoseClipSize) -> None:
    config = DeformableTransformer.Config()
    model = config.on_meta(size, LABELS)
    with FakeTensorMode(allow_non_fake_inputs=True), Largest() as largest:
        model.to_empty(device="cpu")(*size.example(1)).sum().backward()
    assert largest.elements < (size.frames * config.tokens_per_frame(size)) ** 2


@pytest.mark.parametrize("size", [PAPER_SIZE, PoseClipSize(12, 112, 112, 25)])
def test_the_cost_at_the_papers_size_is_computed_without_memory(size: PoseClipSize) -> None:
    config = DeformableTransformer.Config()
    cost = config.cost(size, ClassTarget(15))
    assert cost.macs == config.executed_macs(size, ClassTarget(15))
    assert cost.parameters == cost.trainable_parameters


@pytest.mark.parametrize("settings", [{}, {"modalities": ("pose",)}, {"modalities": ("rgb",)}], ids=str)
def test_a_model_takes_any_number_of_frames_and_any_crop(settings: dict[str, object]) -> None:
    model = built(**settings)
    for frames in (1, 2, 3, 4, 5, 12, 24):
        logits = model(*SIZE.with_frames(frames).example(1))
        assert logits.shape == (1, 7) and logits.isfinite().all()
    assert model(*replace(SIZE, height=40, width=16).example(1)).isfinite().all()


def test_a_model_takes_any_number_of_joints() -> None:
    model = built()
    clips, joints = SIZE.example(1)
    for count in (1, 3, 13, 14, 50):
        logits = model(clips, replace(SIZE, joints=count).example(1)[1])
        assert logits.shape == (1, 7) and logits.isfinite().all()
    tokens = model.embedding.joints
    assert tokens is not None and torch.equal(tokens.vectors(2 * SIZE.joints), tokens.of_joint.repeat(2, 1))
    nowhere = torch.zeros_like(joints)  # a second person who is not there
    windows = Windows.Config(window=2 * SIZE.joints)
    model = built(joint_windows=windows)
    torch.testing.assert_close(model(clips, torch.cat([joints, nowhere], 2)), model(clips, joints))


def test_printed_windows_refuse_clips_that_are_too_short() -> None:
    model = built(PoseClipSize(12, 24, 32, 13), time_windows=Windows.Config(window=4, pairing="printed"))
    with pytest.raises(ValueError, match=r"^the printed loops give 0 windows"):
        model(*PoseClipSize(4, 24, 32, 13).example(1))


def gradients(model: DeformableTransformer, size: PoseClipSize = SIZE) -> tuple[Tensor, Tensor]:
    """Absolute gradients of the logits: by frame (T,), and by joint (T, R)."""
    clips, joints = (each.requires_grad_() for each in inputs(1, size))
    model(clips, joints).square().sum().backward()
    of_clips = torch.zeros(size.frames) if clips.grad is None else clips.grad[0].abs().sum((1, 2, 3))
    of_joints = torch.zeros(joints.shape[1:3]) if joints.grad is None else joints.grad[0, ..., :2].abs().sum(-1)
    return of_clips, of_joints


def test_the_last_joint_of_the_last_frame_is_read_and_in_printed_windows_never() -> None:
    size = PoseClipSize(12, 24, 32, 13)
    ours, printed = Windows.Config(), Windows.Config(pairing="printed")
    for windows, is_read in ((ours, True), (printed, False)):
        model = built(size, modalities=("pose",), joint_windows=windows, time_windows=windows)
        _, of_joints = gradients(model, size)
        assert (of_joints[-1, -1] > 0) == is_read
        assert (of_joints[:2, :2] > 0).all() == is_read
        assert (of_joints[2:10, 2:12] > 0).all()


@pytest.mark.parametrize(
    ("modalities", "read"), [(("rgb", "pose"), (True, True)), (("rgb",), (True, False)), (("pose",), (False, True))]
)
def test_logits_depend_on_every_frame_and_every_joint_of_the_modalities_alone(
    modalities: tuple[str, ...], read: tuple[bool, bool]
) -> None:
    of_clips, of_joints = gradients(built(modalities=modalities))
    assert (bool((of_clips > 0).all()), bool((of_joints > 0).all())) == read
    assert (bool((of_clips > 0).any()), bool((of_joints > 0).any())) == read


def test_a_model_of_poses_has_no_backbone_and_one_of_rgb_no_pose_tokens() -> None:
    pose, rgb = built(modalities=("pose",)), built(modalities=("rgb",))
    assert not [name for name in pose.state_dict() if "backbone" in name or "deformable" in name]
    assert not [name for name in rgb.state_dict() if "joint" in name or "of_pose" in name]
    assert rgb.config.active_stages == ("deformable", "temporal") and pose.config.active_stages == ("joint", "temporal")
    assert built().config.active_stages == ("deformable", "joint", "temporal")


@pytest.mark.parametrize("modalities", [("rgb", "pose"), ("pose",)])
def test_a_joint_without_a_place_has_no_influence(modalities: tuple[str, ...]) -> None:
    model, (clips, joints) = built(modalities=modalities), inputs()
    joints[0, 2, 3] = 0
    moved = joints.clone()
    moved[0, 2, 3, :2] = 7
    torch.testing.assert_close(model(clips, moved), model(clips, joints))
    moved[0, 2, 3, 2] = 1
    assert not torch.allclose(model(clips, moved), model(clips, joints))


def test_clips_without_any_joint_have_logits_and_gradients() -> None:
    model, (clips, joints) = built(), inputs()
    logits = model(clips, torch.zeros_like(joints))
    assert logits.isfinite().all()
    logits.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_a_search_without_offsets_is_plain_attention() -> None:
    model, plain = built(), built(attention=PlainAttention.Config())
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if ".search." not in name})
    assert not torch.allclose(model(*inputs()), plain(*inputs()), atol=1e-4)
    for block in model.blocks:
        stage = block.stages["deformable"]  # type: ignore[union-attr,index]
        assert isinstance(stage, DeformableStage) and stage.search is not None
        torch.nn.init.zeros_(stage.search.offsets.weight)
    torch.testing.assert_close(model(*inputs()), plain(*inputs()), atol=1e-4, rtol=1e-4)


def test_with_a_copy_the_third_stage_takes_cls_of_the_first() -> None:
    for route in ("chain", "copy"):
        model = built(cls_route=route)
        block, tokens = model.blocks[0], model.embedding(*inputs())
        first = block.after("deformable", tokens)  # type: ignore[operator]
        second = block.after("joint", first)  # type: ignore[operator]
        assert torch.equal(second.cls, first.cls) == (route == "copy")
        assert not torch.equal(second.pose, first.pose) and not torch.equal(second.of_pose, first.of_pose)


def test_windows_after_and_before_the_ffn_agree_where_there_is_one_window() -> None:
    wide = Windows.Config(window=100)
    before, after = (built(merge=merge, joint_windows=wide, time_windows=wide) for merge in ("before FFN", "after FFN"))
    torch.testing.assert_close(before(*inputs()), after(*inputs()), atol=1e-5, rtol=1e-4)
    before, after = (built(merge=merge) for merge in ("before FFN", "after FFN"))
    assert not torch.allclose(before(*inputs()), after(*inputs()), atol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"head": AllModalHead.Config()}, {"merge": "after FFN"}], ids=str)
def test_the_last_stage_of_the_last_block_computes_what_the_head_reads(settings: dict[str, object]) -> None:
    model = built(depth=2, **settings)
    logits, tokens = model(*inputs()), model.tokens_before(1, *inputs())
    blocks = [block for block in model.blocks if isinstance(block, Block)]
    before, after = blocks[1].before("temporal", tokens), blocks[1](tokens)
    for old, new in ((before.rgb, after.rgb), (before.pose, after.pose)):
        assert old is not None and new is not None and torch.equal(old, new)
    assert not torch.equal(before.cls, after.cls)
    stage = blocks[1].stages["temporal"]
    assert isinstance(stage, TemporalStrideStage)
    stage.num_queries = None
    torch.testing.assert_close(model(*inputs()), logits)


def test_modal_tokens_are_stored_once_for_all_frames() -> None:
    state = built().state_dict()
    for name in ("of_rgb", "of_pose", "cls"):
        assert state[f"embedding.{name}"].shape == (1, 1, 32)
    longer = built(SIZE.with_frames(24)).state_dict()
    assert {name: value.shape for name, value in longer.items()} == {name: value.shape for name, value in state.items()}


@pytest.mark.parametrize("settings", [{}, {"modalities": ("pose",)}], ids=str)
def test_a_model_runs_in_half_precision(settings: dict[str, object]) -> None:
    model, both = built(**settings), inputs()
    exact = model(*both)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(model(*both).float(), exact, atol=0.1, rtol=0.1)
    assert model.bfloat16()(*(each.bfloat16() for each in both)).dtype == torch.bfloat16


def test_the_tiny_model_is_small_and_of_the_same_kind() -> None:
    tiny = DeformableTransformer.Config(drop_path=0.1).tiny()
    assert (tiny.depth, tiny.drop_path, tiny.stages) == (1, 0.0, ("deformable", "joint", "temporal"))
    cost = tiny.cost(PoseClipSize(8, 56, 56, 13), ClassTarget(15))
    assert cost.parameters < 6e5 and cost.macs < 6e8


def test_numbers_of_tokens_of_a_frame() -> None:
    assert DeformableTransformer.Config().tokens_per_frame(PAPER_SIZE) == 784 + 13 + 3
    assert small(modalities=("rgb",)).tokens_per_frame(SIZE) == 12 + 2
    assert small(modalities=("pose",)).tokens_per_frame(SIZE) == 5 + 2
    tokens = built().embedding(*inputs())
    assert sum(part.shape[2] for part in tokens.parts.values()) == small().tokens_per_frame(SIZE)
