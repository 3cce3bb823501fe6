"""TokenShift: channels of CLS come from the neighbouring frames, before each half of a block.

Follows the released code of TokenShift (https://github.com/VideoNetworks/TokShift-Transformer).
"""

from dataclasses import dataclass

from models.framewise.frame_shift import Boundary
from models.framewise.shifted_block import BlockShift
from models.model import InputSize, check_range
from models.msca.model import FramewiseConfig


class TokenShift:
    """Frame-wise ViT whose CLS is shifted on the residual stream."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FramewiseConfig):
        """Settings of the shift.

        `division`: 1 / fraction of the channels that come from each neighbour. Differs from Equation 8 of MSCA: the
        first of them come from the next frame, the second from the previous one.
        """

        division: int = 4
        boundary: Boundary = "zero"

        def check(self, size: InputSize) -> None:
            check_range("model.division", self.division, least=2)
            super().check(size)

        @property
        def block_shift(self) -> BlockShift:
            return BlockShift(slice(0, 1), self.width // self.division, before_mlp=True, boundary=self.boundary)
