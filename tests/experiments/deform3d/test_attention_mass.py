"""What joints mark in a clip, and shares of attention, on known joints and weights. T frames, R joints."""

import math

import pytest
import torch
from torch import Tensor

from experiments.deform3d.attention_mass import (
    AttentionMass,
    Mass,
    MassScores,
    action_frames,
    actor_boxes,
    in_action_frames,
    in_box,
    masses,
    moving_joints,
    on_moving_joints,
    steps,
)
from experiments.deform3d.base import PENN
from experiments.deform3d.figuresA2_to_A5 import PENN_ATTENTION
from experiments.deform3d.tiny import TINY
from experiments.spec.scales import find_scale
from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.targets import ClassTarget
from models.deform3d.attention_maps import CellAttention, JointAttention
from models.deform3d.deformable import reference_places
from models.tokens import Grid
from tests.models.deform3d.deform_models import SIZE, built, inputs

GRID = Grid(4, 3, 5)  # 24 x 40 pixels
PROTOCOL = EvalConfig(views=1, crops=1)
METRICS = AttentionMass.metrics


def standing(frames: int = 6) -> Tensor:
    """Five joints (1, T, 5, 3) that stand still at (10, 10), (10, 20), ..., (10, 50)."""
    joints = torch.ones(1, frames, 5, 3)
    joints[..., 0] = 10
    joints[..., 1] = torch.arange(10, 60, 10)
    return joints


def test_joints_that_swing_are_moving() -> None:
    joints = standing()
    joints[0, ::2, 1, 0] += 4
    joints[0, ::2, 4, 0] += 8
    assert moving_joints(joints).tolist() == [[False, True, False, False, True]]


def test_motion_of_the_whole_body_is_no_motion() -> None:
    joints = standing()
    joints[..., :2] += torch.arange(6)[None, :, None, None] ** 2
    torch.testing.assert_close(steps(joints), torch.zeros(1, 5, 5))
    assert not moving_joints(joints).any() and not action_frames(joints)[0].any()


def test_a_joint_that_comes_and_goes_makes_no_step() -> None:
    joints = standing()
    joints[0, 2, 3] = 0
    found = steps(joints)
    assert found.isnan().nonzero().tolist() == [[0, 1, 3], [0, 2, 3]]
    assert found.nan_to_num().sum() == 0 and not moving_joints(joints).any()


def test_frames_of_a_swing_are_those_of_the_action() -> None:
    joints = standing(8)
    joints[0, 5, 4, 0] += 6
    joints[0, 6, 4, 0] -= 6
    fast, known = action_frames(joints)
    assert fast.tolist() == [[False, False, False, False, True, True, True, True]]
    assert known.all()


def test_frames_without_joints_have_no_speed_and_no_box() -> None:
    joints = standing()
    joints[0, 3:5] = 0
    joints[0, 1, 0, 0] = 12
    known = action_frames(joints)[1].tolist()
    assert known == [[True, True, True, False, False, False]]  # the last frame has no neighbour with joints
    boxes = actor_boxes(joints)
    assert boxes.known.tolist() == [[True, True, True, False, False, True]]
    assert not ((boxes.low <= boxes.high).all(-1) & ~boxes.known).any()


def test_one_frame_has_no_motion() -> None:
    assert not moving_joints(standing(1)).any() and not action_frames(standing(1))[1].any()


def test_box_has_a_margin_of_a_tenth_of_its_longer_side() -> None:
    joints = standing()
    joints[0, 0, 2, 0] = 30
    joints[0, 0, 4] = torch.tensor([0.0, 0.0, 0.0])  # no place, and so not part of the box
    boxes = actor_boxes(joints)
    torch.testing.assert_close(boxes.low[0, 0], torch.tensor([7.0, 7.0]))
    torch.testing.assert_close(boxes.high[0, 0], torch.tensor([33.0, 43.0]))


def swinging() -> Tensor:
    """Five joints (1, 4, 5, 3) in the left half of the picture, of which the last swings between frames 2 and 3."""
    joints = torch.ones(1, 4, 5, 3)
    joints[..., 0] = 8
    joints[..., 1] = torch.tensor([2.0, 6.0, 10.0, 14.0, 18.0])
    joints[0, 3, 4, 0] = 14
    return joints


def equal_joints(joints: Tensor) -> Tensor:
    """Equal weights (1, R, T, R, T) of all joints, with 0.3 for other tokens."""
    num_frames, num_joints = joints.shape[1:3]
    return torch.full((1, num_joints, num_frames, num_joints, num_frames), 0.7 / num_joints / num_frames)


