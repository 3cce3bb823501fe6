"""Experts: pretrained ViTs whose blocks another model calls in halves, the layouts of their tokens, and their files.

B batch, F frames, T token frames, S patches per frame, N tokens, D width.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from interface.ranges import CheckedConfig, Count, Positive
from interface.sizes import ClipSize, InputSize
from models.imagenet import InitialWeights, MissingWeightsError, weights_folder
from models.model import Model, ModelConfig
from models.tensors import LoadReport, fill
from models.tokens import Grid, token_grid

NORM_MACS = 5  # multiply-adds of LayerNorm per element


@dataclass(frozen=True)
class Layout:
    grid: Grid
    framewise: bool
    """Whether frames are separate: tokens (B*T, 1 + S, D) with a CLS per frame. Otherwise, tokens are (B, T*S, D)
    without CLS."""

    @property
    def num_tokens(self) -> int:
        """Number of tokens of a clip, all CLS included."""
        return self.grid.frames * (self.framewise + self.grid.patches)

    @property
    def num_connected(self) -> int:
        return 1 + self.grid.patches if self.framewise else self.grid.tokens

    def patches(self, x: Tensor) -> Tensor:
        """Patch tokens (B, T, S, D) of all tokens, a view."""
        if self.framewise:
            return x[:, 1:].unflatten(0, (-1, self.grid.frames))
        return x.unflatten(1, (self.grid.frames, self.grid.patches))

    def with_patches(self, x: Tensor, patches: Tensor) -> Tensor:
        """All tokens, with the patches (B, T, S, D) in place of those of x. Each CLS stays."""
        if self.framewise:
            return torch.cat([x[:, :1], patches.flatten(0, 1)], dim=1)
        return patches.flatten(1, 2)

    def all_tokens(self, x: Tensor) -> Tensor:
        """Tokens of all frames of each clip, each CLS included: (B, tokens of a clip, D)."""
        return x.unflatten(0, (-1, self.grid.frames)).flatten(1, 2) if self.framewise else x


class ExpertFile:
    @dataclass(frozen=True, kw_only=True)
    class Config(InitialWeights):
        name: str
        """Name of the file, in the directory of downloaded weights."""
        source: str
        """Page that links to it."""

        def find(self, folder: Path) -> Path:
            path = folder / self.name
            if not path.exists():
                raise MissingWeightsError(f"weights: no {self.name} here: get it from {self.source}, save it as {path}")
            return path


class ExpertBlock(NamedTuple):
    """Parts of a block, from which another model puts it together: neither half has its residual connection."""

    attention_norm: nn.Module
    attention: Callable[[Tensor], Tensor]
    mlp_norm: nn.Module
    mlp: nn.Module


class Expert(nn.Module, ABC):
    """ViT without a head, under `vit`. Tokens are in its layout."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout

    @property
    def norm(self) -> nn.Module:
        """LayerNorm of the pooled tokens."""
        return self.get_submodule("vit.norm")

    @abstractmethod
    def embedded(self, clip: Tensor, in_time: Tensor | None = None) -> Tensor:
        """Input tokens of the first block for clips (B, F, 3, height, width). Some add positions in time (1, T, D)."""

    @abstractmethod
    def block(self, number: int) -> ExpertBlock:
        """Parts of the block of this index."""

    def cls_attention(self, block: int, x: Tensor) -> Tensor:
        """Output of the attention of a block for CLS alone: (B*T, 1, D)."""
        return self.block(block).attention(x)[:, :1]

    @abstractmethod
    def layer_of(self, parameter: str) -> int:
        """Layer of a parameter of the expert: 0 for the embedding, 1 to the depth for blocks, then the norm."""


