"""Joints of the people in a video, and in its clips.

F: frames, P: people, J: joints of a body, R = P * J. Joints of a clip are (F, R, 3): x and y in pixels and 1 for a
joint with a place, three zeros for one without. Coordinates are those of `data.transforms.tracked_frames`.
"""

from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.sampling.base import Indices
from data.transforms.tracked_frames import Geometry


class Poses(NamedTuple):
    """Joints in every frame of a video.

    `places`: x, y (F, P, J, 2) in pixels of the original pictures; NaN for a joint without a place.
    `height`, `width`: size of these pictures, which may have been resized since.
    """

    places: NDArray[np.floating]
    height: float
    width: float

    @property
    def num_frames(self) -> int:
        return len(self.places)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Whether a joint has a place (F, P, J)."""
        return np.asarray(np.isfinite(self.places).all(-1))

    def with_people(self, people: int) -> Self:
        """The first of the people. Those that are missing have joints without a place."""
        missing = max(people - self.places.shape[1], 0)
        padding = [(0, 0), (0, missing), (0, 0), (0, 0)]
        return self._replace(places=np.pad(self.places[:, :people], padding, constant_values=np.nan))

    def joints(self, indices: Indices, height: int, width: int) -> Tensor:
        """Joints (F, R, 3) of the frames with these indices, in pixels of pictures of this size."""
        shown = self.places[np.minimum(indices, self.num_frames - 1)]
        places = torch.from_numpy(shown.astype(np.float32)).flatten(1, 2)  # (F, R, 2)
        scaled = Geometry().resized(height / self.height, width / self.width).of(places)
        return masked(scaled, scaled.isfinite().all(-1))


def masked(places: Tensor, valid: Tensor) -> Tensor:
    """Joints (..., 3) with these places (..., 2), and zeros for those that are not valid."""
    return torch.cat([places, torch.ones_like(places[..., :1])], -1).where(valid.unsqueeze(-1), 0.0)


def moved(joints: Tensor, geometry: Geometry, mirrored: Tensor, side: int) -> Tensor:
    """Joints (F, R, 3) of a clip after a transform of its pixels. Joints outside of the clip have no place.

    Args:
        geometry: map of points of the transform.
        mirrored: index of the joint on the other side of the body (R,), for each joint.
        side: height and width of the clip.
    """
    if geometry.is_mirrored:
        joints = joints[:, mirrored]
    places = geometry.of(joints[..., :2])
    is_inside = ((places >= 0) & (places <= side)).all(-1)
    return masked(places, is_inside & (joints[..., 2] > 0))
