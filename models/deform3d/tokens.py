"""Tokens of a clip with joints, between the stages of a block.

B batch, T frames, S cells per frame, R joints, D width.
"""

from typing import NamedTuple

from torch import Tensor

from models.tokens import Grid


class Tokens(NamedTuple):
    """Tokens by frame. Those of a modality that the model does not read are None.

    `rgb` (B, T, S, D), `pose` (B, T, R, D), `of_rgb`, `of_pose`, `cls` (B, T, 1, D): Z, P, and the modal tokens M_RGB,
        M_pose and M_CLS of the paper.
    `has_place`: whether a joint has a place, (B, T, R). A joint without one is not read by other tokens.
    """

    grid: Grid
    rgb: Tensor | None
    pose: Tensor | None
    of_rgb: Tensor | None
    of_pose: Tensor | None
    cls: Tensor
    has_place: Tensor | None

    @property
    def modal(self) -> list[Tensor]:
        """Modal tokens, CLS last."""
        return [each for each in (self.of_rgb, self.of_pose, self.cls) if each is not None]

    @property
    def parts(self) -> dict[str, Tensor]:
        """All tokens by name, in the paper's order [Z, P, M_RGB, M_pose, M_CLS]."""
        named = {name: getattr(self, name) for name in ("rgb", "pose", "of_rgb", "of_pose", "cls")}
        return {name: part for name, part in named.items() if part is not None}

    def updated(self, names: list[str], x: Tensor) -> "Tokens":
        """Tokens with the parts of these names in place of their own, next to each other in x (B, T, n, D)."""
        parts = x.split([self.parts[name].shape[2] for name in names], dim=2)
        return self._replace(**dict(zip(names, parts, strict=True)))  # pyright: ignore[reportArgumentType]
