"""Rules of label propagation, with the values of two published evaluations, and the labels of patches.

Labels are made from masks, and masks from labels. C labels, background first; S patches; H x W pixels.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from interface.ranges import CheckedConfig, Range
from models.tokens import Grid

Number = Annotated[int, Range(least=1, below=2**31)]


@dataclass(frozen=True, kw_only=True)
class PropagationRules(CheckedConfig):
    """Which patches vote on the label of a patch, with which weights, and how labels become masks.

    A source is a frame whose labels are known when those of a frame are computed. Defaults are those of CRW
    (https://github.com/ajabri/videowalk, test.py, with the arguments of its README), except for the number of sources.
    """

    config_path: ClassVar[str] = "model.rules"

    context: Annotated[int, Range(least=0, below=1000)] | None = None
    """Number of preceding frames that are sources; None for as many as fit into a clip."""
    stride: Number = 1
    """Distance of the sources from each other, in steps of the propagation."""
    first_frame_always: bool = True
    """Whether the first frame is a source of all frames."""
    copies_before_start: bool = True
    """Whether frames before the first one are sources too, as copies of it."""
    topk: Number | None = 10
    """Number of patches with the largest weights that vote; None for all."""
    keep_ties: bool = False
    """Whether patches with the weight of the last of them vote too."""
    temperature: Annotated[float, Range(above=0, below=1e6)] = 0.05
    """Divisor of similarities before their softmax. Attention along trajectories has a softmax already."""
    radius: Number | None = 12
    """Largest distance of a voting patch, in patches; None for any."""
    region: Literal["square", "disc"] = "disc"
    """"square": neither rows nor columns differ by more than the radius. "disc": the distance is below it."""
    first_frame_within_radius: bool = False
    """Whether the radius applies to the first frame as a source of all frames."""
    soft_first_labels: bool = True
    """Whether the first labels are shares, by bilinear resizing, or those of single pixels."""
    soft_labels: bool = True
    """Whether the labels of sources are shares, or the largest share is rounded to one."""
    rescale_labels: bool = False
    """Whether the shares of each object are scaled to reach from 0 to 1 in each frame."""
    decide_at: Literal["input", "frame"] = "frame"
    """Where the object with the largest share is chosen: at the resolution of the model's input, before the mask is
    resized, or at that of the frame."""

    def check(self) -> None:
        if self.context == 0 and not self.first_frame_always:
            raise ValueError("model.rules.context is 0; without first_frame_always, it must be 1 or more")

    def tiny(self) -> Self:
        """Rules for small frames: a quarter of the radius."""
        return self if self.radius is None else replace(self, radius=max(1, self.radius // 4))


CRW = PropagationRules(context=20)
# https://github.com/facebookresearch/dino, eval_video_segmentation.py
DINO = PropagationRules(
    context=7,
    copies_before_start=False,
    topk=5,
    keep_ties=True,
    temperature=0.1,
    region="square",
    first_frame_within_radius=True,
    soft_first_labels=False,
    rescale_labels=True,
    decide_at="input",
)


def first_labels(mask: Tensor, grid: Grid, rules: PropagationRules) -> Tensor:
    """Labels (C, S) of the patches of a frame, from its mask (H, W) of numbered objects."""
    one_hot = F.one_hot(mask.long()).movedim(-1, 0).float()  # (C, H, W)
    return resized(one_hot, (grid.height, grid.width), smooth=rules.soft_first_labels).flatten(1)  # (C, S)


def hardened(labels: Tensor) -> Tensor:
    """Labels (C, S) with the largest share rounded to one, the others to zero."""
    return F.one_hot(labels.argmax(0), len(labels)).T.to(labels.dtype)  # (C, S)


def mask_of(
    labels: Tensor, grid: Grid, rules: PropagationRules, *, of_input: torch.Size, of_frame: torch.Size
) -> Tensor:
    """Mask (H, W) of labels (C, S), for these rows and columns of pixels of the model's input and of the frame."""
    decided_at = of_input if rules.decide_at == "input" else of_frame
    shares = resized(labels.unflatten(1, (grid.height, grid.width)), decided_at, smooth=True)  # (C, h, w)
    if rules.rescale_labels:
        shares = rescaled(shares)
    mask = shares.argmax(0).to(torch.uint8)
    return resized(mask.unsqueeze(0).float(), of_frame, smooth=False)[0].to(torch.uint8)


def rescaled(shares: Tensor) -> Tensor:
    """Shares (C, h, w), each label scaled to reach from 0 to 1. Labels without a share stay zero."""
    low, high = shares.amin((1, 2), keepdim=True), shares.amax((1, 2), keepdim=True)
    spread = high - low
    return torch.where(high > 0, (shares - low) / spread.clamp_min(torch.finfo(shares.dtype).tiny), shares)


def resized(planes: Tensor, size: tuple[int, int] | torch.Size, *, smooth: bool) -> Tensor:
    """Planes (C, H, W) resized bilinearly without antialiasing, or to the nearest pixel."""
    if tuple(planes.shape[1:]) == tuple(size):
        return planes
    mode = "bilinear" if smooth else "nearest-exact"
    return F.interpolate(planes.unsqueeze(0), size=tuple(size), mode=mode)[0]