def cells(places: Tensor | None = None) -> CellAttention:
    """Equal weights of all cells for each CLS, with a share for other tokens."""
    at = reference_places(GRID, torch.device("cpu")).flatten(0, 2)[None] if places is None else places
    return CellAttention(torch.full((1, 4, at.shape[1]), 0.9 / at.shape[1]), at)


def percent(found: Mass) -> list[float]:
    return [round(100 * float(value), 4) for value in found]


def test_equal_weights_of_joints_give_their_share() -> None:
    joints = swinging()
    equal = equal_joints(joints)
    assert percent(on_moving_joints(JointAttention(equal, equal), joints)) == [20, 20]  # one of five joints


def test_attention_on_one_joint_gives_all_or_nothing() -> None:
    joints = swinging()
    for joint, wanted in ((4, 100), (1, 0)):
        weights = torch.zeros_like(equal_joints(joints))
        weights[:, :, :, joint, 1] = 0.01
        assert percent(on_moving_joints(JointAttention(weights, equal_joints(joints)), joints)) == [wanted, 20]


def test_a_joint_without_a_place_is_no_query() -> None:
    joints = swinging()
    joints[0, 0, 0] = 0
    weights = torch.zeros_like(equal_joints(joints))
    weights[:, :, :, 4, 1] = 0.5
    weights[:, 0, 0] = 0
    weights[:, 0, 0, 2, 2] = 0.9
    assert percent(on_moving_joints(JointAttention(weights, weights), joints)) == [100, 100]


def test_equal_weights_of_cells_give_the_area_of_the_box() -> None:
    joints = swinging()  # boxes from 2 - 1.6 to 18 + 1.6 pixels: two rows, and a column of which the centre is outside
    mass, area = percent(in_box(cells(), joints, GRID))
    assert mass == area
    joints[..., 0] = torch.tensor([4.0, 20.0, 12.0, 4.0, 4.0])  # x from 2.4 to 21.6: two columns, 4 and 12, and 20
    assert percent(in_box(cells(), joints, GRID)) == [40, 40]  # of 3 x 5 cells, 2 x 3


def test_attention_on_one_cell_is_in_the_box_or_outside() -> None:
    joints = swinging()
    joints[..., 0] = 12
    for column, wanted in ((1, 100), (4, 0)):
        places = torch.tensor([[[0.0, 1.0, column], [3.0, 0.4, column + 0.1]]])
        found = in_box(cells(places), joints, GRID)
        assert percent(found)[0] == wanted


def test_frames_without_joints_do_not_count_for_the_box() -> None:
    joints = swinging()
    joints[..., 0] = 12
    joints[0, 1] = 0
    places = torch.tensor([[[0.0, 1.0, 1.0], [1.2, 1.0, 1.0], [0.8, 1.0, 4.0], [2.0, 1.0, 4.0]]])
    assert percent(in_box(cells(places), joints, GRID))[0] == 50


def test_equal_weights_of_frames_give_the_share_of_action_frames() -> None:
    joints = swinging()
    assert percent(in_action_frames(cells(), joints, GRID)) == [50, 50]  # frames 2 and 3
    places = torch.tensor([[[1.6, 1.0, 1.0], [3.8, 1.0, 1.0]]])
    assert percent(in_action_frames(cells(places), joints, GRID)) == [100, 50]


def test_a_clip_in_which_nothing_moves_counts_for_the_box_alone() -> None:
    still = swinging()[:, :1].expand(-1, 4, -1, -1)
    equal = equal_joints(still)
    assert not any(math.isfinite(value) for value in on_moving_joints(JointAttention(equal, equal), still))
    assert not any(math.isfinite(value) for value in in_action_frames(cells(), still, GRID))
    assert all(math.isfinite(value) for value in in_box(cells(), still, GRID))


def scored(values: dict[int, list[float]], *, unreadable: tuple[int, ...] = ()) -> MassScores:
    """Scores of items, one view each."""
    scores, items = MassScores(PROTOCOL), torch.tensor(list(values))
    failed = torch.tensor([item in unreadable for item in values])
    outputs = torch.tensor(list(values.values())).unsqueeze(1)
    zeros = torch.zeros_like(items)
    scores.add(outputs, zeros, items, zeros, failed, torch.zeros_like(failed))
    return scores


