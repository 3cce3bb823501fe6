"""Adapters of frozen ViTs, as in AIM (https://arxiv.org/abs/2302.03024). D width."""

from dataclasses import dataclass

from torch import Tensor, nn

from models.model import check_range


class Adapter(nn.Module):
    """Two layers with GELU: W_U gelu(W_D x), equation 2 of CAST. Its initial output is zero."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, hidden)
        self.up = nn.Linear(hidden, width)
        self.activation = nn.GELU()

    def reset(self) -> None:
        """Set the output to zero."""
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Output (..., D) of x (..., D)."""
        return self.up(self.activation(self.down(x)))


@dataclass(frozen=True, kw_only=True)
class AdaptersConfig:
    """Adapters of an expert: one after the attention and one beside the MLP of each block.

    `ratio`: hidden width, relative to the width.
    `mlp_scale`: factor of the output of the adapter beside the MLP. The paper has none (1.0).
    `in_time`: whether a frame-wise expert also attends over time, as in AIM: with the weights of its attention within
        frames, and an adapter of its own.
    `time_positions`: whether it then learns positions in time, as in AIM. In the released code they are frozen at zero.
    """

    ratio: float = 0.25
    mlp_scale: float = 0.5
    in_time: bool = False
    time_positions: bool = False

    def __post_init__(self) -> None:
        check_range("model.adapters.ratio", self.ratio, least=0, exclusive=True)
        check_range("model.adapters.mlp_scale", self.mlp_scale, least=0)

    def hidden(self, width: int) -> int:
        return max(1, int(width * self.ratio))

    def build(self, width: int) -> Adapter:
        return Adapter(width, self.hidden(width))

    def macs(self, width: int) -> int:
        return 2 * width * self.hidden(width)
