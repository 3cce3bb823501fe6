"""How much attention the joints that move, the actor and the frames of the action get. Nothing is trained.

Shares of attention weights, beside the shares that equal weights at all joints or cells would give.
B clips, T frames, R joints, Q queries, N keys, I items."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.targets import Targets
from lightning_modules.scores import STATES, TestResult, ViewScores
from lightning_modules.task import Objective, UntrainedTask
from models.deform3d.attention_maps import CellAttention, JointAttention, cls_attention, joint_attention
from models.deform3d.backbone import STRIDE
from models.deform3d.deformable import DeformableStage, reference_places
from models.deform3d.model import DeformableTransformer
from models.deform3d.stride import JointStrideStage
from models.tokens import Grid

MARGIN = 0.1  # of the box on each side, as a share of its longer side


class Boxes(NamedTuple):
    """Left upper and right lower corner of a box in each frame (B, T, 2), and whether it exists (B, T)."""

    low: Tensor
    high: Tensor
    known: Tensor


def steps(joints: Tensor) -> Tensor:
    """Length (B, T - 1, R) of the step of each joint to the next frame, relative to the median step of all joints.

    The motion of the camera and of the body as a whole is left out. The mean step would make still joints move against a
    limb that swings. NaN for a joint without a place in both frames.
    """
    known = ((joints[:, 1:, :, 2] > 0.5) & (joints[:, :-1, :, 2] > 0.5)).unsqueeze(-1)
    moves = joints[..., :2].float().diff(dim=1).where(known, torch.nan)  # (B, T - 1, R, 2)
    return (moves - moves.nanmedian(2, keepdim=True).values).norm(dim=-1)


def moving_joints(joints: Tensor) -> Tensor:
    """Joints (B, R) whose mean step over the clip is above the median of the joints."""
    path = steps(joints).nanmean(1)  # (B, R)
    return path > path.nanmedian(1, keepdim=True).values


def action_frames(joints: Tensor) -> tuple[Tensor, Tensor]:
    """Frames whose joints move faster than in the median frame of the clip, and frames of known speed: (B, T) each.

    The speed of a frame is the mean length of the steps of the joints to it and from it.
    """
    speed = torch.nn.functional.pad(steps(joints).nanmean(2), (1, 1), value=torch.nan)  # (B, T + 1)
    speed = torch.stack([speed[:, :-1], speed[:, 1:]]).nanmean(0)  # (B, T)
    return (speed > speed.nanmedian(1, keepdim=True).values), speed.isfinite()


def actor_boxes(joints: Tensor) -> Boxes:
    """Box around the joints of each frame that have a place, with a margin."""
    has_place, places = joints[..., 2:] > 0.5, joints[..., :2].float()
    low = places.where(has_place, torch.inf).amin(2)  # (B, T, 2)
    high = places.where(has_place, -torch.inf).amax(2)
    margin = MARGIN * (high - low).amax(-1, keepdim=True)
    return Boxes(low - margin, high + margin, has_place.any(2).squeeze(-1))


class Measure(NamedTuple):
    """Names of the metrics of a measure: attention, its share under equal weights, and videos in which it is above."""

    mass: str
    share: str
    above: str


MOVING_JOINTS = Measure("mass_on_moving_joints", "share_of_moving_joints", "above_on_moving_joints")
BOX = Measure("mass_in_box", "area_of_box", "above_in_box")
ACTION_FRAMES = Measure("mass_in_action_frames", "share_of_action_frames", "above_in_action_frames")
MEASURES = (MOVING_JOINTS, BOX, ACTION_FRAMES)

# Share of the weights, and share under equal weights: (B,), NaN for clips that do not count.
Mass = tuple[Tensor, Tensor]


def fraction(weights: Tensor, inside: Tensor, counted: Tensor) -> Tensor:
    """Share (B,) of the weights (B, Q, N) that keys inside get, of those that all counted keys get: mean over queries.

    Args:
        inside, counted: masks (B, N). Queries without a weight for a counted key do not count; NaN without any query.
    """
    of_inside, of_counted = ((weights * mask.unsqueeze(1)).sum(2) for mask in (inside & counted, counted))  # (B, Q)
    return (of_inside / of_counted).nanmean(1)


def on_moving_joints(attention: JointAttention, joints: Tensor) -> Mass:
    """Attention of the pose tokens that have a place for the tokens of moving joints, of that for all pose tokens.

    Clips in which no joint moves more than another do not count.
    """
    has_place, moving = (joints[..., 2] > 0.5).transpose(1, 2), moving_joints(joints)  # (B, R, T), (B, R)
    inside = moving.unsqueeze(2).expand_as(has_place).flatten(1)  # (B, R*T)
    inside_or_none = torch.ones_like(inside) & moving.any(1, keepdim=True)
    mass, share = (
        fraction((weights * has_place[..., None, None]).flatten(1, 2).flatten(2), inside, inside_or_none)
        for weights in attention
    )
    return mass, share


def in_box(attention: CellAttention, joints: Tensor, grid: Grid) -> Mass:
    """Attention of CLS for places in the box of the actor, of that for all places; and the area of the box.

    Frames without joints have no box, and do not count. The area is the share of cells with their centre in the box.
    """
    boxes = actor_boxes(joints)

    def masks(places: Tensor) -> tuple[Tensor, Tensor]:
        frames, points = nearest_frames(places, grid), (places[..., [2, 1]] + 0.5) * STRIDE  # (B, N), (B, N, 2)
        low, high = (corner.take_along_dim(frames.unsqueeze(-1), 1) for corner in (boxes.low, boxes.high))
        return ((points >= low) & (points <= high)).all(-1), boxes.known.take_along_dim(frames, 1)

    cells = reference_places(grid, joints.device).flatten(0, 2).expand(len(joints), -1, -1)
    share = fraction(torch.ones_like(cells[:, None, :, 0]), *masks(cells))
    return fraction(attention.weights, *masks(attention.places)), share


def in_action_frames(attention: CellAttention, joints: Tensor, grid: Grid) -> Mass:
    """Attention of CLS for places in the frames of the action, of that for all frames; and the share of these frames.

    Frames without speed do not count, nor do clips in which no frame is faster than another.
    """
    fast, known = action_frames(joints)
    known = known & fast.any(1, keepdim=True)
    frames = nearest_frames(attention.places, grid)
    mass = fraction(attention.weights, *(mask.take_along_dim(frames, 1) for mask in (fast, known)))
    return mass, fraction(torch.ones_like(known.unsqueeze(1), dtype=torch.float32), fast, known)


def nearest_frames(places: Tensor, grid: Grid) -> Tensor:
    """Frame (B, N) next to each place (B, N, 3)."""
    return places[..., 0].round().clamp(0, grid.frames - 1).long()


@torch.no_grad()
def masses(model: nn.Module, clips: Tensor, joints: Tensor) -> Tensor:
    """Mass, share and 1 of each measure (B, 3 * 3), from the last block; three zeros for clips that do not count.

    The queries of joint stride attention are all pose tokens that have a place. Those of 3D deformable attention are the
    CLS tokens of all frames, because the class is read from CLS.
    """
    if not isinstance(model, DeformableTransformer) or not {"deformable", "joint"} <= {*model.config.active_stages}:
        raise ValueError("objective: AttentionMass needs a model with the stages 'deformable' and 'joint'")
    last = len(model.blocks) - 1
    block, before = model.block(last), model.tokens_before(last, clips, joints)
    deformable, joint = (block.stage(name) for name in ("deformable", "joint"))
    assert isinstance(deformable, DeformableStage) and isinstance(joint, JointStrideStage)
    of_cls = cls_attention(deformable, block.before("deformable", before))
    found = (
        on_moving_joints(joint_attention(joint, block.before("joint", before)), joints),
        in_box(of_cls, joints, before.grid),
        in_action_frames(of_cls, joints, before.grid),
    )
    values = torch.stack([torch.stack([*each, torch.ones_like(each[0])], -1) for each in found], 1)  # (B, 3, 3)
    return values.where(values.isfinite().all(-1, keepdim=True), 0.0).flatten(1)


@dataclass(frozen=True, kw_only=True)
class AttentionMass(Objective):
    """Shares of attention in percent, as means over the test items that count.

    `above_...`: items whose attention is above its share under equal weights, in percent of all items.
    """

    metrics: ClassVar[tuple[str, ...]] = tuple(name for measure in MEASURES for name in measure)
    num_headlines: ClassVar[int] = len(metrics)
    is_trained: ClassVar[bool] = False

    def task(self, targets: Targets) -> "MassTask":
        """Task on any targets, which are not used."""
        return MassTask()


class MassTask(UntrainedTask):
    """Test of the attention of a model."""

    objective_name = "AttentionMass"

    def new_scores(self, protocol: EvalConfig) -> "MassScores":
        return MassScores(protocol)


class MassScores(ViewScores):
    """Mass, share and number of counted clips of each measure, as sums over the views of an item."""

    def __init__(self, protocol: EvalConfig) -> None:
        super().__init__(protocol, softmax=lambda values: values, hits=above, classes={})

    def outputs(self, model: nn.Module, batch: Batch) -> Tensor:
        clips, joints = batch.inputs  # (B, V, ...) each
        return masses(model, clips.flatten(0, 1), joints.flatten(0, 1)).unflatten(0, clips.shape[:2])

    def merged(self, index: int) -> Tensor:
        """Sums (9,) over all views and crops of an item."""
        return self.total(index)

    def check(self, num_items: int) -> None:
        """Reject items that lack a view, and measures for which no item counts."""
        super().check(num_items)
        counts = self.merged_items().scores.unflatten(1, (-1, 3))[..., 2].sum(0)
        for measure, count in zip(MEASURES, counts.tolist(), strict=True):
            if not count:
                raise ValueError(
                    f"{measure.mass}: no test item counts; their joints do not move, or the weights are not finite"
                )

    def result(self) -> TestResult:
        """Metrics in percent. Items without joints count as not above, and are left out of the means."""
        states = [item.state for item in self.items.values()]
        metrics = {name: 100.0 / len(mask) * int(mask.sum()) for name, mask in self.correct().items()}
        if self.items:
            items = self.merged_items().scores.double().unflatten(1, (-1, 3))  # (I, measures, 3)
            means = 100 * (items / items[..., 2:]).nanmean(0)  # of an item that does not count, 0 / 0
            for measure, (mass, share, _) in zip(MEASURES, means.tolist(), strict=True):
                metrics |= {measure.mass: mass, measure.share: share}
        return TestResult(metrics, *(states.count(state) for state in STATES))


def above(scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Items (I,) whose mass is above its share, for each measure. Labels are not used."""
    mass, share, _ = scores.unflatten(1, (-1, 3)).unbind(-1)  # (I, measures) each
    return {measure.above: of_items for measure, of_items in zip(MEASURES, (mass > share).unbind(1), strict=True)}