ITEMS = {
    0: [0.5, 0.4, 1, 0.2, 0.3, 1, 0.6, 0.5, 1],
    1: [0.3, 0.4, 1, 0.6, 0.3, 1, 0.0, 0.0, 0],
    2: [0.0, 0.0, 0, 0.0, 0.0, 0, 0.0, 0.0, 0],
}
WANTED = (40, 40, 100 / 3, 40, 30, 100 / 3, 60, 50, 100 / 3)


def test_items_without_joints_are_left_out_of_means_and_are_not_above() -> None:
    result = scored(ITEMS, unreadable=(2,)).result()
    assert result.metrics == pytest.approx(dict(zip(METRICS, WANTED, strict=True)))
    assert (result.evaluated, result.failed, result.missing) == (2, 1, 0)


def test_processes_and_saved_scores_give_the_same_result() -> None:
    merged, loaded = MassScores(PROTOCOL), MassScores(PROTOCOL)
    for part in ({2: ITEMS[2], 0: ITEMS[0]}, {1: ITEMS[1], 0: ITEMS[0]}):
        merged.merge(scored(part).state())
    merged.check(3)
    loaded.load(merged.arrays(), (0,))
    assert merged.result() == loaded.result() == scored(ITEMS).result()
    assert {name: mask.tolist() for name, mask in merged.correct().items()} == {
        "above_on_moving_joints": [True, False, False],
        "above_in_box": [False, True, False],
        "above_in_action_frames": [True, False, False],
    }


def test_views_of_an_item_are_averaged() -> None:
    scores = scored({0: [0.5, 0.4, 1] * 3})
    zero, more = torch.zeros(1, dtype=torch.long), torch.tensor([[[0.1, 0.2, 1.0] * 3]])
    scores.add(more, zero, zero, zero + 1, zero, zero)
    assert scores.result().metrics["mass_in_box"] == pytest.approx(30)


def test_tests_that_lack_items_or_measures_are_refused() -> None:
    with pytest.raises(RuntimeError, match=r"item 3 of the test"):
        scored(ITEMS).check(4)
    with pytest.raises(ValueError, match=r"^mass_in_action_frames: no test item counts;"):
        scored({0: ITEMS[1], 1: ITEMS[2]}).check(2)


def test_a_test_of_a_model_measures_each_of_its_clips() -> None:
    model, (clips, joints) = built(), inputs(3)
    joints[2] = 0
    scores = AttentionMass().task(ClassTarget(7)).new_scores(PROTOCOL)
    zeros = torch.zeros(3, dtype=torch.long)
    unreadable = torch.tensor([False, False, True])
    inputs_of_views = (clips.unsqueeze(1), joints.unsqueeze(1))
    scores.test(model, Batch(inputs_of_views, zeros, torch.arange(3), zeros, unreadable, zeros.bool()))
    scores.check(3)
    values = scores.merged_items().scores
    torch.testing.assert_close(values, masses(model, clips, joints))
    assert values[2].tolist() == [0] * 9 and values[:2].min() > 0 and values[:2].max() <= 1
    assert all(0 <= value <= 100 for value in scores.result().metrics.values())


def test_equal_attention_of_a_model_gives_equal_shares_of_joints() -> None:
    model, (clips, joints) = built(), inputs(2)
    for name, parameter in model.named_parameters():
        if ".attention.q." in name or name.endswith("offsets.weight"):
            parameter.data.zero_()
    values = masses(model, clips, joints).unflatten(1, (3, 3))
    torch.testing.assert_close(values[..., 0], values[..., 1])


def test_a_model_without_both_attentions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^objective: AttentionMass needs a model with the stages "):
        masses(built(modalities=("rgb",)), *SIZE.example(1))


def test_it_has_no_loss() -> None:
    task = AttentionMass().task(ClassTarget(7))
    for loss in (task.loss, task.validation_loss):
        with pytest.raises(ValueError, match="has no loss; set optim=None"):
            loss(torch.zeros(1, 7), torch.zeros(1))
    assert task.curves(torch.zeros(1, 7), torch.zeros(1)) == {}


@pytest.mark.parametrize("name", ["paper", "tiny"])
def test_the_run_tests_the_trained_model_of_the_table(name: str) -> None:
    scale = find_scale(name)
    run, trained = scale.of(PENN_ATTENTION, TINY), scale.of(PENN, TINY)
    run.check()
    (parent,) = run.parents
    assert parent.run == trained and run.optim is None and run.model == trained.model and run.data == trained.data
