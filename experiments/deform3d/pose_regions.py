"""What the joints of a clip mark: the joints that move, the frames of the action, and the box of the actor.

All follow from the joints alone. Joints are (B, T, R, 3): x and y in pixels, and 1 for a joint with a place.
B clips, T frames, R joints.
"""

from typing import NamedTuple

import torch
from torch import Tensor

MARGIN = 0.1  # of the box on each side, as a share of its longer side


class ActionFrames(NamedTuple):
    """Frames of the action, and frames whose speed is known: (B, T) each."""

    fast: Tensor
    known: Tensor


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


def action_frames(joints: Tensor) -> ActionFrames:
    """Frames whose joints move faster than in the median frame of the clip.

    The speed of a frame is the mean length of the steps of the joints to it and from it.
    """
    speed = torch.nn.functional.pad(steps(joints).nanmean(2), (1, 1), value=torch.nan)  # (B, T + 1)
    speed = torch.stack([speed[:, :-1], speed[:, 1:]]).nanmean(0)  # (B, T)
    return ActionFrames(speed > speed.nanmedian(1, keepdim=True).values, speed.isfinite())


def actor_boxes(joints: Tensor) -> Boxes:
    """Box around the joints of each frame that have a place, with a margin."""
    has_place, places = joints[..., 2:] > 0.5, joints[..., :2].float()
    low = places.where(has_place, torch.inf).amin(2)  # (B, T, 2)
    high = places.where(has_place, -torch.inf).amax(2)
    margin = MARGIN * (high - low).amax(-1, keepdim=True)
    return Boxes(low - margin, high + margin, has_place.any(2).squeeze(-1))