@dataclass(frozen=True, kw_only=True)
class ExpertConfig(CheckedConfig, ABC):
    """Architecture and initial weights of an expert."""

    config_path: ClassVar[str] = "expert"
    label: ClassVar[str]
    framewise: ClassVar[bool]

    width: Count = 768
    depth: Count = 12
    heads: Count = 12
    patch: Count = 16
    mlp_ratio: Positive = 4.0
    init: InitialWeights | None = None
    """Source of the initial weights; None for random weights."""
    linear_std: Positive = field(default=0.02, metadata={"omit_if": 0.02})
    """Standard deviation of random weights of Linear layers."""
    tubelet: Count = 2
    """Frames of a token, the last of which image experts see; 1 for every frame."""

    def check(self, size: InputSize) -> None:
        """Refuse widths that do not divide into heads, and clips that do not divide into patches."""
        if self.width % self.heads:
            raise ValueError(f"expert.width is {self.width}; it does not divide into {self.heads} heads")
        self.layout(size)

    def layout(self, size: InputSize) -> Layout:
        clip = ClipSize.of(size)
        grid = token_grid(clip.frames, clip.height, clip.width, patch=self.patch, tubelet=self.tubelet)
        return Layout(grid, self.framewise)

    @abstractmethod
    def build(self, size: InputSize) -> Expert:
        """Expert with random weights."""

    def macs(self, size: InputSize) -> int:
        """Multiply-adds of a clip without head, LayerNorm included."""
        layout, D = self.layout(size), self.width
        N, frames_of_patch = layout.num_tokens, 1 if self.framewise else self.tubelet
        block = self.attention_macs(N, layout.num_connected) + self.mlp_macs(N) + 2 * NORM_MACS * N * D
        return layout.grid.tokens * D * 3 * frames_of_patch * self.patch**2 + self.depth * block

    @abstractmethod
    def load(self, expert: Expert, path: Path) -> LoadReport:
        """Load a released file of the expert's authors, or of timm."""

    def attention_macs(self, num_tokens: int, num_connected: int) -> int:
        """Multiply-adds of attention among groups of tokens: projections, scores and values."""
        return num_tokens * (4 * self.width**2 + 2 * num_connected * self.width)

    def mlp_macs(self, num_tokens: int) -> int:
        return 2 * num_tokens * self.width * int(self.width * self.mlp_ratio)

    def tiny(self) -> Self:
        """Expert with 1/12 of the width, 1/3 of the depth and of the heads, and random weights that suit its width."""
        return replace(
            self,
            width=self.width // 12,
            depth=self.depth // 3,
            heads=self.heads // 3,
            patch=self.patch // 2,
            init=None,
            linear_std=0.125,  # 1 / sqrt(width): with 0.02, the loss of narrow models starts to fall after epochs
        )


class ModelOfExperts(Model, ABC):
    @property
    @abstractmethod
    def experts(self) -> Mapping[str, Expert]:
        """Experts by the parts that they are, as in the config."""


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig(ModelConfig):
    """Config of a model of experts, each of which starts from a file, or from the run of an expert alone."""

    not_in_parents: ClassVar[tuple[str, ...]] = ("head.*",)

    @property
    @abstractmethod
    def experts(self) -> dict[str, ExpertConfig]:
        """Experts by the parts of the model that they are, which are the names of their fields."""

    @property
    def pretrained(self) -> bool:
        return len(self.initial_weights) == len(self.experts)

    def without_initial_weights(self) -> Self:
        return replace(self, **{part: replace(expert, init=None) for part, expert in self.experts.items()})

    @property
    def initial_weights(self) -> tuple[InitialWeights, ...]:
        return tuple(expert.init for expert in self.experts.values() if expert.init is not None)

    def initialise(self, model: nn.Module, folder: Path | None = None) -> tuple[LoadReport, ...]:
        assert isinstance(model, ModelOfExperts)
        return tuple(
            expert.load(model.experts[part], expert.init.find(folder or weights_folder()))
            for part, expert in self.experts.items()
            if expert.init is not None
        )

    def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
        """Copy a run of the same model, or the expert of a run of an expert alone, whose head and adapters stay."""
        assert isinstance(model, ModelOfExperts)
        if part not in self.experts:
            return super().copy_from(model, tensors, part)
        expert, prefix = model.experts[part], "stream.expert."
        own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        names = {name: name for name in expert.state_dict()}
        return fill(expert, own, names, source=f"the run of the {part} expert")
