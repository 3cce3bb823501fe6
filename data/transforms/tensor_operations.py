"""Operations of RandAugment with the constants and rounding of torchvision's functions of tensors, equal to the bit.

Warps are bilinear, and shifts are by whole pixels.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from data.transforms.clip_operations import (
    RAMP,
    Filter,
    FrameLookup,
    Lookup,
    Operation,
    Pixels,
    Window,
    dark_lightened,
    equalized,
    extremes,
    inverted,
    posterized,
    solarized,
)
from data.transforms.tracked_frames import Box

FILL = 128


def point(function: Callable[[Tensor], Tensor]) -> Operation:
    """Operation of a function whose pixels depend on themselves alone."""
    return Lookup(function(torch.from_numpy(RAMP).view(1, 1, 256)).numpy())


def of_frames(function: Callable[[Tensor], Tensor], margin: int = 0) -> Operation:
    """Operation of a function of frames (F, 3, height, width)."""
    return Filter(lambda pixels: function(tensor(pixels)).permute(0, 2, 3, 1).numpy(), margin)


def tensor(pixels: Pixels) -> Tensor:
    """Frames (F, 3, height, width) of pixels (F, height, width, 3)."""
    return torch.from_numpy(np.array(pixels, order="C")).permute(0, 3, 1, 2)


def autocontrast() -> Operation:
    def tables(pixels: Pixels) -> Pixels:
        low, high = (torch.from_numpy(values).unsqueeze(-1) for values in extremes(pixels))  # (F, 3, 1)
        ramps = torch.from_numpy(RAMP).clamp(low, high)  # with the same extremes as the frame
        return F.autocontrast(ramps.view(-1, 1, 1, 256)).view(-1, 3, 256).numpy()

    return FrameLookup(tables)


def brightness(factor: float) -> Operation:
    return point(lambda x: F.adjust_brightness(x, factor))


def gamma(exponent: float) -> Operation:
    return point(lambda x: F.adjust_gamma(x, exponent))


def saturation(factor: float) -> Operation:
    return of_frames(lambda x: F.adjust_saturation(x, factor))


def hue(shift: float) -> Operation:
    return of_frames(lambda x: F.adjust_hue(x, shift))


def contrast(factor: float) -> Operation:
    def tables(pixels: Pixels) -> Pixels:
        means = F.rgb_to_grayscale(tensor(pixels)).float().mean((1, 2, 3))
        ramp = torch.from_numpy(RAMP).mul(factor)
        return ramp.add(means.unsqueeze(1), alpha=1.0 - factor).clamp(0, 255).to(torch.uint8).numpy()

    return FrameLookup(tables)


class Warp(Operation):
    """Rotation against the clock around the centre, or shear: slopes of rows and columns about the top left corner."""

    def __init__(self, degrees: float = 0.0, shear: tuple[float, float] | None = None) -> None:
        self.degrees, self.shear = degrees, shear

    def __call__(self, window: Window, box: Box) -> Pixels:
        height, width = window.size
        grid = _grid(self.matrix(height, width), height, width)
        grid = grid[:, box.top : box.top + box.height, box.left : box.left + box.width]
        mask = _sampled(torch.ones(1, 1, height, width), grid)
        warped = np.empty((len(window.pixels), box.height, box.width, 3), np.uint8)
        for frame, result in zip(window.pixels, warped, strict=True):
            values = _sampled(tensor(frame[None]).float(), grid)
            values = values.sub_(FILL).mul_(mask).add_(FILL).round_()
            result[:] = values.to(torch.uint8)[0].permute(1, 2, 0).numpy()
        return warped

    def matrix(self, height: int, width: int) -> list[float]:
        """Map of a place, relative to the centre, to that in the input."""
        if self.shear is None:
            angle = math.radians(-(self.degrees % 360))
            cos, sin = math.cos(angle), math.sin(angle)
            return [cos, sin, 0.0, -sin, cos, 0.0]
        # The angles that torchvision takes, and its inverse of the shear about the corner.
        tan_x, angle_y = math.tan(math.radians(math.degrees(math.atan(self.shear[0])))), math.atan(self.shear[1])
        angle_y = math.radians(math.degrees(angle_y))
        c = math.sin(-angle_y) / math.cos(angle_y)
        x, y = -width * 0.5, -height * 0.5
        matrix = [1.0 - c * tan_x, tan_x, 0.0, -c, 1.0, 0.0]
        matrix[2] += x - matrix[0] * x - matrix[1] * y
        matrix[5] += y - matrix[3] * x - matrix[4] * y
        return matrix


def _grid(matrix: Sequence[float], height: int, width: int) -> Tensor:
    """Places in the input (1, height, width, 2) of all pixels, from -1 to 1, as torchvision computes them."""
    theta = torch.tensor(matrix).view(1, 2, 3)
    places = torch.ones(1, height, width, 3)
    places[..., 0] = torch.linspace((1.0 - width) * 0.5, (width - 1.0) * 0.5, steps=width)
    places[..., 1] = torch.linspace((1.0 - height) * 0.5, (height - 1.0) * 0.5, steps=height).unsqueeze(-1)
    scaled = theta.transpose(1, 2) / torch.tensor([0.5 * width, 0.5 * height])
    return places.view(1, -1, 3).bmm(scaled).view(1, height, width, 2)


def _sampled(frames: Tensor, grid: Tensor) -> Tensor:
    return torch.nn.functional.grid_sample(frames, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


class Shift(Operation):
    """Shift by whole pixels: by shares of width and height."""

    def __init__(self, across: float = 0.0, down: float = 0.0) -> None:
        self.across, self.down = across, down

    def __call__(self, window: Window, box: Box) -> Pixels:
        height, width = window.size
        top, left = box.top - round(self.down * height), box.left - round(self.across * width)
        rows = slice(max(top, 0), min(top + box.height, height))
        columns = slice(max(left, 0), min(left + box.width, width))
        shifted = np.full((len(window.pixels), box.height, box.width, 3), FILL, np.uint8)
        if rows.start < rows.stop and columns.start < columns.stop:
            place = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            shifted[:, *place] = window.pixels[:, rows, columns]
        return shifted


OPERATIONS: Sequence[Callable[[float, int], Operation]] = (
    lambda strength, sign: autocontrast(),
    lambda strength, sign: equalized(),
    lambda strength, sign: inverted(),
    lambda strength, sign: Warp(degrees=sign * strength * 30),
    lambda strength, sign: posterized(max(1, 4 - int(4 * strength))),
    lambda strength, sign: solarized(256 - round(256 * strength)),
    lambda strength, sign: dark_lightened(int(110 * strength)),
    lambda strength, sign: saturation(1 + sign * strength * 0.9),
    lambda strength, sign: contrast(1 + sign * strength * 0.9),
    lambda strength, sign: brightness(1 + sign * strength * 0.9),
    lambda strength, sign: of_frames(lambda x: F.adjust_sharpness(x, 1 + sign * strength * 0.9), margin=1),
    lambda strength, sign: Warp(shear=(sign * strength * 0.3, 0.0)),
    lambda strength, sign: Warp(shear=(0.0, sign * strength * 0.3)),
    lambda strength, sign: Shift(across=sign * strength * 0.45),
    lambda strength, sign: Shift(down=sign * strength * 0.45),
)


class ColorJitter(v2.ColorJitter):
    """torchvision's jitter of brightness, contrast and saturation."""

    def changes(self) -> list[tuple[int, float]]:
        """Kinds and factors, drawn for a clip."""
        params = self.make_params([])
        factors = [params[f"{name}_factor"] for name in ("brightness", "contrast", "saturation")]
        return [(kind, factors[kind]) for kind in params["fn_idx"].tolist() if kind < len(factors)]
