"""Transformer block with any mixers.

Follows ViT (https://arxiv.org/abs/2010.11929). B batch, N tokens, D width.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from models.mixers.attention import Mixer
from models.tokens import Grid

NORM_EPS = 1e-6  # of ViT's LayerNorms


class DropPath(nn.Module):
    """Stochastic depth (https://arxiv.org/abs/1603.09382): random removal of an item's branch during training.

    Those that remain are scaled by 1 / (1 - rate).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Branch x (B, ...)."""
        return x * self.scales(x) if self.rate and self.training else x

    def scales(self, x: Tensor) -> Tensor:
        """Factors of the branches x: (B, 1, ...)."""
        return self.drawn(x, len(x), *[1] * (x.ndim - 1))

    def drawn(self, x: Tensor, *shape: int) -> Tensor:
        """Random numbers of the dtype and device of x, each 0 or 1 / (1 - rate)."""
        return x.new_empty(shape).bernoulli_(1 - self.rate).div_(1 - self.rate)


class Block(nn.Module):
    """Transformer block: one or more mixers, then an MLP, each with a LayerNorm before it and a residual connection.

    `eps`: epsilon of the LayerNorms.
    """

    def __init__(
        self, mixers: Sequence[Mixer], width: int, mlp_ratio: float, drop_path: float, *, eps: float = NORM_EPS
    ) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=eps) for _ in mixers)
        self.mixers = nn.ModuleList(mixers)
        self.drops = nn.ModuleList(DropPath(drop_path if mixer.drops_path else 0.0) for mixer in mixers)
        self.mlp_norm = nn.LayerNorm(width, eps=eps)
        hidden = int(width * mlp_ratio)
        layers = {"fc1": nn.Linear(width, hidden), "act": nn.GELU(), "fc2": nn.Linear(hidden, width)}
        self.mlp = nn.Sequential(OrderedDict(layers))
        self.mlp_drop = DropPath(drop_path)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output tokens (B, N, D) of input tokens (B, N, D)."""
        return self.feed(self.attend(x, grid))

    def attend(self, x: Tensor, grid: Grid) -> Tensor:
        """First half of the block: tokens (B, N, D) plus the outputs of the mixers."""
        for norm, mix, drop in zip(self.norms, self.mixers, self.drops, strict=True):
            x = x + drop(mix(norm(x), grid))
        return x

    def feed(self, x: Tensor) -> Tensor:
        """Second half of the block: tokens (B, N, D) plus the output of the MLP."""
        return x + self.mlp_drop(self.mlp(self.mlp_norm(x)))

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """Output of `forward` for CLS alone: (B, 1, D)."""
        return self.feed(self.attend_cls(x, grid))

    def attend_cls(self, x: Tensor, grid: Grid) -> Tensor:
        """Output of `attend` for CLS alone: (B, 1, D)."""
        *before, last = zip(self.norms, self.mixers, self.drops, strict=True)
        for norm, mix, drop in before:
            x = x + drop(mix(norm(x), grid))
        norm, mix, drop = last
        assert isinstance(mix, Mixer)
        return x[:, :1] + drop(mix.cls(norm(x), grid))
